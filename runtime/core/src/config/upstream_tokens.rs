//! The variables of the tokens that the login keeps of its upstream provider.

use super::{
    Env, LOGIN_ISSUER, LOGIN_UPSTREAM_KEYS, LOGIN_UPSTREAM_KEYS_SECRET, LOGIN_UPSTREAM_TOKENS, ProcessRole,
    invalid_value,
    login_values::{LoginKey, instead_of, keys, required_url},
    variables::JWT_ISSUER,
};
use crate::error::ConfigError;

/// How the tokens of users at the upstream provider are kept, for tools that act as their caller. The authorization server and the MCP
/// server have the same settings.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpstreamTokenConfig {
    /// The URL of the authorization server, which refreshes the tokens.
    pub issuer: String,
    /// The keys with which the tokens are sealed: the first seals, all open. They are not those of [`LoginConfig::keys`].
    ///
    /// [`LoginConfig::keys`]: super::LoginConfig::keys
    pub keys: Vec<LoginKey>,
    /// The ARN of the secret of Secrets Manager that has the keys instead, and is read while the server runs. Default: none.
    pub keys_secret: Option<String>,
}

impl UpstreamTokenConfig {
    /// Tokens of the users of this authorization server, sealed with one key.
    pub fn new(issuer: impl Into<String>, key: LoginKey) -> Self {
        Self { issuer: issuer.into(), keys: vec![key], keys_secret: None }
    }

    /// Reads the settings, if tokens are kept.
    pub(super) fn read(env: &Env<'_>) -> Result<Option<Box<Self>>, ConfigError> {
        if !env.switch(&LOGIN_UPSTREAM_TOKENS, false)? {
            return Ok(None);
        }
        // A server that checks the tokens of the login knows its URL.
        let has_url = env.role()? == ProcessRole::Login || env.get(&LOGIN_ISSUER).is_some();
        let variable = if has_url { &LOGIN_ISSUER } else { &JWT_ISSUER };
        let issuer = required_url(env, variable)?.trim_end_matches('/').to_owned();
        let keys_secret = instead_of(env, &LOGIN_UPSTREAM_KEYS_SECRET, &LOGIN_UPSTREAM_KEYS)?;
        let keys = keys(env, &LOGIN_UPSTREAM_KEYS, keys_secret.is_some())?;
        let of_login = env.get(&super::LOGIN_KEYS).unwrap_or_default();
        if keys.iter().any(|key| of_login.contains(key.secret.expose())) {
            let expected = "other secrets than those of MCP_LOGIN_KEYS, which the MCP server must not have";
            return Err(invalid_value(&LOGIN_UPSTREAM_KEYS, "(a key of MCP_LOGIN_KEYS)", expected));
        }
        Ok(Some(Box::new(Self { issuer, keys, keys_secret })))
    }
}
