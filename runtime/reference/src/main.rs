//! The reference server: tools for a first look at a deployment. All values they return are real.

mod ask;
mod aws;
mod cleanup;
mod completions;
mod counter;
mod diagnostics;
mod events;
mod host;
mod monitor;
mod prompts;
mod resources;
mod server;
mod sessions;
mod summary;
mod tools;

use mcp_lambda_server::{Config, McpLambdaServer, tasks::TaskSupport};
use server::Reference;

fn main() -> Result<(), mcp_lambda_server::Error> {
    let config = Config::from_env();
    let reference = match &config {
        Ok(config) => Reference::new(host::Host::detect(), config),
        // An invalid setting stops the server when it is built, and the command `config` prints it.
        Err(_) => Reference::new(host::Host::detect(), &Config::default()),
    };
    McpLambdaServer::builder(reference)
        .config_from_env(config)
        .receive_events()
        .task_tool("progress", TaskSupport::Optional)
        .task_tool("aws_inventory", TaskSupport::Optional)
        .run()
}
