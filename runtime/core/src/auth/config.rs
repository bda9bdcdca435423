//! The configuration of authentication and scopes.

use std::{str::FromStr, time::Duration};

use http::Uri;

use super::ScopeTable;

/// What authenticates a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AuthMode {
    /// Nothing is required: a caller is anonymous unless a gateway or a layer of the program has authenticated it.
    #[default]
    Open,
    /// The gateway, with IAM or an authorizer. A request without an identity of the gateway is refused.
    Gateway,
    /// A bearer token, which this server checks.
    Jwt,
}

/// How callers are authenticated, and which scopes they need.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct AuthConfig {
    /// What authenticates a caller. Default: [`AuthMode::Open`].
    pub mode: AuthMode,
    /// The tokens that are accepted by this server, or with [`AuthMode::Gateway`] by the gateway. Default: none.
    pub jwt: Option<JwtConfig>,
    /// The URL at which clients reach this server, without the path of the endpoint and without a final slash. Default:
    /// the URL of each request.
    pub public_url: Option<String>,
    /// The scopes that each tool requires. Default: none.
    pub tools: ScopeTable,
    /// The scopes that each scope implies. Default: none.
    pub hierarchy: ScopeTable,
}

/// The tokens that are accepted: access tokens of one issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct JwtConfig {
    /// The issuer, exactly as in the `iss` claim.
    pub issuer: String,
    /// The audiences, one of which must be in the `aud` claim. Access tokens of Cognito have `client_id` instead.
    pub audience: Vec<String>,
    /// The URL of the issuer's JSON Web Key Set. Default: from the metadata of the issuer.
    pub jwks_url: Option<String>,
    /// The signature algorithms. Default: RS256 and ES256.
    pub algorithms: Vec<TokenAlgorithm>,
    /// The scopes that every token must have. Default: none.
    pub scopes: Vec<String>,
    /// The tolerated difference between the clocks of the issuer and of the server. Default: 30 s.
    pub leeway: Duration,
}

/// A signature algorithm of tokens. `none` and the algorithms with shared secrets (HS256 and its like) are not supported: a
/// server that verifies such a token could also forge it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "RFC 7518 3.1 names them")]
pub enum TokenAlgorithm {
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    EdDSA,
}

/// The text is not the name of a [`TokenAlgorithm`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 or EdDSA")]
pub struct UnknownAlgorithm;

impl FromStr for TokenAlgorithm {
    type Err = UnknownAlgorithm;

    fn from_str(text: &str) -> Result<Self, UnknownAlgorithm> {
        Ok(match text {
            "RS256" => Self::RS256,
            "RS384" => Self::RS384,
            "RS512" => Self::RS512,
            "PS256" => Self::PS256,
            "PS384" => Self::PS384,
            "PS512" => Self::PS512,
            "ES256" => Self::ES256,
            "ES384" => Self::ES384,
            "EdDSA" => Self::EdDSA,
            _ => return Err(UnknownAlgorithm),
        })
    }
}

impl JwtConfig {
    /// Accepts tokens of this issuer for this audience. The other fields have their defaults.
    #[must_use]
    pub fn new(issuer: &str, audience: &str) -> Self {
        Self {
            issuer: issuer.to_owned(),
            audience: vec![audience.to_owned()],
            jwks_url: None,
            algorithms: vec![TokenAlgorithm::RS256, TokenAlgorithm::ES256],
            scopes: Vec::new(),
            leeway: Duration::from_secs(30),
        }
    }
}

impl AuthConfig {
    /// Requires tokens, which this server checks. The other fields have their defaults.
    #[must_use]
    pub fn tokens(jwt: JwtConfig) -> Self {
        Self { mode: AuthMode::Jwt, jwt: Some(jwt), ..Self::default() }
    }
}

/// Whether a URL has the scheme https, or http to a loopback address.
#[doc(hidden)]
#[must_use]
pub fn is_safe_url(text: &str) -> bool {
    let Ok(uri) = text.parse::<Uri>() else { return false };
    let Some(host) = uri.host().filter(|_| !text.contains('@')) else { return false };
    match uri.scheme_str() {
        Some("https") => true,
        Some("http") => matches!(host, "localhost" | "127.0.0.1" | "[::1]"),
        _ => false,
    }
}
