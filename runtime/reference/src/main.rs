//! The reference server: tools for a first look at a deployment. All values they return are real.

mod diagnostics;
mod events;
mod host;
mod prompts;
mod resources;
mod server;
mod sessions;
mod tools;

use mcp_lambda_server::{McpLambdaServer, tasks::TaskSupport};
use server::Reference;

fn main() -> Result<(), mcp_lambda_server::Error> {
    McpLambdaServer::builder(Reference::new(host::Host::detect()))
        .receive_events()
        .task_tool("progress", TaskSupport::Optional)
        .run()
}
