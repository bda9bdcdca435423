//! The upstream provider, which signs users in.
//!
//! * [`oidc`]: an OpenID provider, such as Cognito, which signs an ID token.
//! * [`oauth2`]: a provider of OAuth 2 without ID tokens, such as GitHub. Its API names the user.
//! * [`local`]: users of this process, for a server on one machine.
//! * [`token_endpoint`]: redeems codes and refresh tokens at a provider.

pub(crate) mod local;
pub(crate) mod oauth2;
pub(crate) mod oidc;
#[cfg(test)]
mod tests;
mod token_endpoint;

use std::{fmt, time::Duration};

use mcp_lambda_core::{
    auth::{AuthError, DiscoveryError},
    fetch::{FetchError, FetchLimits},
    time::{Deadline, Timestamp},
};
use url::Url;

use self::{local::Local, oauth2::OAuth2, oidc::Oidc};

/// The limits of each request to the provider.
const LIMITS: FetchLimits = FetchLimits { timeout: Duration::from_secs(5), max_bytes: 64 * 1024 };

/// The provider that signs users in.
#[derive(Debug)]
pub(crate) enum Upstream {
    /// An OpenID provider.
    Oidc(Oidc),
    /// A provider of OAuth 2. Its API names the user.
    OAuth2(OAuth2),
    /// The users of this process.
    Local(Local),
}

/// The user that the upstream provider has signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The subject at the provider, unique there.
    pub(crate) subject: String,
    /// A name to show to the user.
    pub(crate) name: Option<String>,
    /// The tokens of the provider. `None`: it has none.
    pub(crate) tokens: Option<UpstreamTokens>,
}

/// Tokens of the upstream provider. They are never sent to a client.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct UpstreamTokens {
    /// The access token.
    pub(crate) access_token: String,
    /// The refresh token.
    pub(crate) refresh_token: Option<String>,
    /// When the access token expires. `None`: the provider does not tell.
    pub(crate) expires_at: Option<Timestamp>,
    /// The scopes of the access token, separated by spaces, if the provider tells them.
    pub(crate) scope: Option<String>,
}

// Logs must not hold tokens.
impl fmt::Debug for UpstreamTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamTokens").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// What is asked of the authorization endpoint of the provider.
#[derive(Debug)]
pub(crate) struct UpstreamRequest<'a> {
    /// The `state`, which comes back with the code.
    pub(crate) state: &'a str,
    /// The `nonce`, which the ID token names.
    pub(crate) nonce: &'a str,
    /// The S256 challenge of the verifier with which the code is redeemed.
    pub(crate) code_challenge: &'a str,
    /// The URL of this server to which the code is sent.
    pub(crate) redirect_uri: &'a str,
    /// The scopes.
    pub(crate) scopes: &'a [String],
}

/// With what a code of the provider is redeemed.
#[derive(Debug)]
pub(crate) struct UpstreamRedemption<'a> {
    /// The verifier of the challenge.
    pub(crate) code_verifier: &'a str,
    /// The `nonce` of the request.
    pub(crate) nonce: &'a str,
    /// The URL of this server to which the code was sent.
    pub(crate) redirect_uri: &'a str,
    /// The `iss` that came with the code (RFC 9207), if any did.
    pub(crate) issuer: Option<&'a str>,
}

/// Why the provider has signed no user in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    /// The provider has refused the code or the refresh token. The text is its error code: `invalid_grant`.
    #[error("the provider has refused the request: {0}")]
    Refused(String),
    /// The response is that of another provider (RFC 9207).
    #[error("the response is of the issuer {0:?}, not of the provider")]
    OtherIssuer(String),
    /// The ID token is invalid.
    #[error("the ID token of the provider is invalid: {0}")]
    IdToken(AuthError),
    /// The metadata of the provider is unavailable or unusable.
    #[error("the metadata of the provider is unusable")]
    Discovery(#[source] DiscoveryError),
    /// An URL of the provider is not one, or not safe.
    #[error("the provider's {name} is {found:?}, which is not an https URL")]
    Url {
        /// The name of the URL in the metadata.
        name: &'static str,
        /// The text in its place.
        found: String,
    },
    /// The provider cannot be reached, or fails.
    #[error("the provider cannot be reached")]
    Unavailable(#[source] FetchError),
    /// The last request for the metadata has failed, and the next one waits for a moment.
    #[error("the provider could not be reached a moment ago")]
    Paused,
    /// The provider was not reached in time.
    #[error("the provider has not answered in time")]
    Timeout,
    /// The response is not what the protocol requires.
    #[error("the provider's response is invalid: {0}")]
    Response(String),
}

impl UpstreamError {
    /// Whether the same request may succeed later.
    pub(crate) fn is_temporary(&self) -> bool {
        matches!(
            self,
            Self::Unavailable(_)
                | Self::Paused
                | Self::Timeout
                | Self::Discovery(_)
                | Self::IdToken(AuthError::Unavailable)
        )
    }
}

impl Upstream {
    /// The URL at which the provider signs the user in.
    pub(crate) async fn authorization_url(
        &self,
        request: &UpstreamRequest<'_>,
        deadline: Deadline,
    ) -> Result<Url, UpstreamError> {
        match self {
            Self::Oidc(oidc) => in_time(deadline, oidc.authorization_url(request)).await,
            Self::OAuth2(oauth2) => Ok(oauth2.authorization_url(request)),
            Self::Local(local) => Ok(local.authorization_url(request)),
        }
    }

    /// Redeems the code that came back, and returns the user.
    pub(crate) async fn identity(
        &self,
        code: &str,
        redemption: &UpstreamRedemption<'_>,
        deadline: Deadline,
    ) -> Result<Identity, UpstreamError> {
        match self {
            Self::Oidc(oidc) => in_time(deadline, oidc.identity(code, redemption, deadline)).await,
            Self::OAuth2(oauth2) => in_time(deadline, oauth2.identity(code, redemption)).await,
            Self::Local(local) => local.identity(code, redemption),
        }
    }

    #[allow(dead_code, reason = "tokens of the provider are kept, and not refreshed yet")]
    /// Exchanges a refresh token of the provider for new tokens. The refresh token stays if the provider returns no other.
    pub(crate) async fn refresh(
        &self,
        refresh_token: &str,
        deadline: Deadline,
    ) -> Result<UpstreamTokens, UpstreamError> {
        match self {
            Self::Oidc(oidc) => in_time(deadline, oidc.refresh(refresh_token)).await,
            Self::OAuth2(oauth2) => in_time(deadline, oauth2.refresh(refresh_token)).await,
            Self::Local(_) => Err(UpstreamError::Refused("unsupported_grant_type".to_owned())),
        }
    }
}

async fn in_time<T>(
    deadline: Deadline,
    work: impl Future<Output = Result<T, UpstreamError>>,
) -> Result<T, UpstreamError> {
    tokio::time::timeout_at(deadline.instant(), work).await.unwrap_or(Err(UpstreamError::Timeout))
}

/// The first of these claims that is a text to show: at most 128 characters of it, without control characters.
fn name_in(claims: &serde_json::Map<String, serde_json::Value>, fields: &[&str]) -> Option<String> {
    let texts = fields.iter().filter_map(|field| claims.get(*field)?.as_str());
    let shown = texts.map(|text| text.chars().filter(|c| !c.is_control()).take(128).collect::<String>());
    shown.map(|text| text.trim().to_owned()).find(|text| !text.is_empty())
}
