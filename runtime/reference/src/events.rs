//! `publish_event`: tells everybody who listens, here and at the topic.

use mcp_lambda_server::{
    Events,
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

use crate::server::Reference;

#[derive(Deserialize, JsonSchema)]
struct PublishEvent {
    /// What kind of thing happened, as in `event://mcp-lambda-reference/<event_type>`.
    #[schemars(length(min = 1, max = 128))]
    event_type: String,
    /// What happened.
    #[serde(default)]
    payload: Value,
    /// Who says it. Names that begin with `aws` are AWS's own.
    #[serde(default = "us")]
    #[schemars(length(min = 1, max = 128))]
    source: String,
    /// Ties it to others of one piece of work.
    #[serde(default)]
    correlation_id: Option<String>,
}

fn us() -> String {
    "mcp-lambda-reference".to_owned()
}

#[tool_router(router = event_tools, vis = "pub(crate)")]
impl Reference {
    #[tool(
        description = "Tells everybody who listens to this server that something happened, on whatever environment \
                       they are, and the SNS topic, if there is one."
    )]
    async fn publish_event(
        &self,
        Parameters(event): Parameters<PublishEvent>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        for (name, text) in [("event_type", &event.event_type), ("source", &event.source)] {
            if text.trim().is_empty() || text.chars().count() > 128 {
                return Err(ErrorData::invalid_params(format!("{name} must have 1 to 128 characters"), None));
            }
        }
        if event.source.trim().to_ascii_lowercase().starts_with("aws") {
            return Err(ErrorData::invalid_params("source must not begin with aws: that is AWS's own", None));
        }
        let events = context
            .extensions
            .get::<Events>()
            .ok_or_else(|| ErrorData::internal_error("this server was started without events", None))?;
        let happened = GlobalEvent::external_event(event.source, event.event_type, event.payload);
        let uri = happened.key().uri();
        let announced = events
            .publish_to_topic(happened, event.correlation_id.as_deref())
            .await
            .map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
        let (Appended::At(place) | Appended::Already(place)) = announced.appended;
        Ok(CallToolResult::structured(json!({
            "resource": uri,
            "place": place,
            "sns_message_id": announced.message_id,
        })))
    }
}
