//! The check that a server has the tools that its `tool_definitions` name.

use super::Server;
use crate::{
    auth::Principal,
    config::{Meant, ToolDefinitions},
    error::ConfigError,
    handler::Results,
};

impl Server {
    /// Refuses `tool_definitions` of a tool that the handler does not have. The tools are listed only if the handler does not find
    /// one of them by its name.
    ///
    /// # Errors
    ///
    /// The name of the tool, with the nearest one that there is.
    #[doc(hidden)]
    pub async fn check_tool_definitions(&self) -> Result<(), ConfigError> {
        let (Some(path), Some(definitions)) = (&self.config().tool_definitions, &self.definitions) else {
            return Ok(());
        };
        let handler = &*self.endpoint.dispatcher.exchanges.handler;
        let is_found = |name: &str| handler.tool(name).is_some();
        let mut missing: Vec<&str> =
            definitions.0.keys().map(String::as_str).filter(|name| !is_found(name)).collect();
        // Another server has tools of its own, which may change.
        if missing.is_empty() || handler.results() == Results::Passed {
            return Ok(());
        }
        let Some(listed) = self.names(definitions).await else { return Ok(()) };
        if !listed.iter().any(|name| is_found(name)) {
            // A handler that finds no tool by its name. The list has none that is disabled.
            let is_enabled = |name: &str| definitions.of(name).is_some_and(|tool| tool.enabled);
            missing.retain(|name| is_enabled(name) && !listed.iter().any(|listed| listed == name));
        }
        match missing.first() {
            Some(name) => Err(ToolDefinitions::unknown_tool(path, name, &listed)),
            None => Ok(()),
        }
    }

    /// The names that the program gives the tools which are enabled. `None` if they cannot be listed.
    async fn names(&self, definitions: &ToolDefinitions) -> Option<Vec<String>> {
        let scopes = self.config().auth.tools.all().into_iter().chain(definitions.scopes());
        let principal = Principal::new("mcp-lambda-server", "tool_definitions").with_scopes(scopes);
        let tools = self.all_tools(&principal).await.ok()?;
        let own = |tool: &serde_json::Value| {
            let name = tool["name"].as_str()?;
            Some(match definitions.meant(name) {
                Meant::Defined(own, _) => own.to_owned(),
                Meant::Same | Meant::None => name.to_owned(),
            })
        };
        Some(tools.iter().filter_map(own).collect())
    }
}
