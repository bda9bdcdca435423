//! Authentication of requests: finds out the principal of a request, or refuses it.

use http::{HeaderMap, header, request::Parts};

#[cfg(feature = "jwt")]
use super::jwt::Tokens;
use super::{AuthConfig, AuthError, AuthMode, AuthenticatedBy, GatewayIdentity, Principal, ScopeTable};
use crate::{
    error::ConfigError,
    invocation::Invocation,
    time::{Clock, Deadline},
};

/// Finds out the principal of a request, or refuses it, by the rules of an [`AuthConfig`].
#[derive(Debug)]
pub struct Authenticator {
    policy: AuthPolicy,
    /// The scopes that every principal with scopes must have.
    scopes: Vec<String>,
    hierarchy: ScopeTable,
}

#[derive(Debug)]
enum AuthPolicy {
    Open,
    Gateway,
    Tokens(Box<Tokens>),
}

impl Authenticator {
    pub(crate) fn new(config: &AuthConfig, clock: &Clock) -> Result<Self, ConfigError> {
        let policy = match (config.mode, &config.jwt) {
            (AuthMode::Open, _) => AuthPolicy::Open,
            (AuthMode::Gateway, _) => AuthPolicy::Gateway,
            (AuthMode::Jwt, Some(jwt)) => AuthPolicy::Tokens(Box::new(Tokens::new(jwt, clock.clone())?)),
            (AuthMode::Jwt, None) => {
                let expected = "the URL of an issuer, since the server checks tokens";
                return Err(ConfigError::new("MCP_JWT_ISSUER", "", expected));
            }
        };
        let scopes = config.jwt.as_ref().map(|jwt| jwt.scopes.clone()).unwrap_or_default();
        Ok(Self { policy, scopes, hierarchy: config.hierarchy.clone() })
    }

    /// Finds out the principal of a request. A principal that a layer of the program has set has precedence. Of a function
    /// that isolates its tenants, it is one of the tenant of the invocation.
    ///
    /// # Errors
    ///
    /// [`AuthError`] if the request is refused.
    pub(crate) async fn authenticate(
        &self,
        parts: &Parts,
        deadline: Deadline,
    ) -> Result<Principal, AuthError> {
        let principal = self.identify(parts, deadline).await?;
        let tenant = parts.extensions.get::<Invocation>().and_then(Invocation::tenant_id);
        Ok(match tenant {
            Some(tenant) => principal.in_tenant(tenant),
            None => principal,
        })
    }

    async fn identify(&self, parts: &Parts, deadline: Deadline) -> Result<Principal, AuthError> {
        if let Some(principal) = parts.extensions.get::<Principal>() {
            return Ok(self.with_implied_scopes(principal.clone()));
        }
        let identity = parts.extensions.get::<GatewayIdentity>().map(|identity| identity.principal.clone());
        let principal = match &self.policy {
            AuthPolicy::Open => identity.unwrap_or_else(Principal::anonymous),
            AuthPolicy::Gateway => {
                identity.filter(|identity| !identity.is_anonymous()).ok_or(AuthError::Missing)?
            }
            // An identity in the event does not count: every invoker of the function can put one there.
            AuthPolicy::Tokens(tokens) => tokens.check(bearer(&parts.headers)?, deadline).await?,
        };
        self.require_scopes(self.with_implied_scopes(principal))
    }

    /// Whether this server checks tokens, so that it can be the authorizer of an API Gateway.
    #[must_use]
    pub fn checks_tokens(&self) -> bool {
        match self.policy {
            AuthPolicy::Open | AuthPolicy::Gateway => false,
            AuthPolicy::Tokens(_) => true,
        }
    }

    /// Checks the token of a request that another server serves: for an authorizer of an API Gateway.
    ///
    /// # Errors
    ///
    /// [`AuthError`] if the request is to be refused. [`AuthError::Unavailable`] if this server checks no tokens.
    pub async fn authorize_token(
        &self,
        headers: &HeaderMap,
        deadline: Deadline,
    ) -> Result<Principal, AuthError> {
        match &self.policy {
            AuthPolicy::Open | AuthPolicy::Gateway => Err(AuthError::Unavailable),
            AuthPolicy::Tokens(tokens) => {
                let principal = self.with_implied_scopes(tokens.check(bearer(headers)?, deadline).await?);
                self.require_scopes(principal)
            }
        }
    }

    /// Refuses a principal without the required scopes. Only tokens and authorizers have scopes, so callers that IAM has
    /// authenticated, and anonymous ones, are exempt.
    fn require_scopes(&self, principal: Principal) -> Result<Principal, AuthError> {
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
        let scopes = self.hierarchy.with_implied(principal.scopes());
        principal.with_scopes(scopes)
    }
}

/// Replaces the checks of the `jwt` feature. Creating it fails: a server that is configured to check tokens must not start
/// without the checks.
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

/// The bearer token of a request, from its `Authorization` header. Tokens in the query are ignored, because URLs end up in
/// logs. <https://www.rfc-editor.org/rfc/rfc6750#section-2.1>
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
