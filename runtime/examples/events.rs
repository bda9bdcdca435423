//! A tool that publishes the change of a resource to all clients that subscribe to it: `cargo run --example events`.

use mcp_lambda_server::{McpContext, McpLambdaServer};
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
    #[tool(description = "Moves the hands of the clock, which is the resource clock://now")]
    async fn tick(&self, context: RequestContext<RoleServer>) -> Result<String, ErrorData> {
        // The event is durable when this returns. The streams of all environments send it.
        context.events()?.resource_updated("clock://now").await?;
        Ok("tock".into())
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
