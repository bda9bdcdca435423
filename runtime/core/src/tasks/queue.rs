//! The trait of queues from which workers take tasks.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::TaskId;
use crate::auth::Principal;

/// Bytes of the hash of a principal that a message names.
const GROUP_BYTES: usize = 16;

/// A message: a worker is to run a task. It holds no more than the id, so that it may be sent twice, or too late.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskMessage {
    /// Id of the task.
    pub task: TaskId,
    /// A hash of the task's owner, so that a queue can be fair to all owners. `None` for an anonymous one, as anonymous
    /// callers are not one person.
    pub group: Option<String>,
    /// How long the queue keeps the message back. A queue may deliver it earlier.
    pub delay: Duration,
}

/// The text of a message, as JSON.
#[derive(Serialize, Deserialize)]
struct Body<'a> {
    task: std::borrow::Cow<'a, str>,
}

/// The text of a message names no task.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(r#"the message names no task: expected {{"task":"<id of a task>"}}"#)]
pub struct MalformedMessage;

impl TaskMessage {
    /// Creates a message for a task of a principal.
    #[must_use]
    pub fn new(task: TaskId, owner: &Principal, delay: Duration) -> Self {
        let group = (!owner.is_anonymous()).then(|| {
            let hash = Sha256::digest(owner.key());
            hash[..GROUP_BYTES].iter().map(|byte| format!("{byte:02x}")).collect()
        });
        Self { task, group, delay }
    }

    /// The text of the message.
    #[must_use]
    pub fn body(&self) -> String {
        // An id is letters and digits, so nothing in it is escaped.
        format!(r#"{{"task":"{}"}}"#, self.task)
    }

    /// Reads the task that the text of a message names. Other fields are ignored.
    ///
    /// # Errors
    ///
    /// [`MalformedMessage`] for any other text.
    pub fn task_of(body: &str) -> Result<TaskId, MalformedMessage> {
        let body: Body<'_> = serde_json::from_str(body).map_err(|_| MalformedMessage)?;
        body.task.parse().map_err(|_| MalformedMessage)
    }
}

/// A message that a queue has delivered. It is hidden from other workers for a while, and then delivered again, unless it is
/// deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceivedMessage {
    /// The text of the message, as [`TaskMessage::body`] writes it.
    pub body: String,
    /// What the queue knows this delivery by.
    pub receipt: String,
}

impl ReceivedMessage {
    /// Creates a message that was received.
    #[must_use]
    pub fn new(body: impl Into<String>, receipt: impl Into<String>) -> Self {
        Self { body: body.into(), receipt: receipt.into() }
    }
}

/// A queue did not take, or give, a message.
#[derive(Debug, thiserror::Error)]
#[error("the queue of tasks failed")]
pub struct QueueError(#[source] Box<dyn std::error::Error + Send + Sync>);

impl QueueError {
    /// Creates an error of its cause.
    pub fn new(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

/// A queue from which workers take tasks. It delivers each message at least once, in any order.
///
/// It is no store: the task is written before its message is sent, and a sweep sends those that were lost.
#[async_trait]
pub trait TaskQueue: Send + Sync + 'static {
    /// Sends a message. It is durable when the call returns.
    ///
    /// # Errors
    ///
    /// [`QueueError`] if the queue does not take it.
    async fn send(&self, message: &TaskMessage) -> Result<(), QueueError>;

    /// Waits up to 20 s for messages, and returns up to `most` of them, which are hidden for a time. Lambda polls a queue by
    /// itself: only workers elsewhere call this and the methods below.
    ///
    /// # Errors
    ///
    /// [`QueueError`] if the queue cannot be read.
    async fn receive(&self, most: usize, hidden: Duration) -> Result<Vec<ReceivedMessage>, QueueError>;

    /// Hides a message that was received for a time from now on.
    ///
    /// # Errors
    ///
    /// [`QueueError`] if the queue does not do so.
    async fn hide(&self, receipt: &str, hidden: Duration) -> Result<(), QueueError>;

    /// Deletes a message that was received.
    ///
    /// # Errors
    ///
    /// [`QueueError`] if the queue does not do so.
    async fn delete(&self, receipt: &str) -> Result<(), QueueError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_message_is_read_back_and_any_other_is_refused() {
        let message = TaskMessage::new(TaskId::random(), &Principal::new("issuer", "ada"), Duration::ZERO);
        assert_eq!(TaskMessage::task_of(&message.body()), Ok(message.task.clone()));
        let more = format!(r#"{{"task":"{}","more":[1]}}"#, message.task);
        assert_eq!(TaskMessage::task_of(&more), Ok(message.task));
        for body in
            ["", "{}", "[]", "Test message.", r#"{"task":7}"#, r#"{"task":"no id"}"#, r#"{"task":null}"#]
        {
            assert_eq!(TaskMessage::task_of(body), Err(MalformedMessage), "{body}");
        }
    }

    #[test]
    fn messages_of_one_principal_are_one_group_that_does_not_name_it() {
        let group = |owner: &Principal| TaskMessage::new(TaskId::random(), owner, Duration::ZERO).group;
        let (ada, bob) = (Principal::new("issuer", "ada"), Principal::new("issuer", "bob"));
        assert_eq!(group(&ada), group(&ada));
        assert_ne!(group(&ada), group(&bob));
        assert_eq!(group(&ada).map(|group| group.len()), Some(32));
        assert_eq!(group(&Principal::anonymous()), None);
    }
}
