//! Why an operation on a task failed.

use serde::Serialize;

use super::TaskStatus;
use crate::{error::StoreError, json_size::json_size, time::Timestamp};

/// Why an operation on a task failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// There is no such task, it has expired, or it belongs to another principal.
    #[error("there is no such task, or it has expired")]
    NotFound,
    /// The task has ended, which no change undoes.
    #[error("the task has ended as {0:?}")]
    Ended(TaskStatus),
    /// Another worker has the task, or it waits.
    #[error("the task is not to be claimed before {}", until.to_rfc3339())]
    NotDue {
        /// When the task can be claimed.
        until: Timestamp,
    },
    /// The lease is not the current one: another worker has claimed the task, or its worker has released it.
    #[error("the worker does not hold the task any more")]
    Superseded,
    /// The key of a question stands for another one already.
    #[error("{key:?} is the key of another question of the task: each question has its own")]
    KeyTaken {
        /// The key.
        key: String,
    },
    /// The task has as many questions as it may ask.
    #[error("a task asks at most {limit} questions")]
    TooManyInputs {
        /// The limit.
        limit: usize,
    },
    /// A part of the task is too large.
    #[error("{what} has {size} bytes, and a task keeps at most {limit}: keep it elsewhere and refer to it")]
    TooLarge {
        /// The part.
        what: &'static str,
        /// Its size as JSON, in bytes.
        size: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The call runs inline: there is no task that could ask.
    #[error("the call runs inline, and has no task that asks its client: return an InputRequiredResult")]
    Inline,
    /// A value cannot be written as JSON, or a stored one is of another type.
    #[error("the value does not fit: {0}")]
    Value(#[source] serde_json::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Refuses a value above a limit.
pub(super) fn check_size<T: Serialize>(what: &'static str, value: &T, limit: usize) -> Result<(), TaskError> {
    let size = json_size(value)?;
    if size > limit { Err(TaskError::TooLarge { what, size, limit }) } else { Ok(()) }
}
