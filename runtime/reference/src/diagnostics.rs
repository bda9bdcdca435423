//! `lambda_diagnostics`: the health of the function, the process and the session. A value that is not known is `null`.

use mcp_lambda_server::{Clock, Handles, McpContext, session::StateError};
use rmcp::{
    RoleServer,
    handler::server::wrapper::Parameters,
    model::CallToolResult,
    schemars::{self, JsonSchema},
    service::RequestContext,
    tool, tool_router,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{host, server::Reference};

#[derive(Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Diagnostics {
    /// Whether to return the uptime, memory and calls of this process.
    include_metrics: bool,
    /// Whether to return the session of this request.
    include_session_info: bool,
    /// Whether to return the AWS region, the account and the ARN of the function.
    include_aws_info: bool,
    /// Whether to return environment variables, from a list of safe names.
    include_environment: bool,
}

impl Default for Diagnostics {
    fn default() -> Self {
        Self {
            include_metrics: true,
            include_session_info: true,
            include_aws_info: false,
            include_environment: true,
        }
    }
}

/// The share of the memory limit above which the memory check is a warning.
const MEMORY_WARNING: f64 = 0.9;

#[tool_router(router = diagnostic_tools, vis = "pub(crate)")]
impl Reference {
    #[tool(
        title = "Lambda diagnostics",
        description = "Returns the state of this server: function, process, session, environment and health. All values \
                       are measured; a value that is not known is null.",
        annotations(
            read_only_hint = true,
            destructive_hint = false,
            idempotent_hint = true,
            open_world_hint = false
        )
    )]
    async fn lambda_diagnostics(
        &self,
        Parameters(wanted): Parameters<Diagnostics>,
        context: RequestContext<RoleServer>,
    ) -> CallToolResult {
        CallToolResult::structured(self.report(&wanted, &context).await)
    }

    /// The state of the server, with the parts that are wanted.
    pub(crate) async fn report(&self, wanted: &Diagnostics, context: &RequestContext<RoleServer>) -> Value {
        let call = self.host.count_call();
        let mut report = json!({
            "timestamp_ms": Clock::system().now(),
            "place": self.host.platform(),
            "lambda_info": self.host.function(),
            "request_id": context.invocation().map(|invocation| invocation.request_id()),
            "remaining_time_ms": context.deadline().map(|deadline| deadline.remaining().as_millis()),
            "health_check": self.health(context).await,
        });
        if wanted.include_metrics {
            report["metrics"] = json!({
                "uptime_seconds": self.host.uptime().as_secs_f64(),
                "resident_bytes": host::resident_bytes(),
                "diagnostic_calls": call,
                "cold": context.invocation().map_or(call == 1, |invocation| invocation.is_cold_start()),
            });
        }
        if wanted.include_session_info {
            report["session_info"] = self.session_summary(context);
        }
        if wanted.include_aws_info {
            report["aws_info"] = json!({
                "region": self.host.region(),
                "account": context.invocation().and_then(|invocation| account(invocation.invoked_arn()?)),
                "invoked_function_arn": context.invocation().and_then(|invocation| invocation.invoked_arn()),
            });
        }
        if wanted.include_environment {
            report["environment"] = json!(self.host.variables());
        }
        report
    }

    /// The checks. The check of the state writes a value and reads it back.
    pub(crate) async fn health(&self, context: &RequestContext<RoleServer>) -> Value {
        let state = match context.handles() {
            Ok(handles) => check_state(handles).await,
            Err(_) => "not_configured".to_owned(),
        };
        let events = if context.events().is_ok() { "ok" } else { "not_configured" };
        let memory = self.memory();
        let healthy = state == "ok" && memory != "warning";
        json!({
            "overall_status": if healthy { "healthy" } else { "degraded" },
            "checks": { "state": state, "events": events, "sns": self.aws.topic_check(), "memory": memory },
        })
    }

    fn memory(&self) -> &'static str {
        match (host::resident_bytes(), self.host.memory_limit_mb()) {
            (Some(held), Some(limit)) if held as f64 > MEMORY_WARNING * limit as f64 * 1_048_576.0 => {
                "warning"
            }
            (Some(_), _) => "ok",
            (None, _) => "unknown",
        }
    }
}

/// The account in the ARN of a function.
fn account(arn: &str) -> Option<&str> {
    arn.split(':').nth(4).filter(|account| !account.is_empty())
}

async fn check_state(handles: &Handles) -> String {
    let (_, state) = handles.create();
    let outcome = async {
        state.set("health", &1).await?;
        let read = state.get::<u8>("health").await?;
        state.remove("health").await?;
        Ok::<_, StateError>(read == Some(1))
    };
    match outcome.await {
        Ok(true) => "ok".into(),
        Ok(false) => "error: a value written was not read back".into(),
        Err(error) => format!("error: {error}"),
    }
}
