//! SNS deliveries and EventBridge events, read into [`InboundEvent`]s.
//!
//! Shapes: <https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html>,
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html>,
//! <https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html> (read 2026-11-20).

use std::{borrow::Cow, collections::HashMap};

use serde::Deserialize;
use serde_json::Value;

use mcp_lambda_core::{
    auth::Principal,
    events::{Event, GlobalEvent, InboundEvent, Scope, TopicMessage},
    time::Timestamp,
};

/// The message attribute that addresses a message to one principal, by [`Principal::key`].
const PRINCIPAL_ATTRIBUTE: &str = "mcp_principal";

/// The payload is invalid. The invocation fails on purpose, so Lambda retries it and then moves it to the dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidEvent {
    /// The payload does not have the format that its sender documents.
    #[error("the {sender} event cannot be read: {reason}")]
    Delivery {
        /// SNS or `EventBridge`.
        sender: &'static str,
        /// Why the payload is invalid.
        reason: String,
    },
    /// The `type` of the message is one of [`MCP_EVENT_TYPES`], and its fields do not fit the type.
    #[error("message {id} has the type {kind:?} and is not a valid event of that type: {reason}")]
    McpEvent {
        /// The sender's id of the message.
        id: String,
        /// The `type` of the message.
        kind: String,
        /// Why the message is invalid.
        reason: String,
    },
    /// The message is for a session, and its `session_id` is not a valid session id.
    #[error("message {0} is for one session, and its session_id is not a session id of this server")]
    Session(String),
    /// The message is for one principal, and its attribute has no valid key.
    #[error(
        "message {0} has an attribute mcp_principal that is not the key of a principal: expected text such as \
         https://issuer.example.com|alice"
    )]
    Principal(String),
    /// The message has no content.
    #[error("message {0} has neither a text nor a subject")]
    Empty(String),
}

#[derive(Deserialize)]
struct Delivery<'a> {
    #[serde(borrow, rename = "Records")]
    records: Vec<Record<'a>>,
}

#[derive(Deserialize)]
struct Record<'a> {
    #[serde(borrow, rename = "Sns")]
    sns: Message<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Message<'a> {
    #[serde(borrow)]
    message_id: Cow<'a, str>,
    #[serde(borrow, default)]
    topic_arn: Cow<'a, str>,
    #[serde(default)]
    subject: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    timestamp: Option<String>,
    #[serde(default)]
    message_attributes: HashMap<String, Attribute>,
}

#[derive(Deserialize)]
struct Attribute {
    // The text of the attribute; a binary attribute has no `Value` that is text.
    #[serde(default, rename = "Value")]
    value: Value,
}

/// Reads an SNS invocation.
pub(super) fn sns(payload: &str) -> Result<Vec<InboundEvent>, InvalidEvent> {
    let unreadable = |reason: String| InvalidEvent::Delivery { sender: "SNS", reason };
    let delivery: Delivery<'_> =
        serde_json::from_str(payload).map_err(|error| unreadable(error.to_string()))?;
    delivery
        .records
        .iter()
        .map(|record| {
            let message = &record.sns;
            if message.message_id.is_empty() {
                return Err(unreadable("a record has an empty MessageId".into()));
            }
            let event = message.event()?;
            let scope = message.scope(&event)?;
            let event_id = message
                .message_attributes
                .get(TopicMessage::EVENT_ID)
                .and_then(|attribute| attribute.value.as_str());
            let source_id = match event_id {
                Some(id) => TopicMessage::source_id_of(id),
                None => format!("sns:{}", message.message_id),
            };
            let at = message.timestamp.as_deref().and_then(Timestamp::parse_rfc3339);
            Ok(InboundEvent::new(scope, source_id, event).at(at))
        })
        .collect()
}

/// Reads an `EventBridge` invocation.
pub(super) fn event_bridge(payload: &str) -> Result<InboundEvent, InvalidEvent> {
    #[derive(Deserialize)]
    struct Envelope {
        id: String,
        source: String,
        #[serde(rename = "detail-type")]
        detail_type: String,
        #[serde(default)]
        time: Option<String>,
    }
    let unreadable = |error: serde_json::Error| InvalidEvent::Delivery {
        sender: "EventBridge",
        reason: error.to_string(),
    };
    let envelope: Envelope = serde_json::from_str(payload).map_err(unreadable)?;
    let payload: Value = serde_json::from_str(payload).map_err(unreadable)?;
    let event = GlobalEvent::external_event(envelope.source, envelope.detail_type, payload);
    let source_id = format!("eventbridge:{}", envelope.id);
    let at = envelope.time.as_deref().and_then(Timestamp::parse_rfc3339);
    Ok(InboundEvent::new(Scope::Global, source_id, event).at(at))
}

