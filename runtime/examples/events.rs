//! A tool that changes a resource and tells everybody who listens: `cargo run --example events`.

use mcp_lambda_server::{Events, McpLambdaServer};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{ServerCapabilities, ServerConfig},
    service::RequestContext,
    tool, tool_handler, tool_router,
};

#[derive(Clone)]
struct Server;

#[tool_router]
impl Server {
    #[tool(description = "Moves the hands of the clock")]
    async fn tick(&self, context: RequestContext<RoleServer>) -> Result<String, ErrorData> {
        let events = context.extensions.get::<Events>();
        let events = events.ok_or_else(|| ErrorData::internal_error("no event log", None))?;
        // Durable when this returns; every stream on every environment hears of it.
        let told = events.resource_updated("clock://now").await;
        told.map(|_| "tock".into()).map_err(|error| ErrorData::internal_error(error.to_string(), None))
    }
}

#[tool_handler]
impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let mut capabilities = ServerCapabilities::builder().enable_tools().enable_resources();
        capabilities = capabilities.enable_resources_subscribe();
        ServerConfig::new(capabilities.build())
    }
}

fn main() -> Result<(), mcp_lambda_server::Error> {
    McpLambdaServer::run(Server)
}
