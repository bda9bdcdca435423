//! `session_info`: the session of a call, its client and its caller.

use mcp_lambda_server::{Clock, McpContext};
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

use crate::server::Reference;

#[derive(Deserialize, JsonSchema)]
#[serde(default)]
struct SessionInfo {
    /// Whether to return the name of the client, the protocol version and the principal of the caller.
    include_metadata: bool,
    /// Whether to return the capabilities of the client.
    include_capabilities: bool,
    /// Whether to return the age of the session and the time until it expires.
    include_statistics: bool,
}

impl Default for SessionInfo {
    fn default() -> Self {
        Self { include_metadata: true, include_capabilities: true, include_statistics: false }
    }
}

#[tool_router(router = session_tools, vis = "pub(crate)")]
impl Reference {
    #[tool(
        title = "Session info",
        description = "Returns what this server knows about the session of this request.",
        annotations(
            read_only_hint = true,
            destructive_hint = false,
            idempotent_hint = true,
            open_world_hint = false
        )
    )]
    async fn session_info(
        &self,
        Parameters(wanted): Parameters<SessionInfo>,
        context: RequestContext<RoleServer>,
    ) -> CallToolResult {
        let mut info = summary(&context);
        if wanted.include_metadata {
            info["client_info"] = json!(context.client_info());
            info["protocol_version"] = json!(context.protocol_version());
            info["principal"] = json!(context.principal().key());
        }
        if wanted.include_capabilities {
            info["client_capabilities"] = json!(context.client_capabilities());
        }
        if wanted.include_statistics {
            info["statistics"] = statistics(&context);
        }
        CallToolResult::structured(info)
    }
}

/// The session in short. `stateless` in 2026-07-28, which has no sessions.
pub(crate) fn summary(context: &RequestContext<RoleServer>) -> Value {
    match context.session() {
        Some(session) => {
            let record = session.record();
            json!({
                "session_state": "active",
                "session_id": record.id.as_str(),
                "created_at_ms": record.created_at,
                "expires_at_ms": record.expires_at,
            })
        }
        None => json!({ "session_state": "stateless" }),
    }
}

fn statistics(context: &RequestContext<RoleServer>) -> Value {
    let Some(session) = context.session() else { return Value::Null };
    let (now, record) = (Clock::system().now(), session.record());
    json!({
        "session_duration_seconds": now.as_millis().saturating_sub(record.created_at.as_millis()) / 1000,
        "ttl_remaining_seconds": record.expires_at.as_millis().saturating_sub(now.as_millis()) / 1000,
    })
}
