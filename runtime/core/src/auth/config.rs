//! Who may call, as it is configured.

use std::{str::FromStr, time::Duration};

use http::Uri;

use super::ScopeTable;

/// Who has to vouch for a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AuthMode {
    /// Nobody: a caller that no front and no layer vouches for is anonymous.
    #[default]
    Open,
    /// The front: IAM or an authorizer. A request that came another way is refused.
    Gateway,
    /// An issuer, with a token that is checked here.
    Jwt,
}

/// Who may call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct AuthConfig {
    /// Who has to vouch for a caller.
    pub mode: AuthMode,
    /// The tokens that are taken. With [`AuthMode::Front`], those that the front takes.
    pub jwt: Option<JwtConfig>,
    /// Where clients reach this server, without the endpoint's path and without a slash at its end.
    pub public_url: Option<String>,
    /// What a caller must be allowed for a tool.
    pub tools: ScopeTable,
    /// What a scope includes.
    pub hierarchy: ScopeTable,
}

/// Which tokens are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct JwtConfig {
    /// Who makes them: `iss`.
    pub issuer: String,
    /// What they must be meant for: one of these in `aud`.
    pub audience: Vec<String>,
    /// Where the issuer's keys are, unless its metadata says.
    pub jwks_url: Option<String>,
    /// How they may be signed.
    pub algorithms: Vec<TokenAlgorithm>,
    /// What every token must allow.
    pub scopes: Vec<String>,
    /// How far the issuer's clock may be from ours.
    pub leeway: Duration,
}

/// How a token may be signed. There are no shared secrets here, and there is no `none`: whoever can check such a token
/// can also make one.
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

/// A name that is not one of a [`TokenAlgorithm`].
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
    /// Tokens of this issuer for this audience, everything else as it is by default.
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
    /// Tokens of this issuer for this audience.
    #[must_use]
    pub fn tokens(jwt: JwtConfig) -> Self {
        Self { mode: AuthMode::Jwt, jwt: Some(jwt), ..Self::default() }
    }
}

/// Whether a URL is https, or does not leave this machine.
pub(crate) fn is_safe_url(text: &str) -> bool {
    let Ok(uri) = text.parse::<Uri>() else { return false };
    let Some(host) = uri.host().filter(|_| !text.contains('@')) else { return false };
    match uri.scheme_str() {
        Some("https") => true,
        Some("http") => matches!(host, "localhost" | "127.0.0.1" | "[::1]"),
        _ => false,
    }
}
