//! A job of 40 minutes that survives its process, and goes on from its last checkpoint: `cargo run --example render`. docs/tasks.md
//! describes it.

use std::time::Duration;

use mcp_lambda_server::{McpContext, McpLambdaServer, tasks::TaskSupport};
use rmcp::{ErrorData, RoleServer, service::RequestContext, tool, tool_router};

/// Frames of the film, and how many of them are between two checkpoints.
const FRAMES: u32 = 2_400;
const PART: u32 = 60;

#[derive(Clone)]
pub(crate) struct Renderer;

#[tool_router(server_handler)]
impl Renderer {
    #[tool(description = "Renders a film, for 40 minutes")]
    async fn render(&self, context: RequestContext<RoleServer>) -> Result<String, ErrorData> {
        let task = context.task();
        let first = task.last_checkpoint::<u32>().await?.unwrap_or(0);
        for frame in first..FRAMES {
            tokio::select! {
                // A frame is written under its number: another attempt that renders it again writes the same.
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
                () = task.cancelled() => return Err(ErrorData::internal_error("cancelled", None)),
            }
            let rendered = frame + 1;
            if rendered % PART == 0 {
                task.checkpoint(&rendered).await?;
                task.set_status_message(format!("{rendered} of {FRAMES} frames")).await?;
            }
        }
        Ok(format!("{FRAMES} frames, the last {} of them in this attempt", FRAMES - first))
    }
}

fn main() -> Result<(), mcp_lambda_server::Error> {
    McpLambdaServer::builder(Renderer).task_tool("render", TaskSupport::Optional).run()
}
