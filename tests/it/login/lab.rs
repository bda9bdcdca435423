//! Environments of an authorization server over one store, a browser, and a client.

use std::collections::HashMap;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use mcp_lambda_server::{
    Clock, Config, McpLambdaServer, MemoryStore, Server, Stores,
    config::{AllowList, LoginConfig, LoginKey, LoginUpstream, ProcessRole},
    http::Body,
    time::Timestamp,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use test_support::{built, fixture::Fixture, fixture::Stage};
use url::{Url, form_urlencoded};

pub(crate) const ISSUER: &str = "https://login.example";
pub(crate) const RESOURCE: &str = "https://mcp.example/mcp";
pub(crate) const SITE: &str = "https://client.example/back";
pub(crate) const LOOPBACK: &str = "http://127.0.0.1:33418/callback";
pub(crate) const VERIFIER: &str = "planted-verifier-planted-verifier-planted-verifier";
pub(crate) const STATE: &str = "planted-state";

/// Environments of one authorization server.
pub(crate) struct Lab {
    pub(crate) servers: Vec<Server>,
    pub(crate) clock: Clock,
    pub(crate) stores: Stores,
}

/// A response, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("ASCII"))
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// Where the browser goes next.
    pub(crate) fn location(&self) -> Url {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{self:?}");
        self.header("location").expect("a location").parse().expect("a URL")
    }

    /// The cookie that is set, as it is sent back.
    pub(crate) fn cookie(&self) -> String {
        let cookie = self.header("set-cookie").expect("a cookie");
        cookie.split(';').next().expect("a pair").to_owned()
    }

    /// A hidden field of the form.
    pub(crate) fn field(&self, name: &str) -> String {
        let start = format!("name=\"{name}\" value=\"");
        let (_, rest) = self.body.split_once(&start).unwrap_or_else(|| panic!("no field {name}: {self:?}"));
        rest.split_once('"').expect("an end").0.to_owned()
    }

    /// The error that a client gets.
    pub(crate) fn error(&self) -> (u16, String) {
        (self.status.as_u16(), self.json()["error"].as_str().unwrap_or_default().to_owned())
    }
}

/// A parameter of a URL.
pub(crate) fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
}

pub(crate) fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

