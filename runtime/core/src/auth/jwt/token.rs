//! Parses a token and checks its header and its claims.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, Header};
use serde_json::{Map, Value};

use super::super::{AuthError, AuthenticatedBy, JwtConfig, Principal, TokenAlgorithm, scopes_of};
use crate::time::Timestamp;

/// The longest token, in bytes. API Gateway accepts 10 KB of headers in total.
const MAX_BYTES: usize = 16 * 1024;
/// The longest subject of an ID token. <https://openid.net/specs/openid-connect-core-1_0.html#IDToken>
const MAX_SUBJECT_BYTES: usize = 255;

/// A token that is parsed and not yet verified.
pub(super) struct Token<'a> {
    header: Header,
    pub(super) algorithm: TokenAlgorithm,
    claims: Map<String, Value>,
    /// The text that is signed: header and claims.
    pub(super) message: &'a str,
    pub(super) signature: Vec<u8>,
}

/// The key that verifies a token: its id, if the token names one, and the algorithm.
pub(super) struct KeySelector<'a> {
    pub(super) kid: Option<&'a str>,
    pub(super) algorithm: TokenAlgorithm,
}

const MALFORMED: AuthError = AuthError::InvalidToken("the token is not a signed JSON Web Token");

impl<'a> Token<'a> {
    pub(super) fn read(text: &'a str) -> Result<Self, AuthError> {
        if text.len() > MAX_BYTES {
            return Err(AuthError::InvalidToken("the token is too long"));
        }
        let (message, signature) = text.rsplit_once('.').ok_or(MALFORMED)?;
        let (_, claims) =
            message.split_once('.').filter(|(_, claims)| !claims.contains('.')).ok_or(MALFORMED)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| MALFORMED);
        // This fails for algorithms that jsonwebtoken does not know, such as `none`.
        let header = jsonwebtoken::decode_header(text).map_err(|_| MALFORMED)?;
        let algorithm = algorithm(header.alg)
            .ok_or(AuthError::InvalidToken("the signature algorithm of the token is not accepted"))?;
        let claims = serde_json::from_slice(&decode(claims)?).map_err(|_| MALFORMED)?;
        Ok(Self { header, algorithm, claims, message, signature: decode(signature)? })
    }

    pub(super) fn key_selector(&self) -> KeySelector<'_> {
        KeySelector { kid: self.header.kid.as_deref(), algorithm: self.algorithm }
    }

    /// Checks everything except the signature.
    pub(super) fn check(&self, rules: &JwtConfig, now: Timestamp) -> Result<(), AuthError> {
        let deny = |text| Err(AuthError::InvalidToken(text));
        if !rules.algorithms.contains(&self.algorithm) {
            return deny("the signature algorithm of the token is not accepted");
        }
        self.check_extensions()?;
        if !self.is_access_token() {
            return deny("the token is not an access token");
        }
        if self.text("iss") != Some(&rules.issuer) {
            return deny("the issuer of the token is not accepted");
        }
        if !self.audience().any(|audience| rules.audience.iter().any(|accepted| accepted == audience)) {
            return deny("the audience of the token is not this server");
        }
        self.check_times(rules.leeway.as_secs_f64(), now)
    }

    /// `crit` names extensions that must be understood. This server supports none.
    fn check_extensions(&self) -> Result<(), AuthError> {
        if self.header.crit.is_some() || self.header.extras.inner().contains_key("b64") {
            return Err(AuthError::InvalidToken("the token requires an extension that is not supported"));
        }
        Ok(())
    }

    /// Checks an ID token: everything except its times and the signature.
    pub(super) fn check_id(&self, issuer: &str, client_id: &str, nonce: &str) -> Result<(), AuthError> {
        let deny = |text| Err(AuthError::InvalidToken(text));
        self.check_extensions()?;
        let kind = self.header.typ.as_deref().map(str::to_ascii_lowercase);
        if !matches!(kind.as_deref(), None | Some("jwt"))
            || !matches!(self.text("token_use"), None | Some("id"))
        {
            return deny("the token is not an ID token");
        }
        if self.text("iss") != Some(issuer) {
            return deny("the issuer of the token is not accepted");
        }
        let audiences: Vec<_> = match self.claims.get("aud") {
            Some(Value::String(audience)) => vec![audience.as_str()],
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        // A token for several audiences names the one that requested it.
        let party = self.claims.get("azp").map(|party| party.as_str() == Some(client_id));
        if !audiences.contains(&client_id) || !party.unwrap_or(audiences.len() == 1) {
            return deny("the token is for another client");
        }
        if self.text("nonce") != Some(nonce) {
            return deny("the token has another nonce");
        }
        if self.text("sub").is_none_or(|subject| subject.is_empty() || subject.len() > MAX_SUBJECT_BYTES) {
            return deny("the token has no subject");
        }
        Ok(())
    }

    /// The claims of the token. The signature must have been verified.
    pub(super) fn into_claims(self) -> Map<String, Value> {
        self.claims
    }

    pub(super) fn check_times(&self, leeway: f64, now: Timestamp) -> Result<(), AuthError> {
        let deny = |text| Err(AuthError::InvalidToken(text));
        let Ok(now) = i64::try_from(now.as_millis()) else { return deny("the token has expired") };
        #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are exact in 53 bits")]
        let now = now as f64 / 1000.0;
        match self.claims.get("exp").map(Value::as_f64) {
            Some(Some(expires)) if now < expires + leeway => {}
            Some(Some(_)) => return deny("the token has expired"),
            _ => return deny("the token has no expiration time"),
        }
        match self.claims.get("nbf").map(Value::as_f64) {
            None => Ok(()),
            Some(Some(starts)) if starts <= now + leeway => Ok(()),
            Some(_) => deny("the token is not valid yet"),
        }
    }

    /// Whether the token is an access token. ID tokens of the same issuer authenticate a user to a client, and grant nothing.
    fn is_access_token(&self) -> bool {
        let kind = self.header.typ.as_deref().map(str::to_ascii_lowercase);
        let kind = kind.as_deref().map(|kind| kind.strip_prefix("application/").unwrap_or(kind));
        matches!(kind, None | Some("jwt" | "at+jwt"))
            && matches!(self.text("token_use"), None | Some("access"))
    }

    /// The audiences of the token. Access tokens of Cognito have none, and name the client that requested them instead.
    /// <https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html>
    fn audience(&self) -> impl Iterator<Item = &str> {
        let one = match self.claims.get("aud") {
            Some(Value::String(audience)) => Some(audience.as_str()),
            None if self.text("token_use").is_some() => self.text("client_id"),
            _ => None,
        };
        let list = match self.claims.get("aud") {
            Some(Value::Array(list)) => list.as_slice(),
            _ => &[],
        };
        one.into_iter().chain(list.iter().filter_map(Value::as_str))
    }

    fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim).and_then(Value::as_str)
    }

    /// When the token is no longer accepted.
    fn expires_at(&self, leeway: Duration) -> Option<Timestamp> {
        let expires = self.claims.get("exp").and_then(Value::as_f64)?;
        Duration::try_from_secs_f64(expires)
            .ok()
            .map(|expires| Timestamp::from_millis(0).plus(expires).plus(leeway))
    }

    /// The principal of the token. The signature must have been verified.
    pub(super) fn principal(self, leeway: Duration) -> Result<Principal, AuthError> {
        let identity = self.text("iss").zip(self.text("sub").filter(|subject| !subject.is_empty()));
        let (issuer, subject) = identity.ok_or(AuthError::InvalidToken("the token has no subject"))?;
        let principal = Principal::new(issuer, subject).with_authentication(AuthenticatedBy::Token);
        let principal = match self.expires_at(leeway) {
            Some(expires_at) => principal.with_expiry(expires_at),
            None => principal,
        };
        Ok(principal.with_scopes(scopes_of(&self.claims)).with_attributes(self.claims))
    }
}

/// The algorithm, if it is supported. See [`TokenAlgorithm`] for the reason why HMAC is not.
pub(super) fn algorithm(algorithm: Algorithm) -> Option<TokenAlgorithm> {
    Some(match algorithm {
        Algorithm::RS256 => TokenAlgorithm::RS256,
        Algorithm::RS384 => TokenAlgorithm::RS384,
        Algorithm::RS512 => TokenAlgorithm::RS512,
        Algorithm::PS256 => TokenAlgorithm::PS256,
        Algorithm::PS384 => TokenAlgorithm::PS384,
        Algorithm::PS512 => TokenAlgorithm::PS512,
        Algorithm::ES256 => TokenAlgorithm::ES256,
        Algorithm::ES384 => TokenAlgorithm::ES384,
        Algorithm::EdDSA => TokenAlgorithm::EdDSA,
        _ => return None,
    })
}
