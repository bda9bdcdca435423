//! What other systems send: SNS deliveries and EventBridge events, read into events of ours.
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

/// The attribute that names the one caller a message of the topic is for, by [`Principal::key`].
const FOR_PRINCIPAL: &str = "mcp_principal";

/// Why a delivery cannot be taken. It fails, so that AWS tries again and in the end lays it aside for somebody to read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidEvent {
    /// It is not shaped as its sender documents.
    #[error("the {sender} delivery cannot be read: {reason}")]
    Delivery {
        /// SNS or `EventBridge`.
        sender: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// It names a type of ours, and is something else.
    #[error("message {id} says it is {kind:?}, which it is not: {reason}")]
    Own {
        /// The sender's id of it.
        id: String,
        /// The type it names.
        kind: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It is for a session that no server can have opened.
    #[error("message {0} is for one session, and its session_id is none that a server of ours gives out")]
    Session(String),
    /// It is for one caller, whom it does not name.
    #[error(
        "message {0} has an attribute mcp_principal that names nobody: it takes the key of a principal as text"
    )]
    Principal(String),
    /// There is nothing in it.
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
    // Binary attributes have another type; only text is looked at.
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
            let ours = message
                .message_attributes
                .get(TopicMessage::EVENT_ID)
                .and_then(|attribute| attribute.value.as_str());
            let source_id = match ours {
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
    /// An event of ours as it is, anything else as an external event.
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
        if let Some(own) = own(&body) {
            return own.map_err(|(kind, reason)| InvalidEvent::Own {
                id: self.message_id.clone().into_owned(),
                kind,
                reason,
            });
        }
        let (source, event_type) = self.origin(&body);
        Ok(GlobalEvent::external_event(source, event_type, body).into())
    }

    /// Whom it is for: what its attribute says, and else what it is about.
    fn scope(&self, event: &Event) -> Result<Scope, InvalidEvent> {
        let id = || self.message_id.clone().into_owned();
        let Some(attribute) = self.message_attributes.get(FOR_PRINCIPAL) else {
            return event.scope().ok_or_else(|| InvalidEvent::Session(id()));
        };
        let key = attribute.value.as_str().map(str::trim).filter(|key| !key.is_empty());
        let principal = key.map(Principal::from_key).filter(|principal| !principal.is_anonymous());
        principal.map(Scope::Principal).ok_or_else(|| InvalidEvent::Principal(id()))
    }

    /// Who says it and what kind of thing it is: the body knows best, then the subject, then the topic.
    fn origin(&self, body: &Value) -> (String, String) {
        if body["AlarmName"].is_string() && body["NewStateValue"].is_string() {
            return ("aws.cloudwatch".to_owned(), "alarm".to_owned());
        }
        let said = |name: &str| body[name].as_str().map(str::trim).filter(|text| !text.is_empty());
        let (by_source, by_type) = match self.subject() {
            // `aws.ec2.state_change`: a dotted name, the type its last part.
            Some(subject) if !subject.contains(char::is_whitespace) => match subject.rsplit_once('.') {
                Some((source, kind)) if !source.is_empty() && !kind.is_empty() => (Some(source), Some(kind)),
                _ => (None, Some(subject)),
            },
            subject => (None, subject),
        };
        let topic = self.topic_arn.rsplit(':').next().filter(|name| !name.is_empty());
        let source = said("source").or(by_source).or(topic).unwrap_or("sns");
        let kind = said("event_type").or_else(|| said("detail-type")).or(by_type).unwrap_or("message");
        (source.to_owned(), kind.to_owned())
    }

    fn subject(&self) -> Option<&str> {
        self.subject.as_deref().map(str::trim).filter(|subject| !subject.is_empty())
    }
}

/// The types that mean an event of ours.
const OWN: [&str; 11] = [
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

/// An event of ours, if the body says that it is one. `message` is a word that others use too: it must also fit.
fn own(body: &Value) -> Option<Result<Event, (String, String)>> {
    let kind = body.get("type")?.as_str().filter(|kind| OWN.contains(kind))?;
    // By the text of the error, which names the field: a value would only say that no variant fits.
    let read = match kind {
        kind if OWN[..6].contains(&kind) => GlobalEvent::deserialize(body).map(Event::from),
        _ => Event::deserialize(body),
    };
    match read {
        Err(_) if kind == "message" => None,
        read => Some(read.map_err(|error| (kind.to_owned(), error.to_string()))),
    }
}
