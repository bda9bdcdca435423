//! The server on its own loop over the Runtime API.

use hosted::Hosted;
use mcp_lambda_server::McpLambdaServer;

fn main() -> Result<(), mcp_lambda_server::Error> {
    McpLambdaServer::builder(Hosted)
        .layer(tower::layer::layer_fn(hosted::breaking))
        .before_snapshot(|| hosted::hook("BEFORE_SNAPSHOT"))
        .after_restore(|| hosted::hook("AFTER_RESTORE"))
        .run()
}
