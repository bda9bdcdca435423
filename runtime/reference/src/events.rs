//! `publish_event`: publishes an event to all listening clients, and to the SNS topic.

use mcp_lambda_server::{
    McpContext,
    events::{Appended, GlobalEvent},
};
use rmcp::{
    ErrorData, RoleServer,
    handler::server::wrapper::Parameters,
    model::CallToolResult,
    schemars::{self, JsonSchema},
    service::RequestContext,
    tool, tool_router,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{server::Reference, tools::refused};

#[derive(Deserialize, JsonSchema)]
struct PublishEvent {
    /// The type of the event, as in `event://mcp-lambda-reference/<event_type>`.
    #[schemars(length(min = 1, max = 128))]
    event_type: String,
    /// The data of the event.
    #[serde(default)]
    payload: Value,
    /// The source of the event. Names that begin with `aws` are reserved for AWS.
    #[serde(default = "this_server")]
    #[schemars(length(min = 1, max = 128))]
    source: String,
    /// An id that the events of one piece of work share.
    #[serde(default)]
    correlation_id: Option<String>,
}

fn this_server() -> String {
    "mcp-lambda-reference".to_owned()
}

#[tool_router(router = event_tools, vis = "pub(crate)")]
impl Reference {
    #[tool(
        title = "Publish event",
        description = "Publishes an event to all clients that listen to this server, on all of its environments, and to \
                       its SNS topic, if it has one.",
        annotations(
            read_only_hint = false,
            destructive_hint = false,
            idempotent_hint = false,
            open_world_hint = true
        )
    )]
    async fn publish_event(
        &self,
        Parameters(event): Parameters<PublishEvent>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        for (name, text) in [("event_type", &event.event_type), ("source", &event.source)] {
            if text.trim().is_empty() || text.chars().count() > 128 {
                return Ok(refused(format!("{name} must have 1 to 128 characters")));
            }
        }
        if event.source.trim().to_ascii_lowercase().starts_with("aws") {
            return Ok(refused("source must not begin with aws: these names are reserved for AWS"));
        }
        let correlation_id = event.correlation_id;
        let event = GlobalEvent::external_event(event.source, event.event_type, event.payload);
        let uri = event.key().uri();
        let published = context.events()?.publish_to_topic(event, correlation_id.as_deref()).await?;
        let (Appended::At(position) | Appended::Already(position)) = published.appended;
        Ok(CallToolResult::structured(json!({
            "resource": uri,
            "place": position,
            "sns_message_id": published.message_id,
        })))
    }
}
