//! A provider of OAuth 2 without ID tokens, such as GitHub: its API names the user of a token.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, header};
use mcp_lambda_core::{
    fetch::{FetchError, Fetcher},
    time::Clock,
};
use oauth2::{AuthType, ClientSecret};
use serde_json::{Map, Value};
use url::Url;

use super::{
    Identity, UpstreamError, UpstreamRedemption, UpstreamRequest, UpstreamTokens,
    messages::{authorization_url, name_in, safe},
    token_endpoint::{Credentials, LIMITS, TokenEndpoint},
};

/// GitHub refuses requests without one: <https://docs.github.com/rest/using-the-rest-api/getting-started-with-the-rest-api#user-agent>.
const USER_AGENT: &str = concat!("mcp-lambda-login/", env!("CARGO_PKG_VERSION"));

/// The provider and this server's client there.
#[derive(Debug, Clone)]
pub(crate) struct OAuth2Config {
    /// The authorization endpoint: `https://github.com/login/oauth/authorize`.
    pub(crate) authorize_url: String,
    /// The token endpoint: `https://github.com/login/oauth/access_token`.
    pub(crate) token_url: String,
    /// The URL that answers with the user of a token: `https://api.github.com/user`.
    pub(crate) user_url: String,
    /// The id of the client.
    pub(crate) client_id: String,
    /// The secret of the client.
    pub(crate) client_secret: Option<ClientSecret>,
}

/// A provider of OAuth 2.
pub(crate) struct OAuth2 {
    authorize_url: Url,
    user_url: Url,
    client_id: String,
    token: TokenEndpoint,
    fetcher: Arc<Fetcher>,
    clock: Clock,
}

impl OAuth2 {
    /// # Errors
    ///
    /// If one of the URLs is not https, nor http to a loopback address.
    pub(crate) fn new(config: &OAuth2Config, clock: Clock) -> Result<Self, UpstreamError> {
        let authorize_url = safe("MCP_LOGIN_UPSTREAM_AUTHORIZE_URL", &config.authorize_url)?;
        let token_url = safe("MCP_LOGIN_UPSTREAM_TOKEN_URL", &config.token_url)?;
        let user_url = safe("MCP_LOGIN_UPSTREAM_USER_URL", &config.user_url)?;
        let credentials = Credentials {
            client_id: &config.client_id,
            secret: config.client_secret.as_ref(),
            // Older providers know only this one, and every provider may support it: RFC 6749 2.3.1.
            auth_type: AuthType::RequestBody,
        };
        let token = TokenEndpoint::new(token_url, &credentials);
        let (client_id, fetcher) = (config.client_id.clone(), Arc::default());
        Ok(Self { authorize_url, user_url, client_id, token, fetcher, clock })
    }

    pub(super) fn authorization_url(&self, request: &UpstreamRequest<'_>) -> Url {
        authorization_url(&self.authorize_url, &self.client_id, request, None)
    }

    pub(super) async fn identity(
        &self,
        code: &str,
        redemption: &UpstreamRedemption<'_>,
    ) -> Result<Identity, UpstreamError> {
        let (verifier, redirect_uri) = (redemption.code_verifier, redemption.redirect_uri);
        let redeemed = self.token.redeem(&self.fetcher, &self.clock, code, verifier, redirect_uri).await?;
        let user = self.user(&redeemed.tokens.access_token).await?;
        let subject = subject(&user).ok_or_else(|| {
            UpstreamError::Response("the user has neither a text `sub` nor an `id`".to_owned())
        })?;
        let name = name_in(&user, &["login", "preferred_username", "username", "name", "email"]);
        Ok(Identity { subject, name, tokens: Some(redeemed.tokens) })
    }

    pub(super) async fn refresh(&self, refresh_token: &str) -> Result<UpstreamTokens, UpstreamError> {
        self.token.refresh(&self.fetcher, &self.clock, refresh_token).await
    }

    async fn user(&self, access_token: &str) -> Result<Map<String, Value>, UpstreamError> {
        let invalid = |text: &str| UpstreamError::Response(text.to_owned());
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() =
            self.user_url.as_str().parse().map_err(|_| invalid("the URL of the user is not one"))?;
        let mut bearer = HeaderValue::try_from(format!("Bearer {access_token}"))
            .map_err(|_| invalid("the access token is not a text of visible characters"))?;
        bearer.set_sensitive(true);
        let headers = request.headers_mut();
        headers.insert(header::AUTHORIZATION, bearer);
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        let response = self.fetcher.send(request, LIMITS).await.map_err(UpstreamError::Unavailable)?;
        match response.status() {
            StatusCode::OK => {
                serde_json::from_slice(response.body()).map_err(|_| invalid("the user is not a JSON object"))
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(UpstreamError::Refused("the token does not give access to the user".to_owned()))
            }
            status => Err(UpstreamError::Unavailable(FetchError::Status(status))),
        }
    }
}

impl fmt::Debug for OAuth2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuth2").field("authorize_url", &self.authorize_url.as_str()).finish_non_exhaustive()
    }
}

/// The subject of the user: a name can be given to another user later, an id is not.
fn subject(user: &Map<String, Value>) -> Option<String> {
    let text = |value: &Value| match value {
        Value::String(text) if !text.is_empty() && text.len() <= 255 => Some(text.clone()),
        Value::Number(number) if number.is_u64() || number.is_i64() => Some(number.to_string()),
        _ => None,
    };
    user.get("sub").and_then(text).or_else(|| user.get("id").and_then(text))
}
