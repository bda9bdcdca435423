//! Who is calling, and what they may do.
//!
//! * [`principal`]: the caller, one type for every way in.
//! * [`context`]: what a front of AWS says of the caller it has checked.
//! * [`admission`]: whether a request comes in, and as whom.
//! * [`jwt`]: tokens that are checked here.
//! * [`scopes`]: what a scope includes and what a tool needs.
//! * [`resource`]: what clients are told about all of that: challenges and metadata.
//! * [`in_flight`]: how much one caller may want at once.
//! * [`settings`]: what can be configured.

mod admission;
mod context;
mod in_flight;
#[cfg(feature = "jwt")]
mod jwt;
mod principal;
mod resource;
mod scopes;
mod settings;

pub(crate) use admission::{Admission, Denied};
#[cfg(feature = "lambda")]
pub(crate) use context::Shape;
pub(crate) use context::{HEADER_PREFIX, Vouched};
pub(crate) use in_flight::InFlight;
pub use principal::{Principal, Voucher};
pub(crate) use resource::{Resource, TokenError};
pub use scopes::ScopeTable;
pub use settings::{AuthConfig, AuthMode, JwtConfig, TokenAlgorithm};

/// Judges whatever these headers hold by whatever keys a document holds.
#[cfg(all(test, feature = "jwt"))]
pub(crate) fn fuzz_token(config: &AuthConfig, headers: &http::HeaderMap, document: &[u8]) {
    let (Ok(token), Some(rules)) = (admission::bearer(headers), &config.jwt) else { return };
    jwt::fuzz(rules, token, document);
}
