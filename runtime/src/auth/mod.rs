//! Who is calling, and what they may do.
//!
//! * [`principal`]: the caller, one type for every way in.
//! * [`context`]: what a front of AWS says of the caller it has checked.
//! * [`authenticator`]: whether a request comes in, and as whom.
//! * [`jwt`]: tokens that are checked here.
//! * [`scopes`]: what a scope includes and what a tool needs.
//! * [`resource`]: what clients are told about all of that: challenges and metadata.
//! * [`request_limiter`]: how much one caller may want at once.
//! * [`settings`]: what can be configured.

mod authenticator;
mod context;
#[cfg(feature = "jwt")]
mod jwt;
mod principal;
mod request_limiter;
mod resource;
mod scopes;
mod settings;

pub(crate) use authenticator::{AuthError, Authenticator};
#[cfg(feature = "lambda")]
pub(crate) use context::Shape;
pub(crate) use context::{GatewayIdentity, HEADER_PREFIX};
pub use principal::{AuthenticatedBy, Principal};
pub(crate) use request_limiter::RequestLimiter;
pub(crate) use resource::{ProtectedResource, TokenError};
pub use scopes::ScopeTable;
pub use settings::{AuthConfig, AuthMode, JwtConfig, TokenAlgorithm};

/// Judges whatever these headers hold by whatever keys a document holds.
#[cfg(all(test, feature = "jwt"))]
pub(crate) fn fuzz_token(config: &AuthConfig, headers: &http::HeaderMap, document: &[u8]) {
    let (Ok(token), Some(rules)) = (authenticator::bearer(headers), &config.jwt) else { return };
    jwt::fuzz(rules, token, document);
}
