//! Why a provider has signed no user in.

use mcp_lambda_core::{
    auth::{AuthError, DiscoveryError},
    fetch::FetchError,
};

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
