//! The smallest server: `cargo run --example echo`.

use mcp_lambda_server::McpLambdaServer;
use rmcp::{handler::server::wrapper::Parameters, schemars, tool, tool_router};

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Echo {
    message: String,
}

#[derive(Clone)]
struct Server;

#[tool_router(server_handler)]
impl Server {
    #[tool(description = "Returns its message")]
    async fn echo(&self, Parameters(Echo { message }): Parameters<Echo>) -> String {
        message
    }
}

fn main() -> Result<(), mcp_lambda_server::Error> {
    McpLambdaServer::run(Server)
}
