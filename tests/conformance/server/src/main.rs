//! The server under test of `@modelcontextprotocol/conformance` 0.2.0-alpha.12.
//!
//! One rmcp handler with every fixture the suite asks for by name, in both eras: the 2025 ones ask the client while the
//! call waits, the 2026-07-28 ones answer with what they need and are called again. Sessions, streams, headers, log
//! levels, subscriptions and the integrity of `requestState` are what the suite tests, so they are the runtime's:
//! a fixture here sends its log message at every level, and accepts any `requestState` it is given.
//!
//! `scripts/conformance` builds it, starts it on a free port (`MCP_LISTEN`) and runs the suite against it.

mod completion;
mod content;
mod elicitation;
mod fixture;
mod input;
mod mrtr;
mod prompts;
mod resources;
mod running;
mod sampling;
mod schemas;
mod tasks;
mod tools;

use std::error::Error;

use mcp_lambda_server::McpLambdaServer;

fn main() -> Result<(), Box<dyn Error>> {
    let server = McpLambdaServer::builder(fixture::Fixture::new());
    let server =
        tasks::SUPPORT.into_iter().fold(server, |server, (tool, support)| server.task_tool(tool, support));
    server.run()?;
    Ok(())
}