pub(crate) fn form(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// The settings of an authorization server with one user, Ada.
pub(crate) fn settings() -> LoginConfig {
    let users = vec![("ada".to_owned(), "right".to_owned()), ("bob".to_owned(), "other".to_owned())];
    let mut config = LoginConfig::new(ISSUER, RESOURCE, LoginUpstream::local(users));
    config.keys = vec![LoginKey::new("one", "a".repeat(64))];
    config.scopes = vec!["mcp:read".to_owned(), "mcp:write".to_owned()];
    config
}

/// The configuration of a process with these settings.
pub(crate) fn process(login: LoginConfig) -> Config {
    let mut config = Config::default();
    config.role = ProcessRole::Login;
    config.hosts = AllowList::Any;
    config.login = Some(Box::new(login));
    config
}

pub(crate) fn server(login: LoginConfig, stores: &Stores, clock: &Clock) -> Server {
    let (stage, _) = Stage::new();
    let builder = McpLambdaServer::builder(Fixture::new(stage)).config(process(login));
    built(builder.stores(stores.clone()).clock(clock.clone())).expect("a usable configuration")
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self::with(|_| ())
    }

    /// Two environments with changed settings.
    pub(crate) fn with(change: impl Fn(&mut LoginConfig)) -> Self {
        let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
        Self::over(Stores::of(MemoryStore::new(clock.clone())), clock, change)
    }

    pub(crate) fn over(stores: Stores, clock: Clock, change: impl Fn(&mut LoginConfig)) -> Self {
        let mut login = settings();
        change(&mut login);
        let servers = (0..2).map(|_| server(login.clone(), &stores, &clock)).collect();
        Self { servers, clock, stores }
    }

    pub(crate) async fn send(&self, at: usize, request: Request<String>) -> Answer {
        let request = request
            .map(|body| -> Body { Full::new(body.into()).map_err(|never| match never {}).boxed_unsync() });
        let (parts, body) = self.servers[at].handle(request).await.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        let body = String::from_utf8(body.to_vec()).expect("a text");
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn get(&self, at: usize, target: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(at, request("GET", target, headers, String::new())).await
    }

    /// Sends a form.
    pub(crate) async fn post(
        &self,
        at: usize,
        path: &str,
        pairs: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Answer {
        let headers = [&[("content-type", "application/x-www-form-urlencoded")], headers].concat();
        self.send(at, request("POST", path, &headers, form(pairs))).await
    }

    /// Registers a client, and returns its id.
    pub(crate) async fn client(&self, redirect_uris: &[&str]) -> String {
        let answer = self.register(&json!({ "client_name": "Mail", "redirect_uris": redirect_uris })).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        answer.json()["client_id"].as_str().expect("an id").to_owned()
    }

    pub(crate) async fn register(&self, metadata: &Value) -> Answer {
        let headers = [("content-type", "application/json")];
        self.send(1, request("POST", "/register", &headers, metadata.to_string())).await
    }

    /// Asks for a code, with some parameters changed: an empty one is left out.
    pub(crate) async fn authorize(&self, client: &str, changed: &[(&str, &str)], cookie: &str) -> Answer {
        let challenge = challenge(VERIFIER);
        let mut parameters: HashMap<&str, &str> = HashMap::from([
            ("response_type", "code"),
            ("client_id", client),
            ("redirect_uri", SITE),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
            ("state", STATE),
            ("resource", RESOURCE),
        ]);
        parameters.extend(changed.iter().copied());
        let pairs: Vec<_> = parameters.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        self.get(0, &format!("/authorize?{}", form(&pairs)), &[("cookie", cookie)]).await
    }

    /// Signs a user in, after a redirect of the authorization endpoint, and returns the URL of the callback.
    pub(crate) async fn sign_in(&self, sign_in: &Url, user: [&str; 2], cookie: &str) -> Url {
        let (state, challenge) = (parameter(sign_in, "state"), parameter(sign_in, "code_challenge"));
        let pairs = [
            ("state", state.as_deref().expect("a state")),
            ("code_challenge", challenge.as_deref().expect("a challenge")),
            ("name", user[0]),
            ("password", user[1]),
        ];
        self.post(0, "/sign-in", &pairs, &[("cookie", cookie)]).await.location()
    }

    /// Goes to a URL of the server.
    pub(crate) async fn visit(&self, url: &Url, cookie: &str) -> Answer {
        let target = format!("{}?{}", url.path(), url.query().unwrap_or_default());
        self.get(0, &target, &[("cookie", cookie)]).await
    }

    /// Goes as far as the consent page, as Ada. Returns the page and the cookie.
    pub(crate) async fn consent_page(&self, client: &str, changed: &[(&str, &str)]) -> (Answer, String) {
        let begun = self.authorize(client, changed, "").await;
        let cookie = begun.cookie();
        let callback = self.sign_in(&begun.location(), ["ada", "right"], &cookie).await;
        (self.visit(&callback, &cookie).await, cookie)
    }

    /// Decides on the consent page, in another environment.
    pub(crate) async fn decide(&self, page: &Answer, cookie: &str, decision: &str) -> Answer {
        let asked = page.field("asked");
        let headers = [("cookie", cookie), ("origin", ISSUER), ("sec-fetch-site", "same-origin")];
        self.post(1, "/consent", &[("asked", &asked), ("decision", decision)], &headers).await
    }

    /// The whole way to a code.
    pub(crate) async fn code(&self, client: &str, changed: &[(&str, &str)]) -> String {
        let (page, cookie) = self.consent_page(client, changed).await;
        // A user who has allowed it before is not asked again.
        let is_remembered = page.status == StatusCode::SEE_OTHER;
        let decided = if is_remembered { page } else { self.decide(&page, &cookie, "allow").await };
        let url = decided.location();
        parameter(&url, "code").unwrap_or_else(|| panic!("no code: {url}"))
    }

    pub(crate) async fn redeem(&self, client: &str, code: &str, changed: &[(&str, &str)]) -> Answer {
        let mut parameters: HashMap<&str, &str> = HashMap::from([
            ("grant_type", "authorization_code"),
            ("client_id", client),
            ("code", code),
            ("redirect_uri", SITE),
            ("code_verifier", VERIFIER),
            ("resource", RESOURCE),
        ]);
        parameters.extend(changed.iter().copied());
        let pairs: Vec<_> = parameters.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        self.post(1, "/token", &pairs, &[]).await
    }

    pub(crate) async fn refresh(&self, at: usize, client: &str, token: &str) -> Answer {
        let pairs = [("grant_type", "refresh_token"), ("client_id", client), ("refresh_token", token)];
        self.post(at, "/token", &pairs, &[]).await
    }

    /// The whole way to tokens.
    pub(crate) async fn tokens(&self, client: &str) -> Value {
        let code = self.code(client, &[]).await;
        let answer = self.redeem(client, &code, &[]).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer.json()
    }
}

pub(crate) fn request(method: &str, target: &str, headers: &[(&str, &str)], body: String) -> Request<String> {
    let mut request = Request::builder().method(method).uri(target).header("host", "login.example");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body).expect("a request")
}

pub(crate) fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap_or_else(|| panic!("no {field}: {value}"))
}

/// The claims of a token, unchecked.
pub(crate) fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).expect("claims");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
}
