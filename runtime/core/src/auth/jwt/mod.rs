//! Bearer tokens that the server checks: <https://www.rfc-editor.org/rfc/rfc9068>,
//! <https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization#token-handling> (read 2026-11-20).
//!
//! * [`token`]: parses a token and checks its claims.
//! * [`key`]: verifies the signature of a token.
//! * [`issuer`]: caches the keys of the issuer.
//! * [`discovery`]: fetches the metadata of the issuer, with the URL of the keys.
//! * [`id_token`]: checks ID tokens, which sign a user in.
//!
//! The issuer is asked with the first token that passes the other checks. So a server starts while its issuer is down, and
//! a server without tokens pays nothing.

mod discovery;
mod id_token;
mod issuer;
mod key;
mod token;

use std::fmt;

pub use self::{
    discovery::{DiscoveryError, metadata},
    id_token::IdTokens,
};
use self::{issuer::Issuer, token::Token};
use super::{AuthError, JwtConfig, Principal};
use crate::{
    error::ConfigError,
    time::{Clock, Deadline},
};

/// Checks tokens against a [`JwtConfig`] and the keys of its issuer.
pub(crate) struct Tokens {
    rules: JwtConfig,
    issuer: Issuer,
    clock: Clock,
}

impl Tokens {
    pub(crate) fn new(rules: &JwtConfig, clock: Clock) -> Result<Self, ConfigError> {
        if rules.audience.is_empty() || rules.algorithms.is_empty() {
            let variable = if rules.audience.is_empty() { "MCP_JWT_AUDIENCE" } else { "MCP_JWT_ALGORITHMS" };
            return Err(ConfigError::new(variable, "", "at least one entry"));
        }
        let issuer = Issuer::new(&rules.issuer, rules.jwks_url.as_deref(), clock.clone())?;
        Ok(Self { rules: rules.clone(), issuer, clock })
    }

    /// Checks a token and returns its principal. The checks that need no key come first, so that a token that fails them
    /// causes no request to the issuer.
    pub(crate) async fn check(&self, text: &str, deadline: Deadline) -> Result<Principal, AuthError> {
        let token = Token::read(text)?;
        token.check(&self.rules, self.clock.now())?;
        let key = self.issuer.key(&token.key_selector(), deadline).await?;
        key.verify(&token)?;
        token.principal(self.rules.leeway)
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("rules", &self.rules).finish_non_exhaustive()
    }
}

/// Checks a token against the keys in a document, and asserts that no key verifies its signature.
#[cfg(test)]
pub(super) fn fuzz(rules: &JwtConfig, text: &str, keys: &[u8]) {
    let keys = key::read(keys).unwrap_or_default();
    let Ok(token) = Token::read(text) else { return };
    let _ = token.check(rules, crate::time::Timestamp::from_millis(1_800_000_000_000));
    let is_verified = keys.iter().any(|key| key.matches(&token.key_selector()) && key.verify(&token).is_ok());
    assert!(!is_verified, "the test holds no private key");
    let _ = token.principal(rules.leeway);
}
