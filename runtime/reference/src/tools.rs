//! `echo`, `counter`, `progress`: one tool each for an answer, for state and for streaming.

use std::time::Duration;

use mcp_lambda_server::{Handles, Session, State};
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
    /// What to say back.
    message: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(default)]
struct Counter {
    /// Which counter. Without one a session counts for itself; a request without a session gets a new counter and
    /// its name.
    #[schemars(length(min = 1, max = 128))]
    name: Option<String>,
    /// How much to add.
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
    /// How many steps to report.
    #[schemars(range(min = 1, max = 100))]
    steps: u32,
    /// How long each step takes, in milliseconds.
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
    #[tool(description = "Says back what it is told.", annotations(read_only_hint = true))]
    async fn echo(&self, Parameters(Echo { message }): Parameters<Echo>) -> String {
        message
    }

    #[tool(description = "Counts. The count survives the process and is never lost to a concurrent call.")]
    async fn counter(
        &self,
        Parameters(Counter { name, by }): Parameters<Counter>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let (state, name) = counter_state(name, &context)?;
        let value = state
            .update("counter", |value: Option<i64>| value.unwrap_or(0).saturating_add(by))
            .await
            .map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
        let mut result = CallToolResult::success(vec![ContentBlock::text(value.to_string())]);
        result.structured_content = Some(json!({ "value": value, "name": name }));
        Ok(result)
    }

    #[tool(
        description = "Reports progress step by step while it works, if the caller gives a progress token.",
        annotations(read_only_hint = true)
    )]
    async fn progress(
        &self,
        Parameters(Progress { steps, delay_ms }): Parameters<Progress>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let (steps, delay) = (steps.clamp(1, 100), Duration::from_millis(delay_ms.min(10_000)));
        let token = context.meta.get_progress_token();
        for step in 1..=steps {
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                () = context.ct.cancelled() => return Ok(CallToolResult::error(vec![ContentBlock::text("cancelled")])),
            }
            if let Some(token) = &token {
                let progress = ProgressNotificationParam::new(token.clone(), f64::from(step))
                    .with_total(f64::from(steps))
                    .with_message(format!("step {step} of {steps}"));
                // A caller that has gone away is noticed by the cancellation above.
                let _ = context.peer.notify_progress(progress).await;
            }
        }
        Ok(CallToolResult::success(vec![ContentBlock::text(format!("{steps} steps done"))]))
    }
}

/// A named counter belongs to the caller, an unnamed one to the session; without either there is a fresh one, and
/// its name is the only way back to it.
fn counter_state(
    name: Option<String>,
    context: &RequestContext<RoleServer>,
) -> Result<(State, Option<String>), ErrorData> {
    let handles = context
        .extensions
        .get::<Handles>()
        .ok_or_else(|| ErrorData::internal_error("this server was started without state", None))?;
    if let Some(name) = name {
        if name.is_empty() || name.len() > 128 {
            return Err(ErrorData::invalid_params("name must have 1 to 128 characters", None));
        }
        return Ok((handles.open(&name), Some(name)));
    }
    if let Some(session) = context.extensions.get::<Session>() {
        return Ok((session.state().clone(), None));
    }
    let (name, state) = handles.create();
    Ok((state, Some(name)))
}
