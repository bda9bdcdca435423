//! What systems other than the worker and the client may change in a task.

use serde_json::Value;

use super::TaskOutcome;

/// What another system, such as a state machine or a person who approves, changes in a task. It is not the owner of the task:
/// its permission is that to invoke the function, or to put events on its bus.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ExternalUpdate {
    /// Answers to questions of the task, by key. Those to questions that were not asked or are answered are ignored.
    Answers(Vec<(String, Value)>),
    /// The task ends. A worker that runs it is stopped.
    Outcome(TaskOutcome),
    /// The status message.
    Message(String),
}
