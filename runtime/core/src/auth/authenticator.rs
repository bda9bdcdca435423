//! Whether a request comes in, and as whom.

use http::{HeaderMap, header, request::Parts};

#[cfg(feature = "jwt")]
use super::jwt::Tokens;
use super::{AuthConfig, AuthMode, AuthenticatedBy, GatewayIdentity, Principal, ScopeTable};
use crate::{error::ConfigError, time::Clock, time::Deadline};

/// The rules.
#[derive(Debug)]
pub struct Authenticator {
    door: AuthPolicy,
    /// What a caller with scopes must have in any case.
    scopes: Vec<String>,
    hierarchy: ScopeTable,
}

#[derive(Debug)]
enum AuthPolicy {
    Open,
    Gateway,
    Tokens(Box<Tokens>),
}

/// Why a request does not come in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// Nobody vouches for the caller.
    #[error("authentication is required: send a bearer token in the Authorization header")]
    Missing,
    /// What was sent is not one token.
    #[error("{0}")]
    Malformed(&'static str),
    /// The token is not taken. The text says why, and nothing that its holder does not know.
    #[error("{0}")]
    #[cfg_attr(not(feature = "jwt"), allow(dead_code, reason = "nobody checks tokens"))]
    InvalidToken(&'static str),
    /// The caller may not do this.
    #[error("the caller needs the scope {}", .0.join(" "))]
    InsufficientScope(Vec<String>),
    /// The issuer's keys cannot be had, so that nobody can be told from anybody.
    #[error("tokens cannot be checked at the moment; the request may be retried")]
    Unavailable,
}

impl Authenticator {
    pub(crate) fn new(config: &AuthConfig, clock: &Clock) -> Result<Self, ConfigError> {
        let door = match (config.mode, &config.jwt) {
            (AuthMode::Open, _) => AuthPolicy::Open,
            (AuthMode::Gateway, _) => AuthPolicy::Gateway,
            (AuthMode::Jwt, Some(jwt)) => AuthPolicy::Tokens(Box::new(Tokens::new(jwt, clock.clone())?)),
            (AuthMode::Jwt, None) => {
                let expected = "the URL of an issuer, since the server checks tokens";
                return Err(ConfigError::new("MCP_JWT_ISSUER", "", expected));
            }
        };
        let scopes = config.jwt.as_ref().map(|jwt| jwt.scopes.clone()).unwrap_or_default();
        Ok(Self { door, scopes, hierarchy: config.hierarchy.clone() })
    }

    /// Says who calls. The program's own word comes first: it has authenticated in a layer of its own.
    pub(crate) async fn authenticate(
        &self,
        parts: &Parts,
        deadline: Deadline,
    ) -> Result<Principal, AuthError> {
        if let Some(own) = parts.extensions.get::<Principal>() {
            return Ok(self.with_implied_scopes(own.clone()));
        }
        let identity = parts.extensions.get::<GatewayIdentity>().map(|identity| identity.principal.clone());
        let principal = match &self.door {
            AuthPolicy::Open => identity.unwrap_or_else(Principal::anonymous),
            AuthPolicy::Gateway => {
                identity.filter(|identity| !identity.is_anonymous()).ok_or(AuthError::Missing)?
            }
            // What a front says beside it does not count: whoever may invoke the function could say it.
            AuthPolicy::Tokens(tokens) => tokens.check(bearer(&parts.headers)?, deadline).await?,
        };
        self.allowed(self.with_implied_scopes(principal))
    }

    /// Whether tokens are checked here, so that an API Gateway may ask about them.
    pub fn checks_tokens(&self) -> bool {
        match self.door {
            AuthPolicy::Open | AuthPolicy::Gateway => false,
            AuthPolicy::Tokens(_) => true,
        }
    }

    /// Says whose token this is, without letting anybody in.
    pub async fn authorize_token(
        &self,
        headers: &HeaderMap,
        deadline: Deadline,
    ) -> Result<Principal, AuthError> {
        match &self.door {
            AuthPolicy::Open | AuthPolicy::Gateway => Err(AuthError::Unavailable),
            AuthPolicy::Tokens(tokens) => {
                let principal = self.with_implied_scopes(tokens.check(bearer(headers)?, deadline).await?);
                self.allowed(principal)
            }
        }
    }

    /// Nobody comes in without the scopes that everybody needs. Callers that have no scopes by their nature are measured
    /// by whoever vouches for them.
    fn allowed(&self, principal: Principal) -> Result<Principal, AuthError> {
        let has_scopes =
            matches!(principal.authenticated_by(), AuthenticatedBy::Token | AuthenticatedBy::Authorizer);
        if has_scopes && !self.scopes.iter().all(|scope| principal.has_scope(scope)) {
            return Err(AuthError::InsufficientScope(self.scopes.clone()));
        }
        Ok(principal)
    }

    fn with_implied_scopes(&self, principal: Principal) -> Principal {
        if self.hierarchy.is_empty() || principal.scopes().is_empty() {
            return principal;
        }
        let scopes = self.hierarchy.with_included(principal.scopes());
        principal.with_scopes(scopes)
    }
}

/// Stands for the one of the `jwt` feature. A server that was meant to check tokens must not let everybody in instead.
#[cfg(not(feature = "jwt"))]
#[derive(Debug)]
struct Tokens(std::convert::Infallible);

#[cfg(not(feature = "jwt"))]
impl Tokens {
    fn new(jwt: &super::JwtConfig, _: Clock) -> Result<Self, ConfigError> {
        let expected = "to be unset: this binary was built without the `jwt` feature";
        Err(ConfigError::new("MCP_JWT_ISSUER", &jwt.issuer, expected))
    }

    async fn check(&self, _: &str, _: Deadline) -> Result<Principal, AuthError> {
        match self.0 {}
    }
}

/// The token of a request. It comes in one header and in no other place: a query ends up in logs, and in other people's
/// hands. <https://www.rfc-editor.org/rfc/rfc6750#section-2.1>
pub(super) fn bearer(headers: &HeaderMap) -> Result<&str, AuthError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Err(AuthError::Missing) };
    if values.next().is_some() {
        return Err(AuthError::Malformed("the Authorization header is given more than once"));
    }
    let text =
        value.to_str().map_err(|_| AuthError::Malformed("the Authorization header is not visible ASCII"))?;
    let (scheme, token) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(AuthError::Missing);
    }
    let token = token.trim_start();
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if token.is_empty() || !token.bytes().all(is_token) {
        return Err(AuthError::Malformed("the Authorization header does not hold one bearer token"));
    }
    Ok(token)
}
