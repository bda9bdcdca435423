//! Redeems codes at the token endpoint of a provider: <https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3>.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::StatusCode;
use mcp_lambda_core::fetch::{FetchError, FetchLimits, Fetcher};
use oauth2::{
    AsyncHttpClient, AuthType, AuthorizationCode, ClientId, ClientSecret, EmptyExtraTokenFields,
    EndpointNotSet, EndpointSet, ExtraTokenFields, HttpRequest, HttpResponse, PkceCodeVerifier, RedirectUrl,
    RequestTokenError, StandardRevocableToken, StandardTokenIntrospectionResponse, StandardTokenResponse,
    TokenResponse, TokenUrl,
    basic::{BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenType},
};
use serde::{Deserialize, Serialize};
use url::Url;

use super::UpstreamError;

/// The limits of each request to the provider.
pub(super) const LIMITS: FetchLimits = FetchLimits { timeout: Duration::from_secs(5), max_bytes: 64 * 1024 };

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

/// What a code is redeemed for. Nothing of it is kept once the user is known.
pub(super) struct Redeemed {
    pub(super) access_token: String,
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
        Ok(Redeemed {
            access_token: response.access_token().secret().clone(),
            id_token: response.extra_fields().id_token.clone(),
        })
    }
}

impl fmt::Debug for TokenEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenEndpoint").field("url", self.client.token_uri()).finish_non_exhaustive()
    }
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
