//! ID tokens: <https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation> (read 2026-11-28).

use std::{fmt, time::Duration};

use serde_json::{Map, Value};

use super::{issuer::Issuer, token::Token};
use crate::{
    auth::AuthError,
    error::ConfigError,
    time::{Clock, Deadline},
};

/// The tolerated difference between the clocks of the issuer and of the server.
const LEEWAY: Duration = Duration::from_secs(30);

/// Checks the ID tokens that an issuer gives to one of its clients.
pub struct IdTokens {
    issuer: String,
    client_id: String,
    keys: Issuer,
    clock: Clock,
}

impl IdTokens {
    /// Accepts tokens of `issuer` for `client_id`, signed by a key at `jwks_url`.
    ///
    /// # Errors
    ///
    /// If one of the URLs cannot be parsed.
    pub fn new(issuer: &str, jwks_url: &str, client_id: &str, clock: Clock) -> Result<Self, ConfigError> {
        let keys = Issuer::new(issuer, Some(jwks_url), clock.clone())?;
        Ok(Self { issuer: issuer.to_owned(), client_id: client_id.to_owned(), keys, clock })
    }

    /// Checks a token, which must have this nonce, and returns its claims: among them a subject.
    ///
    /// # Errors
    ///
    /// [`AuthError::InvalidToken`] with the reason, or [`AuthError::Unavailable`] while the keys cannot be fetched.
    pub async fn check(
        &self,
        text: &str,
        nonce: &str,
        deadline: Deadline,
    ) -> Result<Map<String, Value>, AuthError> {
        let token = Token::read(text)?;
        token.check_id(&self.issuer, &self.client_id, nonce)?;
        token.check_times(LEEWAY.as_secs_f64(), self.clock.now())?;
        let key = self.keys.key(&token.key_selector(), deadline).await?;
        key.verify(&token)?;
        Ok(token.into_claims())
    }
}

impl fmt::Debug for IdTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdTokens").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}
