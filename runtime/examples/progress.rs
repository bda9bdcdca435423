//! Progress that reaches the client while the tool runs: `cargo run --example progress`.

use std::time::Duration;

use mcp_lambda_server::McpLambdaServer;
use rmcp::{RoleServer, model::ProgressNotificationParam, service::RequestContext, tool, tool_router};

#[derive(Clone)]
struct Server;

#[tool_router(server_handler)]
impl Server {
    #[tool(description = "Bakes a cake, layer by layer")]
    async fn bake(&self, context: RequestContext<RoleServer>) -> String {
        for layer in 1..=3 {
            tokio::time::sleep(Duration::from_millis(500)).await;
            if let Some(token) = context.meta.get_progress_token() {
                let progress = ProgressNotificationParam::new(token, f64::from(layer)).with_total(3.0);
                // The first message of a tool makes the reply a stream. A client that has left does not stop the baking.
                let _ = context.peer.notify_progress(progress).await;
            }
        }
        "a cake with three layers".into()
    }
}

fn main() -> Result<(), mcp_lambda_server::Error> {
    McpLambdaServer::run(Server)
}
