//! The topic that events are published to besides the log.

use async_trait::async_trait;

use super::log::Appended;
use crate::error::StoreError;

/// Why an event could not be published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The event is for one principal, and anonymous callers share one: no event is for it alone.
    #[error("an anonymous caller has no events of its own")]
    Anonymous,
    /// The event is for a session whose id this server cannot have issued.
    #[error("the event is for the session {0:?}, which is not the id of a session")]
    UnknownSession(String),
    /// The event cannot be written as JSON.
    #[error("the event cannot be written as JSON")]
    Encode(#[source] serde_json::Error),
    /// The event log could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The topic refused the message, or could not be reached. The event is in the log.
    #[error("the event is in the log, and was not published to the topic")]
    Topic(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A message for the topic that other systems listen to.
#[derive(Debug, Clone, PartialEq)]
pub struct TopicMessage {
    /// Names the event, in the log and in the topic.
    pub id: String,
    /// `external_event`, `system_health`, ...
    pub event_type: &'static str,
    /// For people: what it is about.
    pub subject: String,
    /// RFC 3339.
    pub timestamp: String,
    /// Ties it to others of one piece of work.
    pub correlation_id: String,
    /// The event as JSON.
    pub message: String,
}

/// Where announcements go: an SNS topic.
#[async_trait]
pub trait Publisher: Send + Sync + 'static {
    /// Sends one, and answers the id it got.
    async fn publish(&self, message: &TopicMessage) -> Result<String, PublishError>;
}

/// What became of an event that was announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Its place in the log.
    pub appended: Appended,
    /// The id the topic gave it, if there is a topic.
    pub message_id: Option<String>,
}

impl TopicMessage {
    /// The attribute that holds the id of the event. A server that receives the message from the topic knows by it
    /// that the event is in the log already.
    pub const EVENT_ID: &str = "mcp_event_id";

    /// The id under which an event that is published to the topic stands in the log.
    #[must_use]
    pub fn source_id_of(id: &str) -> String {
        format!("published:{id}")
    }

    pub(super) fn source_id(&self) -> String {
        Self::source_id_of(&self.id)
    }
}
