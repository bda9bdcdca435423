//! A login at a provider over HTTP, and environments of an MCP server with a tool that acts as its caller there.

use std::{
    convert::Infallible,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use http::{Method, Request, Response, header};
use local_issuer::Issuer;
use mcp_lambda_core::fetch::{FetchLimits, Fetcher};
use mcp_lambda_server::{
    Clock, Config, McpContext, McpLambdaServer, MemoryStore, Server, Stores,
    auth::{AuthConfig, JwtConfig, TokenAlgorithm},
    config::{AllowList, LoginClient, LoginConfig, LoginKey, LoginUpstream, UpstreamTokenConfig},
    http::{Body, BoxError},
    rmcp::{
        ErrorData, RoleServer, ServerHandler,
        model::{
            CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ServerCapabilities,
            ServerConfig,
        },
        service::RequestContext,
    },
};
use serde_json::{Value, json};
use test_support::{Reply, built, call};
use tokio::task::JoinSet;
use tower::{layer::layer_fn, service_fn, util::BoxCloneSyncService};
use url::{Url, form_urlencoded};

use super::lab::{Lab, SITE, claims, parameter, text};

pub(crate) const PASSWORD: &str = "planted-password";

/// An MCP server with one tool, which answers with the provider's token of its caller. No other tool should.
#[derive(Clone)]
pub(crate) struct Acting;

impl ServerHandler for Acting {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn call_tool(
        &self,
        _: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let token = context.upstream_token().await?;
        assert!(!format!("{token:?}").contains(&token.access_token));
        Ok(CallToolResult::success(vec![ContentBlock::text(token.access_token)]).into())
    }
}

/// An environment of the MCP server.
pub(crate) fn acting(config: Config, stores: &Stores, clock: &Clock) -> Server {
    let builder = McpLambdaServer::builder(Acting).config(config);
    built(builder.stores(stores.clone()).clock(clock.clone())).expect("a usable configuration")
}

/// Two environments of a login behind one address, two of an MCP server, and the provider.
pub(crate) struct UpstreamLab {
    pub(crate) provider: Issuer,
    pub(crate) login: Lab,
    pub(crate) servers: Vec<Server>,
    /// The configuration of those.
    pub(crate) config: Config,
    pub(crate) issuer: String,
    _serving: JoinSet<()>,
}

impl UpstreamLab {
    pub(crate) async fn new() -> Self {
        Self::with(|_| ()).await
    }

    pub(crate) async fn with(change: impl Fn(&mut LoginConfig)) -> Self {
        // The provider has the time of day.
        let clock = Clock::manual(Clock::system().now());
        Self::over(Stores::of(MemoryStore::new(clock.clone())), clock, change).await
    }

    pub(crate) async fn over(stores: Stores, clock: Clock, change: impl Fn(&mut LoginConfig)) -> Self {
        let provider = Issuer::start().await.expect("a port");
        let (front, environments) = front();
        let bound = front.bind(([127, 0, 0, 1], 0).into()).await.expect("a port");
        let issuer = format!("http://{}", bound.address());
        let mut serving = JoinSet::new();
        serving.spawn(bound.serve());
        provider.register("login", Some("planted-secret"), &format!("{issuer}/callback"));
        for user in ["ada", "bob"] {
            provider.add_user(user, PASSWORD);
        }
        let kept = UpstreamTokenConfig::new(&issuer, LoginKey::new("sealing", "s".repeat(64)));
        let login = Lab::over(stores.clone(), clock.clone(), |login| {
            let client = LoginClient::new("login", &["openid", "email"]).with_secret("planted-secret");
            login.upstream = LoginUpstream::oidc(provider.url(), client);
            login.issuer = issuer.clone();
            login.audience = Some("server".to_owned());
            login.upstream_tokens = Some(Box::new(kept.clone()));
            change(login);
        });
        environments.set(login.servers.clone()).map_err(|_| "set once").expect("the first time");
        let mut config = Config::default();
        config.hosts = AllowList::Any;
        let mut rules = JwtConfig::new(&issuer, "server");
        rules.jwks_url = Some(format!("{issuer}/.well-known/jwks.json"));
        rules.algorithms = vec![TokenAlgorithm::EdDSA];
        config.auth = AuthConfig::tokens(rules);
        config.upstream_tokens = Some(Box::new(kept));
        let servers = (0..2).map(|_| acting(config.clone(), &stores, &clock)).collect();
        Self { provider, login, servers, config, issuer, _serving: serving }
    }

    /// Signs a user in at the provider and lets a client have tokens. Each step is another environment's.
    pub(crate) async fn tokens(&self, client: &str, user: &str) -> Value {
        let (page, cookie) = self.consent_page(client, user).await;
        let asked = page.field("asked");
        let headers = [("cookie", &*cookie), ("origin", &*self.issuer), ("sec-fetch-site", "same-origin")];
        let form = [("asked", &*asked), ("decision", "allow")];
        let decided = self.login.post(1, "/consent", &form, &headers).await.location();
        let code = parameter(&decided, "code").expect("a code");
        self.login.redeem(client, &code, &[]).await.json()
    }

    /// Goes as far as the consent page.
    pub(crate) async fn consent_page(&self, client: &str, user: &str) -> (super::lab::Answer, String) {
        let begun = self.login.authorize(client, &[], "").await;
        let cookie = begun.cookie();
        let callback = sign_in(&begun.location(), user).await;
        (self.login.visit(&callback, &cookie).await, cookie)
    }

    /// A client with the tokens of a user.
    pub(crate) async fn signed_in(&self, user: &str) -> (String, Value) {
        let client = self.login.client(&[SITE]).await;
        let tokens = self.tokens(&client, user).await;
        (client, tokens)
    }

    /// Calls the tool with these tokens.
    pub(crate) async fn call(&self, at: usize, tokens: &Value) -> Reply {
        let bearer = format!("Bearer {}", text(tokens, "access_token"));
        call("act", json!({})).header("authorization", &bearer).send(&self.servers[at]).await
    }

    /// The token with which the tool acts.
    pub(crate) async fn token(&self, at: usize, tokens: &Value) -> String {
        self.call(at, tokens).await.tool_text().await
    }

    /// The text of the error with which the tool ends.
    pub(crate) async fn error(&self, at: usize, tokens: &Value) -> String {
        let reply = self.call(at, tokens).await.messages().await.pop().expect("a response");
        reply["error"]["message"].as_str().unwrap_or_else(|| panic!("no error: {reply}")).to_owned()
    }

    /// The user of this token, as the provider names it.
    pub(crate) async fn user_of(&self, token: &str) -> String {
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = format!("{}/userinfo", self.provider.url()).parse().expect("a URL");
        let bearer = format!("Bearer {token}").parse().expect("a header");
        request.headers_mut().insert(header::AUTHORIZATION, bearer);
        let answer = Fetcher::default().send(request, FetchLimits::default()).await.expect("an answer");
        let user: Value = serde_json::from_slice(answer.body()).expect("JSON");
        text(&user, "login").to_owned()
    }
}

/// The id of the grant of an access token.
pub(crate) fn grant_id(tokens: &Value) -> String {
    text(&claims(text(tokens, "access_token")), "grant_id").to_owned()
}

/// Signs a user in at the page of the provider, and returns the URL to which it sends the browser.
pub(crate) async fn sign_in(page: &Url, user: &str) -> Url {
    let form = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(page.query_pairs())
        .extend_pairs([("name", user), ("password", PASSWORD)])
        .finish();
    let mut request = Request::new(Bytes::from(form));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = page.join("/login").expect("a URL").as_str().parse().expect("a URL");
    let response = Fetcher::default().send(request, FetchLimits::default()).await.expect("a response");
    let location = response.headers().get(header::LOCATION).expect("a location").to_str().expect("ASCII");
    location.parse().expect("a URL")
}

type Inner = BoxCloneSyncService<Request<Body>, Response<Body>, BoxError>;

/// A server that passes each request on to the next environment, and where those are set.
pub(crate) fn front() -> (Server, Arc<OnceLock<Vec<Server>>>) {
    let environments = Arc::<OnceLock<Vec<Server>>>::default();
    let (found, turn) = (Arc::clone(&environments), Arc::<AtomicUsize>::default());
    let forward = service_fn(move |request: Request<Body>| {
        let (found, turn) = (Arc::clone(&found), turn.fetch_add(1, Ordering::Relaxed));
        async move {
            let environments = found.get().expect("environments");
            Ok::<_, Infallible>(environments[turn % environments.len()].handle(request).await)
        }
    });
    let mut config = Config::default();
    config.hosts = AllowList::Any;
    let layer = layer_fn(move |_: Inner| forward.clone());
    let front = built(McpLambdaServer::builder(Acting).config(config).layer(layer));
    (front.expect("a usable configuration"), environments)
}
