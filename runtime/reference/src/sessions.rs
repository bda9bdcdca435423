//! `session_info`, `list_active_sessions`: the session of a call, and the other ones of its caller.

use mcp_lambda_server::{Clock, McpContext, error::StoreError, session::SessionRecord, time::Timestamp};
use rmcp::{
    Json, RoleServer,
    handler::server::wrapper::Parameters,
    model::CallToolResult,
    schemars::{self, JsonSchema},
    service::RequestContext,
    tool, tool_router,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{aws::icon, server::Reference, tools::refused};

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

#[derive(Deserialize, JsonSchema)]
#[serde(default)]
struct ListSessions {
    /// Whether to return the client and the protocol version of each session.
    include_details: bool,
    /// The most sessions to return.
    #[schemars(range(min = 1, max = 100))]
    limit: usize,
    sort_by: SortBy,
}

impl Default for ListSessions {
    fn default() -> Self {
        Self { include_details: false, limit: 20, sort_by: SortBy::LastActivity }
    }
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum SortBy {
    LastActivity,
    CreatedAt,
    SessionId,
}

#[derive(Serialize, JsonSchema)]
struct ActiveSessions {
    /// The sessions, newest first, or by their ids.
    sessions: Vec<ActiveSession>,
    /// The number of sessions that are returned.
    count: usize,
    /// Why there are no others, if the caller can have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    note: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct ActiveSession {
    session_id: String,
    /// Whether it is the session of this call.
    current: bool,
    /// The time of its creation (RFC 3339).
    created_at: String,
    /// The time of its last use (RFC 3339), up to a minute late.
    last_activity: String,
    /// The time at which it expires, unless it is used again (RFC 3339).
    expires_at: String,
    /// The name and the version of its client.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    client: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    protocol_version: Option<String>,
}

/// The most sessions that one call looks at.
pub(crate) const MOST_SESSIONS: usize = 1000;

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
        let mut info = self.session_summary(&context);
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

    #[tool(
        title = "List active sessions",
        description = "Returns the live sessions of the caller. Those of other callers are never returned.",
        icons = icon("M4 6h16M4 12h16M4 18h10"),
        annotations(
            read_only_hint = true,
            destructive_hint = false,
            idempotent_hint = true,
            open_world_hint = false
        )
    )]
    async fn list_active_sessions(
        &self,
        Parameters(wanted): Parameters<ListSessions>,
        context: RequestContext<RoleServer>,
    ) -> Result<Json<ActiveSessions>, CallToolResult> {
        if !(1..=100).contains(&wanted.limit) {
            return Err(refused(format!("limit is {}: expected a number from 1 to 100", wanted.limit)));
        }
        let Some(session) = context.session() else {
            let note = "this call has no session: protocol 2026-07-28 has none";
            return Ok(Json(ActiveSessions { sessions: Vec::new(), count: 0, note: Some(note.to_owned()) }));
        };
        let anonymous = session.record().owner.is_anonymous();
        let mut records = session.siblings(MOST_SESSIONS).await.map_err(|error| unavailable(&error))?;
        let used = |record: &SessionRecord| self.last_activity(record);
        match wanted.sort_by {
            SortBy::LastActivity => records.sort_by_key(|record| std::cmp::Reverse(used(record))),
            SortBy::CreatedAt => records.sort_by_key(|record| std::cmp::Reverse(record.created_at)),
            SortBy::SessionId => records.sort_by(|a, b| a.id.as_str().cmp(b.id.as_str())),
        }
        records.truncate(wanted.limit);
        let sessions: Vec<_> = records
            .iter()
            .map(|record| {
                let client = &record.client.client_info;
                let details = wanted.include_details;
                ActiveSession {
                    session_id: record.id.as_str().to_owned(),
                    current: record.id == *session.id(),
                    created_at: record.created_at.to_rfc3339(),
                    last_activity: used(record).to_rfc3339(),
                    expires_at: record.expires_at.to_rfc3339(),
                    client: details.then(|| format!("{} {}", client.name, client.version)),
                    protocol_version: details.then(|| record.version.to_rmcp().to_string()),
                }
            })
            .collect();
        let note = anonymous
            .then(|| "anonymous callers are not one person: only this session is returned".to_owned());
        Ok(Json(ActiveSessions { count: sessions.len(), sessions, note }))
    }

    /// The session in short. `stateless` in 2026-07-28, which has no sessions.
    pub(crate) fn session_summary(&self, context: &RequestContext<RoleServer>) -> Value {
        let Some(session) = context.session() else { return json!({ "session_state": "stateless" }) };
        let record = session.record();
        json!({
            "session_state": "active",
            "session_id": record.id.as_str(),
            "created_at_ms": record.created_at,
            "last_activity_ms": self.last_activity(record),
            "expires_at_ms": record.expires_at,
            "ttl_seconds": record.expires_at.since(Clock::system().now()).as_secs(),
        })
    }

    /// When a session was last used: its expiry moves with each use, once a minute.
    pub(crate) fn last_activity(&self, record: &SessionRecord) -> Timestamp {
        let used = record.expires_at.as_millis().saturating_sub(self.session_ttl.as_millis() as u64);
        Timestamp::from_millis(used).max(record.created_at)
    }
}

pub(crate) fn unavailable(error: &StoreError) -> CallToolResult {
    tracing::warn!(%error, "the sessions of a caller could not be read");
    refused("the store of sessions does not answer: repeat the call")
}

fn statistics(context: &RequestContext<RoleServer>) -> Value {
    let Some(session) = context.session() else { return Value::Null };
    let (now, record) = (Clock::system().now(), session.record());
    json!({
        "session_duration_seconds": now.as_millis().saturating_sub(record.created_at.as_millis()) / 1000,
    })
}
