//! `echo` and `progress`: one tool each for a result, and for streaming and tasks.

use std::time::Duration;

use mcp_lambda_server::McpContext;
use rmcp::{
    ErrorData, RoleServer,
    handler::server::wrapper::Parameters,
    model::{CallToolResult, ContentBlock, ProgressNotificationParam},
    schemars::{self, JsonSchema},
    service::RequestContext,
    tool, tool_router,
};
use serde::Deserialize;

use crate::server::Reference;

#[derive(Deserialize, JsonSchema)]
struct Echo {
    /// The text to return.
    message: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(default)]
struct Progress {
    /// The number of steps to report.
    #[schemars(range(min = 1, max = 100))]
    steps: u32,
    /// The duration of each step, in milliseconds.
    #[schemars(range(min = 0, max = 10_000))]
    delay_ms: u64,
}

impl Default for Progress {
    fn default() -> Self {
        Self { steps: 3, delay_ms: 200 }
    }
}

#[tool_router(router = basic_tools, vis = "pub(crate)")]
impl Reference {
    #[tool(
        title = "Echo",
        description = "Returns its message.",
        annotations(
            read_only_hint = true,
            destructive_hint = false,
            idempotent_hint = true,
            open_world_hint = false
        )
    )]
    async fn echo(&self, Parameters(Echo { message }): Parameters<Echo>) -> String {
        message
    }

    #[tool(
        title = "Progress",
        description = "Reports its progress step by step while it runs, if the request has a progress token.",
        annotations(
            read_only_hint = true,
            destructive_hint = false,
            idempotent_hint = true,
            open_world_hint = false
        )
    )]
    async fn progress(
        &self,
        Parameters(Progress { steps, delay_ms }): Parameters<Progress>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        if !(1..=100).contains(&steps) || delay_ms > 10_000 {
            return Ok(refused("steps must be from 1 to 100, and delay_ms from 0 to 10000"));
        }
        let delay = Duration::from_millis(delay_ms);
        let token = context.meta.get_progress_token();
        // As a task, it goes on from its last step in another process. Inline there is no task, and nothing is kept.
        let task = context.task();
        let done = task.last_checkpoint::<u32>().await?.unwrap_or(0);
        for step in done + 1..=steps {
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                () = context.ct.cancelled() => return Ok(refused("cancelled")),
            }
            if let Some(token) = &token {
                let progress = ProgressNotificationParam::new(token.clone(), f64::from(step))
                    .with_total(f64::from(steps))
                    .with_message(format!("step {step} of {steps}"));
                // A failure means that the client has left: the cancellation above ends the call.
                let _ = context.peer.notify_progress(progress).await;
            }
            task.checkpoint(&step).await?;
            task.set_status_message(format!("step {step} of {steps}")).await?;
        }
        Ok(CallToolResult::success(vec![ContentBlock::text(format!("{steps} steps done"))]))
    }
}

/// The result of a call that has done nothing, with what a model can do about it.
pub(crate) fn refused(why: impl Into<String>) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(why.into())])
}
