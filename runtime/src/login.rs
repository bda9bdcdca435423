//! The authorization server, in place of the MCP endpoint.

use std::sync::Arc;

use mcp_lambda_core::{
    config::{Config, ProcessRole},
    error::ConfigError,
    http::Application,
    store::Stores,
    time::Clock,
    upstream_token::UpstreamTokenSource,
};

#[cfg(feature = "login")]
pub(crate) use mcp_lambda_login::LoginSecrets;

/// There is nothing to read for an authorization server.
#[cfg(not(feature = "login"))]
#[derive(Default)]
pub(crate) struct LoginSecrets;

/// Whether the authorization server reads something from a secret, or signs with a key of KMS.
#[cfg(feature = "login")]
pub(crate) fn reads_secrets(config: &Config) -> bool {
    let of_login = config.login.as_ref();
    of_login.is_some_and(|login| {
        login.keys_secret.is_some() || login.client_secret.is_some() || !login.signing_keys.is_empty()
    }) || config.upstream_tokens.as_ref().is_some_and(|tokens| tokens.keys_secret.is_some())
}

#[cfg(not(feature = "login"))]
pub(crate) fn reads_secrets(_: &Config) -> bool {
    false
}

/// The authorization server that the configuration asks for. `None`: it asks for an MCP server.
#[cfg(feature = "login")]
pub(crate) fn application(
    config: &Config,
    stores: &Stores,
    secrets: LoginSecrets,
    clock: &Clock,
) -> Result<Option<Application>, ConfigError> {
    if config.role != ProcessRole::Login {
        return Ok(None);
    }
    let Some(login) = &config.login else {
        let expected = "the URL of the authorization server, since MCP_ROLE is login";
        return Err(ConfigError::new("MCP_LOGIN_ISSUER", "", expected));
    };
    mcp_lambda_login::application_with(login, secrets, Arc::clone(&stores.state), clock.clone()).map(Some)
}

/// The tokens of callers at the upstream provider, if the server keeps them.
#[cfg(feature = "login")]
pub(crate) fn upstream_tokens(
    config: &Config,
    stores: &Stores,
    secrets: &LoginSecrets,
    clock: &Clock,
) -> Result<Option<Arc<dyn UpstreamTokenSource>>, ConfigError> {
    let Some(tokens) = &config.upstream_tokens else { return Ok(None) };
    let (keys, store) = (secrets.upstream.clone(), Arc::clone(&stores.state));
    mcp_lambda_login::upstream_tokens(tokens, keys, store, clock.clone()).map(Some)
}

/// A binary without the login has no such tokens.
#[cfg(not(feature = "login"))]
#[expect(clippy::unnecessary_wraps, reason = "a binary with the feature refuses")]
pub(crate) fn upstream_tokens(
    _: &Config,
    _: &Stores,
    _: &LoginSecrets,
    _: &Clock,
) -> Result<Option<Arc<dyn UpstreamTokenSource>>, ConfigError> {
    Ok(None)
}

/// Refuses a configuration that asks for what this binary was built without.
#[cfg(not(feature = "login"))]
pub(crate) fn application(
    config: &Config,
    _: &Stores,
    _: LoginSecrets,
    _: &Clock,
) -> Result<Option<Application>, ConfigError> {
    match config.role {
        ProcessRole::Login => {
            let expected = "another role: this binary was built without the `login` feature";
            Err(ConfigError::new("MCP_ROLE", "login", expected))
        }
        ProcessRole::Server | ProcessRole::Worker | ProcessRole::AgentCoreSchema => Ok(None),
    }
}
