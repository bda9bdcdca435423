//! Authentication of callers, and the scopes that they need.
//!
//! * [`Principal`]: the identity that a request acts for, one type for every way of authentication.
//! * [`AuthConfig`]: which callers the server accepts; [`JwtConfig`]: which tokens.
//! * [`ScopeTable`]: the scopes that a tool requires, and those that a scope implies.
//! * [`GatewayIdentity`]: the caller that a gateway in front of the server has authenticated.

mod authenticator;
mod config;
mod error;
#[cfg(all(test, feature = "jwt"))]
mod fuzz;
mod gateway;
#[cfg(feature = "jwt")]
mod jwt;
mod principal;
mod protected_resource;
mod scopes;

pub use authenticator::Authenticator;
#[doc(hidden)]
pub use config::is_safe_url;
pub use config::{AuthConfig, AuthMode, JwtConfig, TokenAlgorithm, UnknownAlgorithm};
pub use error::AuthError;
pub use gateway::{GatewayIdentity, HEADER_PREFIX, scopes_of};
#[cfg(feature = "jwt")]
#[doc(hidden)]
pub use jwt::{DiscoveryError, IdTokens, metadata};
pub use principal::{AuthenticatedBy, Principal};
pub(crate) use protected_resource::{ProtectedResource, TokenError};
pub use scopes::ScopeTable;
