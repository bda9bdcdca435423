//! A question of a task to its client, and the answer.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A question of a task, in the form of a request to the client, and the client's answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TaskInput {
    /// The question.
    pub request: Value,
    /// The answer. `None`: the question is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Value>,
}

impl TaskInput {
    /// The number of questions of one task, answered ones included.
    pub const MOST: usize = 32;
    /// The longest key, in bytes.
    pub const LONGEST_KEY: usize = 128;
    /// The largest question or answer, as JSON and in bytes.
    pub const LARGEST: usize = 16 * 1024;
    /// The size of all questions and answers of one task, as JSON and in bytes.
    pub const LARGEST_TOTAL: usize = 96 * 1024;

    pub(super) fn open(request: Value) -> Self {
        Self { request, answer: None }
    }

    /// Whether the client has yet to answer.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.answer.is_none()
    }
}
