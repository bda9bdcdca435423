//! `counter` and `reset_counter`: state that is stored, and a question to the user before it is lost.

use std::ops::RangeInclusive;

use mcp_lambda_server::{McpContext, State};
use rmcp::{
    ErrorData, RoleServer,
    handler::server::{
        tool::{InputResponses, RequestState},
        wrapper::Parameters,
    },
    model::{CallToolResponse, CallToolResult, ContentBlock},
    schemars::{self, JsonSchema},
    service::RequestContext,
    tool, tool_router,
};
use serde::Deserialize;
use serde_json::json;

use crate::{
    ask::{self, Asked, Repeated},
    server::Reference,
    tools::refused,
};

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
struct ResetCounter {
    /// The name of the counter.
    #[schemars(length(min = 1, max = 128))]
    name: String,
}

/// The numbers that every JSON client reads as they were written.
const EXACT: RangeInclusive<i64> = -9_007_199_254_740_991..=9_007_199_254_740_991;

#[tool_router(router = counter_tools, vis = "pub(crate)")]
impl Reference {
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
        title = "Reset counter",
        description = "Sets a named counter of the caller to 0. The user is asked first, if the client can ask.",
        annotations(
            read_only_hint = false,
            destructive_hint = true,
            idempotent_hint = true,
            open_world_hint = false
        )
    )]
    async fn reset_counter(
        &self,
        Parameters(ResetCounter { name }): Parameters<ResetCounter>,
        state: RequestState,
        responses: InputResponses,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if !(1..=128).contains(&name.chars().count()) {
            return Ok(refused("name must have 1 to 128 characters").into());
        }
        let counter = context.handles()?.open(&name);
        let before = counter.get::<i64>("counter").await?.unwrap_or(0);
        if before != 0 {
            let question = format!("Set the counter {name:?} from {before} to 0? Its value is lost.");
            match ask::confirm(&question, &Repeated::new(state, responses), &context).await {
                Asked::Response(true) | Asked::Unable => {
                    // The user has agreed to lose this value, and may have thought for minutes.
                    let mut found = before;
                    let reset = counter.update("counter", |value: Option<i64>| {
                        found = value.unwrap_or(0);
                        if found == before { 0 } else { found }
                    });
                    reset.await?;
                    if found != before {
                        let text = format!(
                            "the counter was {before} and is {found} by now: it was not changed; call again"
                        );
                        return Ok(refused(text).into());
                    }
                }
                Asked::Response(false) => {
                    let text = format!("the user has declined: the counter is still {before}");
                    return Ok(refused(text).into());
                }
                Asked::Question(question) => return Ok(question.into()),
                Asked::Failed(reason) => {
                    return Ok(refused(format!("{reason}. The counter is still {before}")).into());
                }
            }
        }
        Ok(CallToolResult::structured(json!({ "name": name, "before": before, "value": 0 })).into())
    }
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
