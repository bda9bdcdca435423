//! A task as it is stored.

use std::time::Duration;

use super::{TaskId, TaskStatus, error::TaskError, state::TaskState};
use crate::{auth::Principal, time::Timestamp};

/// The largest call, as JSON and in bytes.
pub const LARGEST_CALL: usize = 128 * 1024;

/// A task as it is stored.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Task {
    /// Id of the task.
    pub id: TaskId,
    /// Principal that owns the task. For any other principal the task does not exist.
    pub owner: Principal,
    /// Name of the tool.
    pub tool: String,
    /// The call, as JSON in the form of the runner. Empty once the task has ended.
    pub call: String,
    /// When the task was created.
    pub created_at: Timestamp,
    /// When the task expires, ended or not: from then on it is absent.
    pub expires_at: Timestamp,
    /// What changes.
    pub state: TaskState,
}

impl Task {
    /// Creates a task that waits for a worker.
    #[must_use]
    pub fn new(
        owner: Principal,
        tool: impl Into<String>,
        call: impl Into<String>,
        created_at: Timestamp,
        ttl: Duration,
    ) -> Self {
        Self::restored(
            TaskId::random(),
            owner,
            tool.into(),
            call.into(),
            created_at,
            created_at.plus(ttl),
            TaskState::queued(created_at),
        )
    }

    /// Creates the task that a store has kept.
    #[must_use]
    pub fn restored(
        id: TaskId,
        owner: Principal,
        tool: String,
        call: String,
        created_at: Timestamp,
        expires_at: Timestamp,
        state: TaskState,
    ) -> Self {
        Self { id, owner, tool, call, created_at, expires_at, state }
    }

    /// The status of the task.
    #[must_use]
    pub fn status(&self) -> TaskStatus {
        self.state.status()
    }

    /// How long the task lives, from its creation on.
    #[must_use]
    pub fn ttl(&self) -> Duration {
        self.expires_at.since(self.created_at)
    }

    pub(super) fn check(&self) -> Result<(), TaskError> {
        let size = self.call.len();
        if size > LARGEST_CALL {
            return Err(TaskError::TooLarge { what: "the call", size, limit: LARGEST_CALL });
        }
        Ok(())
    }

    pub(super) fn belongs_to(&self, owner: &Principal) -> Result<(), TaskError> {
        if self.owner == *owner { Ok(()) } else { Err(TaskError::NotFound) }
    }
}
