//! Tokens that are checked here: <https://www.rfc-editor.org/rfc/rfc9068>,
//! <https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization#token-handling> (read 2026-11-20).
//!
//! * [`token`]: what a token says, and whether it is meant for us, now.
//! * [`key`]: whether the issuer has signed it.
//! * [`issuer`]: the issuer's keys, for as long as they may be believed.
//! * [`discovery`]: where the issuer says its keys are.
//! * [`fetch`]: a small document from the network.
//!
//! Nothing of this happens before the first token is seen: a server without tokens pays nothing for it, and one with them
//! starts without the issuer.

mod discovery;
mod fetch;
mod issuer;
mod key;
mod token;

use self::{issuer::Issuer, token::Token};
use super::{AuthError, JwtConfig, Principal};
use crate::{error::ConfigError, time::Clock, time::Deadline};

/// The tokens of one issuer, for one audience.
pub(crate) struct Tokens {
    rules: JwtConfig,
    issuer: Issuer,
    clock: Clock,
}

impl Tokens {
    pub(crate) fn new(rules: &JwtConfig, clock: Clock) -> Result<Self, ConfigError> {
        if rules.audience.is_empty() || rules.algorithms.is_empty() {
            return Err(ConfigError {
                variable: if rules.audience.is_empty() { "MCP_JWT_AUDIENCE" } else { "MCP_JWT_ALGORITHMS" },
                found: String::new(),
                expected: "at least one entry".into(),
            });
        }
        let issuer = Issuer::new(&rules.issuer, rules.jwks_url.as_deref(), clock.clone())?;
        Ok(Self { rules: rules.clone(), issuer, clock })
    }

    /// Says whose token this is. What can be told without a key is told first: nobody makes us ask the issuer with a token
    /// that could not come in anyway.
    pub(crate) async fn check(&self, text: &str, deadline: Deadline) -> Result<Principal, AuthError> {
        let token = Token::read(text)?;
        token.check(&self.rules, self.clock.now())?;
        let key = self.issuer.key(&token.wanted(), deadline).await?;
        key.verify(&token)?;
        token.principal()
    }
}

/// Judges a token by these keys, as [`Tokens::check`] does by the issuer's.
#[cfg(test)]
pub(super) fn fuzz(rules: &JwtConfig, text: &str, keys: &[u8]) {
    let keys = key::read(keys).unwrap_or_default();
    let Ok(token) = Token::read(text) else { return };
    let _ = token.check(rules, crate::time::Timestamp::from_millis(1_800_000_000_000));
    let holds = keys.iter().any(|key| key.fits(&token.wanted()) && key.verify(&token).is_ok());
    assert!(!holds, "nobody here can sign");
    let _ = token.principal();
}
