//! The reference server: tools for a first look at a deployment. All values they return are real.

mod aws;
mod diagnostics;
mod events;
mod host;
mod monitor;
mod prompts;
mod resources;
mod server;
mod sessions;
mod tools;

use mcp_lambda_server::{Config, McpLambdaServer, tasks::TaskSupport};
use server::Reference;

fn main() -> Result<(), mcp_lambda_server::Error> {
    // An invalid setting stops the server when it is built, and the command `config` prints it.
    let config = Config::from_env().unwrap_or_default();
    McpLambdaServer::builder(Reference::new(host::Host::detect(), &config))
        .receive_events()
        .task_tool("progress", TaskSupport::Optional)
        .run()
}
