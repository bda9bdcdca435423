//! The reference server: the tools an operator wants on day one, and nothing simulated.

mod diagnostics;
mod events;
mod host;
mod prompts;
mod resources;
mod server;
mod sessions;
mod tools;

use mcp_lambda_server::McpLambdaServer;
use server::Reference;

fn main() -> Result<(), mcp_lambda_server::Error> {
    McpLambdaServer::builder(Reference::new(host::Host::detect())).receive_events().run()
}
