//! State of a session, or of a name that the client passes: `cargo run --example counter`.

use mcp_lambda_server::{McpContext, McpLambdaServer};
use rmcp::{
    ErrorData, RoleServer, handler::server::wrapper::Parameters, schemars, service::RequestContext, tool,
    tool_router,
};

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Count {
    /// The name of the counter. Required in 2026-07-28, which has no sessions.
    name: Option<String>,
}

#[derive(Clone)]
struct Server;

#[tool_router(server_handler)]
impl Server {
    #[tool(description = "Adds one to a counter and returns its value")]
    async fn count(
        &self,
        Parameters(Count { name }): Parameters<Count>,
        context: RequestContext<RoleServer>,
    ) -> Result<String, ErrorData> {
        let state = match (name, context.session()) {
            (Some(name), _) => context.handles()?.open(&name),
            (None, Some(session)) => session.state().clone(),
            (None, None) => {
                return Err(ErrorData::invalid_params("a call without a session needs a name", None));
            }
        };
        // The closure runs again if another environment has changed the value meanwhile, so that no count is lost.
        let value = state.update("count", |value: Option<u64>| value.unwrap_or(0) + 1).await?;
        Ok(value.to_string())
    }
}

fn main() -> Result<(), mcp_lambda_server::Error> {
    McpLambdaServer::run(Server)
}
