//! State that belongs to a session, or to a name the caller passes: `cargo run --example counter`.

use mcp_lambda_server::{Handles, McpLambdaServer, Session};
use rmcp::{
    ErrorData, RoleServer, handler::server::wrapper::Parameters, schemars, service::RequestContext, tool,
    tool_router,
};

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Count {
    /// Clients of 2026-07-28 have no session: they name their counter.
    name: Option<String>,
}

#[derive(Clone)]
struct Server;

#[tool_router(server_handler)]
impl Server {
    #[tool(description = "Counts one up")]
    async fn count(
        &self,
        Parameters(Count { name }): Parameters<Count>,
        context: RequestContext<RoleServer>,
    ) -> Result<String, ErrorData> {
        let extensions = &context.extensions;
        let state = match (name, extensions.get::<Session>(), extensions.get::<Handles>()) {
            (None, Some(session), _) => session.state().clone(),
            (Some(name), _, Some(handles)) => handles.open(&name),
            _ => return Err(ErrorData::invalid_params("without a session, name a counter", None)),
        };
        // Runs again if another environment was faster: no count is ever lost.
        let value = state.update("count", |value: Option<u64>| value.unwrap_or(0) + 1).await;
        value
            .map(|value| value.to_string())
            .map_err(|error| ErrorData::internal_error(error.to_string(), None))
    }
}

fn main() -> Result<(), mcp_lambda_server::Error> {
    McpLambdaServer::run(Server)
}
