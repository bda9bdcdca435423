//! The authorization server, in place of the MCP endpoint.

use std::sync::Arc;

use mcp_lambda_core::{
    config::{Config, ProcessRole},
    error::ConfigError,
    http::Application,
    store::Stores,
    time::Clock,
};

/// The authorization server that the configuration asks for. `None`: it asks for an MCP server.
#[cfg(feature = "login")]
pub(crate) fn application(
    config: &Config,
    stores: &Stores,
    clock: &Clock,
) -> Result<Option<Application>, ConfigError> {
    if config.role != ProcessRole::Login {
        return Ok(None);
    }
    let Some(login) = &config.login else {
        let expected = "the URL of the authorization server, since MCP_ROLE is login";
        return Err(ConfigError::new("MCP_LOGIN_ISSUER", "", expected));
    };
    mcp_lambda_login::application(login, Arc::clone(&stores.state), clock.clone()).map(Some)
}

/// Refuses a configuration that asks for what this binary was built without.
#[cfg(not(feature = "login"))]
pub(crate) fn application(
    config: &Config,
    _: &Stores,
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
