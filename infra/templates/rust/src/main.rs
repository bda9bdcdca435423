//! An MCP server with one tool. It listens on `http://127.0.0.1:9000/mcp`; on Lambda the same program is the function.

#[cfg(test)]
mod tests;

use mcp_lambda_server::McpLambdaServer;
use rmcp::{handler::server::wrapper::Parameters, schemars, tool, tool_router};

/// The arguments of `greet`. Clients and models read these comments.
#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Greet {
    /// The name of the person to greet
    name: String,
}

#[derive(Clone)]
struct Server;

#[tool_router(server_handler)]
impl Server {
    #[tool(description = "Greets a person by name")]
    async fn greet(&self, Parameters(Greet { name }): Parameters<Greet>) -> String {
        format!("Hello, {name}!")
    }
}

fn main() -> Result<(), mcp_lambda_server::Error> {
    McpLambdaServer::run(Server)
}
