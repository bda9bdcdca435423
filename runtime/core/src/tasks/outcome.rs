//! How a task has ended.

use rmcp::{ErrorData, model::JsonObject};
use serde::{Deserialize, Serialize};

use super::{
    TaskStatus,
    error::{TaskError, check_size},
};

/// The largest outcome of a task, as JSON and in bytes: it is one item of the store with what describes the task.
pub const LARGEST_OUTCOME: usize = 350 * 1024;

/// How a task has ended. It never changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TaskOutcome {
    /// The call has a result, which may say that the tool failed.
    Completed(JsonObject),
    /// The call has no result but an error of JSON-RPC.
    Failed(ErrorData),
    /// The client has cancelled the task.
    Cancelled,
}

impl TaskOutcome {
    /// The status of a task with this outcome.
    #[must_use]
    pub fn status(&self) -> TaskStatus {
        match self {
            Self::Completed(_) => TaskStatus::Completed,
            Self::Failed(_) => TaskStatus::Failed,
            Self::Cancelled => TaskStatus::Cancelled,
        }
    }

    pub(super) fn check(&self) -> Result<(), TaskError> {
        check_size("the result", self, LARGEST_OUTCOME)
    }
}