impl Message<'_> {
    /// An event in the format of [`Event`] unchanged, and any other message as an external event.
    fn event(&self) -> Result<Event, InvalidEvent> {
        let text = self.message.as_deref().map_or("", str::trim);
        if text.is_empty() && self.subject().is_none() {
            return Err(InvalidEvent::Empty(self.message_id.clone().into_owned()));
        }
        let body = match serde_json::from_str::<Value>(text) {
            Ok(body) => body,
            Err(_) if text.is_empty() => Value::Null,
            Err(_) => Value::String(self.message.clone().unwrap_or_default()),
        };
        if let Some(event) = mcp_event(&body) {
            return event.map_err(|(kind, reason)| InvalidEvent::McpEvent {
                id: self.message_id.clone().into_owned(),
                kind,
                reason,
            });
        }
        let (source, event_type) = self.origin(&body);
        Ok(GlobalEvent::external_event(source, event_type, body).into())
    }

    /// The scope of the message: the principal of its attribute, or else the scope of its event.
    fn scope(&self, event: &Event) -> Result<Scope, InvalidEvent> {
        let id = || self.message_id.clone().into_owned();
        let Some(attribute) = self.message_attributes.get(PRINCIPAL_ATTRIBUTE) else {
            return event.scope().ok_or_else(|| InvalidEvent::Session(id()));
        };
        let key = attribute.value.as_str().map(str::trim).filter(|key| !key.is_empty());
        let principal = key.map(Principal::from_key).filter(|principal| !principal.is_anonymous());
        principal.map(Scope::Principal).ok_or_else(|| InvalidEvent::Principal(id()))
    }

    /// The source and the type of the event: from the body, or else the subject, or else the name of the topic.
    fn origin(&self, body: &Value) -> (String, String) {
        if body["AlarmName"].is_string() && body["NewStateValue"].is_string() {
            return ("aws.cloudwatch".to_owned(), "alarm".to_owned());
        }
        let field = |name: &str| body[name].as_str().map(str::trim).filter(|text| !text.is_empty());
        let (subject_source, subject_type) = match self.subject() {
            // In `aws.ec2.state_change` the type is the last part.
            Some(subject) if !subject.contains(char::is_whitespace) => match subject.rsplit_once('.') {
                Some((source, kind)) if !source.is_empty() && !kind.is_empty() => (Some(source), Some(kind)),
                _ => (None, Some(subject)),
            },
            subject => (None, subject),
        };
        let topic = self.topic_arn.rsplit(':').next().filter(|name| !name.is_empty());
        let source = field("source").or(subject_source).or(topic).unwrap_or("sns");
        let kind = field("event_type").or_else(|| field("detail-type")).or(subject_type).unwrap_or("message");
        (source.to_owned(), kind.to_owned())
    }

    fn subject(&self) -> Option<&str> {
        self.subject.as_deref().map(str::trim).filter(|subject| !subject.is_empty())
    }
}

/// The values of `type` that mark a message as an [`Event`], those of a [`GlobalEvent`] first.
const MCP_EVENT_TYPES: [&str; 11] = [
    "system_health",
    "tool_execution",
    "session_update",
    "monitoring_update",
    "external_event",
    "server_lifecycle",
    "tools_list_changed",
    "prompts_list_changed",
    "resources_list_changed",
    "resource_updated",
    "message",
];

/// The event, if the `type` of the body is one of [`MCP_EVENT_TYPES`], or the type and the reason why it is invalid. Other
/// systems use the type `message` too, so a body of that type that does not fit is no error.
fn mcp_event(body: &Value) -> Option<Result<Event, (String, String)>> {
    let kind = body.get("type")?.as_str().filter(|kind| MCP_EVENT_TYPES.contains(kind))?;
    // Each of the two types is read by itself: its error names the field that is wrong.
    let read = match kind {
        kind if MCP_EVENT_TYPES[..6].contains(&kind) => GlobalEvent::deserialize(body).map(Event::from),
        _ => Event::deserialize(body),
    };
    match read {
        Err(_) if kind == "message" => None,
        read => Some(read.map_err(|error| (kind.to_owned(), error.to_string()))),
    }
}
