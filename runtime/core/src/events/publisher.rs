//! The topic that events are published to besides the log.

use async_trait::async_trait;

use super::log::Appended;
use crate::error::StoreError;

/// Why an event could not be published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The event is for one principal, and the principal is anonymous: all anonymous callers share it.
    #[error("an anonymous caller has no events of its own")]
    Anonymous,
    /// The event is for a session id that no server can have issued.
    #[error("the event is for the session {0:?}, which is not the id of a session")]
    UnknownSession(String),
    /// The event cannot be serialized as JSON.
    #[error("the event cannot be written as JSON")]
    Encode(#[source] serde_json::Error),
    /// The event log could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The topic refused the message or could not be reached. The event is in the log.
    #[error("the event is in the log, and was not published to the topic")]
    Topic(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A message for the topic that other systems subscribe to.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TopicMessage {
    /// Id of the event, in the log and in the topic.
    pub id: String,
    /// Type of the event: `external_event`, `system_health`, ...
    pub event_type: &'static str,
    /// Subject for human readers: the URI of the event's resource.
    pub subject: String,
    /// When the event happened, as RFC 3339.
    pub timestamp: String,
    /// Id that the messages of one piece of work share.
    pub correlation_id: String,
    /// The event as JSON.
    pub message: String,
}

/// A topic of a message broker, such as SNS.
#[async_trait]
pub trait Publisher: Send + Sync + 'static {
    /// Publishes a message and returns the id that the topic gave it.
    ///
    /// # Errors
    ///
    /// [`PublishError::Topic`] if the topic refuses the message or cannot be reached.
    async fn publish(&self, message: &TopicMessage) -> Result<String, PublishError>;
}

/// The result of [`Events::publish_to_topic`](super::Events::publish_to_topic).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Published {
    /// Result of the append to the event log.
    pub appended: Appended,
    /// Id that the topic gave the message. `None` if no topic is configured.
    pub message_id: Option<String>,
}

impl TopicMessage {
    /// Name of the message attribute that carries the id of the event. A server that receives the message from the
    /// topic finds by it that the event is in the log.
    pub const EVENT_ID: &str = "mcp_event_id";

    /// Returns the source id under which an event that is published to the topic is in the log.
    #[must_use]
    pub fn source_id_of(id: &str) -> String {
        format!("published:{id}")
    }

    pub(super) fn source_id(&self) -> String {
        Self::source_id_of(&self.id)
    }
}
