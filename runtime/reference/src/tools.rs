//! `echo`, `counter`, `progress`: one tool each for a result, for state, and for streaming and tasks.

use std::{ops::RangeInclusive, time::Duration};

use mcp_lambda_server::{McpContext, State};
use rmcp::{
    ErrorData, RoleServer,
    handler::server::wrapper::Parameters,
    model::{CallToolResult, ContentBlock, ProgressNotificationParam},
    schemars::{self, JsonSchema},
    service::RequestContext,
    tool, tool_router,
};
use serde::Deserialize;
use serde_json::json;

use crate::server::Reference;

#[derive(Deserialize, JsonSchema)]
struct Echo {
    /// The text to return.
    message: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(default)]
struct Counter {
    /// The name of the counter. Without a name, a session has a counter of its own, and a request without a session gets
    /// a new counter and its name.
    #[schemars(length(min = 1, max = 128))]
    name: Option<String>,
    /// The number to add.
    #[schemars(range(min = -1_000_000_000, max = 1_000_000_000))]
    by: i64,
}

impl Default for Counter {
    fn default() -> Self {
        Self { name: None, by: 1 }
    }
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
        title = "Counter",
        description = "Adds to a counter and returns its value. The value is stored, and concurrent calls do not lose counts.",
        annotations(
            read_only_hint = false,
            destructive_hint = false,
            idempotent_hint = false,
            open_world_hint = false
        )
    )]
    async fn counter(
        &self,
        Parameters(Counter { name, by }): Parameters<Counter>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        if name.as_ref().is_some_and(|name| !(1..=128).contains(&name.chars().count())) {
            return Ok(refused("name must have 1 to 128 characters"));
        }
        let (state, name) = counter_state(name, &context)?;
        let mut sum = None;
        let value = state
            .update("counter", |value: Option<i64>| {
                let value = value.unwrap_or(0);
                sum = value.checked_add(by).filter(|sum| EXACT.contains(sum));
                sum.unwrap_or(value)
            })
            .await?;
        if sum.is_none() {
            let (least, most) = EXACT.into_inner();
            return Ok(refused(format!(
                "by is {by}, and the counter is {value}: it counts from {least} to {most}, and was not changed"
            )));
        }
        let mut result = CallToolResult::success(vec![ContentBlock::text(value.to_string())]);
        result.structured_content = Some(json!({ "value": value, "name": name }));
        Ok(result)
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

/// The numbers that every JSON client reads as they were written.
const EXACT: RangeInclusive<i64> = -9_007_199_254_740_991..=9_007_199_254_740_991;

/// The result of a call that has done nothing, with what a model can do about it.
pub(crate) fn refused(why: impl Into<String>) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(why.into())])
}

/// The state of a counter, and its name. A named counter belongs to the caller, an unnamed counter to the session. A call
/// with neither a name nor a session creates a counter, which later calls reach only by its name.
fn counter_state(
    name: Option<String>,
    context: &RequestContext<RoleServer>,
) -> Result<(State, Option<String>), ErrorData> {
    let handles = context.handles()?;
    if let Some(name) = name {
        return Ok((handles.open(&name), Some(name)));
    }
    if let Some(session) = context.session() {
        return Ok((session.state().clone(), None));
    }
    let (name, state) = handles.create();
    Ok((state, Some(name)))
}
