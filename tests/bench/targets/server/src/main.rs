//! This repository's server, as its users write it.

use bench_tools::Tools;
use mcp_lambda_server::McpLambdaServer;

fn main() -> Result<(), mcp_lambda_server::Error> {
    McpLambdaServer::run(Tools::new())
}
