//! The upstream provider, which signs users in.
//!
//! * [`Upstream`]: a provider of any kind.
//! * [`oidc`]: an OpenID provider, such as Cognito, which signs an ID token.
//! * [`oauth2`]: a provider of OAuth 2 without ID tokens, such as GitHub. Its API names the user.
//! * [`local`]: users of this process, for a server on one machine.
//! * [`token_endpoint`]: redeems codes and refresh tokens at a provider.

mod error;
pub(crate) mod local;
mod messages;
pub(crate) mod oauth2;
pub(crate) mod oidc;
mod provider;
#[cfg(test)]
mod tests;
mod token_endpoint;

pub(crate) use error::UpstreamError;
pub(crate) use messages::{Identity, UpstreamRedemption, UpstreamRequest, UpstreamTokens};
pub(crate) use provider::Upstream;
