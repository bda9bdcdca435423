//! Redeems codes and refresh tokens at the token endpoint of a provider: <https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3>.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::StatusCode;
use mcp_lambda_core::{
    fetch::{FetchError, FetchLimits, Fetcher},
    time::Clock,
};
use oauth2::{
    AsyncHttpClient, AuthType, AuthorizationCode, ClientId, ClientSecret, EmptyExtraTokenFields,
    EndpointNotSet, EndpointSet, ExtraTokenFields, HttpRequest, HttpResponse, PkceCodeVerifier, RedirectUrl,
    RefreshToken, RequestTokenError, Scope, StandardRevocableToken, StandardTokenIntrospectionResponse,
    StandardTokenResponse, TokenResponse, TokenUrl,
    basic::{BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenType},
};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{UpstreamError, UpstreamTokens};

/// The limits of each request to the provider.
pub(super) const LIMITS: FetchLimits = FetchLimits { timeout: Duration::from_secs(5), max_bytes: 64 * 1024 };

/// Tokens that expire later than in ten years have not been meant so.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// The token endpoint of a provider, with the credentials of this server.
pub(super) struct TokenEndpoint {
    client: Box<Client>,
}

type Introspection = StandardTokenIntrospectionResponse<EmptyExtraTokenFields, BasicTokenType>;

type Client = oauth2::Client<
    BasicErrorResponse,
    Response,
    Introspection,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

type Response = StandardTokenResponse<IdToken, BasicTokenType>;

/// The field that OpenID Connect adds to the response.
#[derive(Serialize, Deserialize)]
struct IdToken {
    id_token: Option<String>,
}

impl ExtraTokenFields for IdToken {}

// Logs must not hold tokens.
impl fmt::Debug for IdToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdToken").finish_non_exhaustive()
    }
}

/// The tokens of a user, and the ID token with which the user was signed in.
pub(super) struct Redeemed {
    pub(super) tokens: UpstreamTokens,
    pub(super) id_token: Option<String>,
}

/// How this server names itself to the endpoint.
pub(super) struct Credentials<'a> {
    pub(super) client_id: &'a str,
    /// `None`: a public client.
    pub(super) secret: Option<&'a ClientSecret>,
    /// Where the secret is sent.
    pub(super) auth_type: AuthType,
}

impl TokenEndpoint {
    pub(super) fn new(url: Url, credentials: &Credentials<'_>) -> Self {
        let client = oauth2::Client::new(ClientId::new(credentials.client_id.to_owned()))
            .set_token_uri(TokenUrl::from_url(url))
            .set_auth_type(credentials.auth_type.clone());
        let client = match credentials.secret {
            Some(secret) => client.set_client_secret(secret.clone()),
            None => client,
        };
        Self { client: Box::new(client) }
    }

    /// Redeems a code.
    pub(super) async fn redeem(
        &self,
        fetcher: &Arc<Fetcher>,
        clock: &Clock,
        code: &str,
        verifier: &str,
        redirect_uri: &str,
    ) -> Result<Redeemed, UpstreamError> {
        let redirect_uri = RedirectUrl::new(redirect_uri.to_owned())
            .map_err(|_| UpstreamError::Url { name: "redirect_uri", found: redirect_uri.to_owned() })?;
        let request = self
            .client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .set_pkce_verifier(PkceCodeVerifier::new(verifier.to_owned()))
            .set_redirect_uri(std::borrow::Cow::Owned(redirect_uri));
        let response = request.request_async(&Http(Arc::clone(fetcher))).await.map_err(refusal)?;
        Ok(redeemed(&response, clock, None))
    }

    /// Exchanges a refresh token, which stays if the provider returns no other.
    pub(super) async fn refresh(
        &self,
        fetcher: &Arc<Fetcher>,
        clock: &Clock,
        refresh_token: &str,
    ) -> Result<UpstreamTokens, UpstreamError> {
        let token = RefreshToken::new(refresh_token.to_owned());
        let request = self.client.exchange_refresh_token(&token);
        let response = request.request_async(&Http(Arc::clone(fetcher))).await.map_err(refusal)?;
        Ok(redeemed(&response, clock, Some(refresh_token)).tokens)
    }
}

impl fmt::Debug for TokenEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenEndpoint").field("url", self.client.token_uri()).finish_non_exhaustive()
    }
}

fn redeemed(response: &Response, clock: &Clock, refresh_token: Option<&str>) -> Redeemed {
    let expires_at = response.expires_in().map(|lifetime| clock.now().plus(lifetime.min(LONGEST)));
    // GitHub separates scopes by commas: https://docs.github.com/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps
    let join = |scopes: &Vec<Scope>| {
        scopes.iter().map(|scope| scope.replace(',', " ")).collect::<Vec<_>>().join(" ")
    };
    let refresh_token =
        response.refresh_token().map_or(refresh_token, |token| Some(token.secret())).map(str::to_owned);
    let tokens = UpstreamTokens {
        access_token: response.access_token().secret().clone(),
        refresh_token,
        expires_at,
        scope: response.scopes().map(join),
    };
    Redeemed { tokens, id_token: response.extra_fields().id_token.clone() }
}

fn refusal(error: RequestTokenError<FetchError, BasicErrorResponse>) -> UpstreamError {
    match error {
        RequestTokenError::ServerResponse(response) => {
            UpstreamError::Refused(printable(response.error().as_ref()))
        }
        RequestTokenError::Request(error) => UpstreamError::Unavailable(error),
        // The body may hold tokens, so only the path and the kind of the error are kept.
        RequestTokenError::Parse(error, _) => {
            let at = printable(&error.path().to_string());
            UpstreamError::Response(format!(
                "the field {at} of the token endpoint's response is missing or invalid"
            ))
        }
        RequestTokenError::Other(_) => {
            UpstreamError::Response("the token endpoint's response is not JSON".to_owned())
        }
    }
}

/// A short text of the provider for the log.
fn printable(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_graphic()).take(64).collect()
}

/// Sends the requests of `oauth2`.
struct Http(Arc<Fetcher>);

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = FetchError;
    type Future = BoxFuture<'c, Result<HttpResponse, FetchError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let response = self.0.send(request.map(Bytes::from), LIMITS).await?;
            let status = response.status();
            if status.is_server_error() || status.is_redirection() || status == StatusCode::TOO_MANY_REQUESTS
            {
                return Err(FetchError::Status(status));
            }
            let mut response = response.map(|body| body.to_vec());
            if status == StatusCode::OK && is_error(response.body()) {
                *response.status_mut() = StatusCode::BAD_REQUEST;
            }
            Ok(response)
        })
    }
}

/// Whether the body is an error in spite of its status, as GitHub sends them:
/// <https://docs.github.com/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors> (read 2026-11-28).
fn is_error(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Body {
        #[serde(default)]
        error: Option<serde::de::IgnoredAny>,
    }
    serde_json::from_slice::<Body>(body).is_ok_and(|body| body.error.is_some())
}
