//! The token of a caller at the provider where the caller has signed in, for tools that act as their caller.
//!
//! The crate of the login has the one source of them. A server without a source has none.

use std::{error::Error, fmt, sync::Arc};

use async_trait::async_trait;

use crate::{
    auth::Principal,
    time::{Deadline, Timestamp},
};

/// A token of the upstream provider: its bearer acts as the user at the APIs of the provider.
///
/// No log shows it, and a tool must not return it to its client.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpstreamToken {
    /// The access token.
    pub access_token: String,
    /// When it expires. `None`: unknown.
    pub expires_at: Option<Timestamp>,
    /// The scopes that the provider has granted. Empty: those that were asked for.
    pub scopes: Vec<String>,
}

impl UpstreamToken {
    /// A token without an expiry and without scopes.
    pub fn new(access_token: impl Into<String>) -> Self {
        Self { access_token: access_token.into(), expires_at: None, scopes: Vec::new() }
    }
}

impl fmt::Debug for UpstreamToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamToken")
            .field("expires_at", &self.expires_at)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

/// Why there is no token of the upstream provider.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum UpstreamTokenError {
    /// The server keeps no tokens of a provider.
    #[error(
        "this server keeps no tokens of the provider at which its users sign in: MCP_LOGIN_UPSTREAM_TOKENS is not set"
    )]
    NotKept,
    /// The token of the caller is not one of the login of this server, or of a time at which no tokens were kept.
    #[error(
        "the caller has not signed in with the login of this server since it keeps tokens of the provider: sign in again"
    )]
    NotSignedIn,
    /// The provider issues no tokens.
    #[error("the provider at which the caller has signed in has issued no token")]
    NotIssued,
    /// The login of the caller was revoked or has expired, or the token has expired and cannot be refreshed.
    #[error("the caller's token of the provider has ended: sign in again")]
    Ended,
    /// The provider has refused to refresh the token. The text is its error code, such as `invalid_grant`.
    #[error("the provider has refused to refresh the caller's token ({0}): sign in again")]
    Refused(String),
    /// The store, the keys, the login or the provider did not answer.
    #[error("the caller's token of the provider is not available at the moment: try again")]
    Unavailable(#[source] Arc<dyn Error + Send + Sync>),
}

impl UpstreamTokenError {
    /// What did not answer, and how it failed.
    pub fn unavailable(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable(Arc::from(cause.into()))
    }
}

/// Where the tokens are found.
#[async_trait]
pub trait UpstreamTokenSource: Send + Sync + 'static {
    /// Returns the token of a caller, which is refreshed first if it is about to expire.
    ///
    /// # Errors
    ///
    /// See [`UpstreamTokenError`].
    async fn token(
        &self,
        caller: &Principal,
        deadline: Deadline,
    ) -> Result<UpstreamToken, UpstreamTokenError>;
}
