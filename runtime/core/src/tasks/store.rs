//! The trait of stores for tasks.

use std::{fmt, str::FromStr, time::Duration};

use async_trait::async_trait;

use super::{Task, TaskId};
use crate::{
    auth::Principal,
    error::StoreError,
    ids::ParseIdError,
    session::{Rev, Versioned},
    time::Timestamp,
};

/// The position behind a task in the list of its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskCursor {
    /// When the task was created.
    pub created_at: Timestamp,
    /// Id of the task.
    pub id: TaskId,
}

impl TaskCursor {
    /// Returns the position behind a task.
    #[must_use]
    pub fn behind(task: &Task) -> Self {
        Self { created_at: task.created_at, id: task.id.clone() }
    }
}

impl fmt::Display for TaskCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.created_at.as_millis(), self.id)
    }
}

impl FromStr for TaskCursor {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let (millis, id) = text.split_once('.').ok_or(ParseIdError::CURSOR)?;
        let millis = Some(millis).filter(|millis| millis.bytes().all(|byte| byte.is_ascii_digit()));
        let millis = millis.and_then(|millis| millis.parse().ok()).ok_or(ParseIdError::CURSOR)?;
        Ok(Self { created_at: Timestamp::from_millis(millis), id: id.parse()? })
    }
}

/// The time after which a task that is still due is returned again: one minute after the first time, and twice as long
/// after each further one, up to 16 minutes. A task may be due for long, because its message waits in a long queue.
#[must_use]
pub fn next_look(times_returned: u32) -> Duration {
    Duration::from_secs(60) * 2_u32.pow(times_returned.saturating_sub(1).min(4))
}

/// Durable tasks. Which changes of a task are allowed is no matter of the store: it writes on the condition that the
/// task is the one that was read.
///
/// # Laws
///
/// The tests in `tests/it/stores` prove them for every store.
///
/// * A write is durable when the call returns; a later read, from any process, sees it. `load_many` alone may lag.
/// * Expired tasks are absent, whether or not the store has deleted them.
/// * `replace` is atomic: of two writers that name the same revision exactly one succeeds.
/// * `create` writes the task, its place in the list of its owner, and its count among the open ones, or nothing. Of
///   any number of concurrent calls, no more succeed than the limit.
/// * Each task that becomes due is returned by `due`, five minutes after at the latest. As long as it is due it is returned
///   again, after the times of [`next_look`]; one that is claimed meanwhile may keep the longer time.
#[async_trait]
pub trait TaskStore: Send + Sync + 'static {
    /// Creates a task, if its owner has fewer than `limit` open ones. Its revision is 1.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] if the id is taken, [`StoreError::Full`] if the owner has `limit` open tasks or the
    /// store takes no more.
    async fn create(&self, task: &Task, limit: usize) -> Result<(), StoreError>;

    /// Returns a task. `None` if it was never created or has expired.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the store does not answer, [`StoreError::Corrupt`] for an item that is not a task.
    async fn load(&self, id: &TaskId) -> Result<Option<Versioned<Task>>, StoreError>;

    /// Returns those of some tasks that are live, in any order. It is for polling, at half the price: a read may miss the
    /// writes of the last moment, and return a revision before that of an earlier read.
    ///
    /// # Errors
    ///
    /// As [`TaskStore::load`].
    async fn load_many(&self, ids: &[TaskId]) -> Result<Vec<Versioned<Task>>, StoreError>;

    /// Writes the state of a task, if its revision is `expected`, and returns the new revision. The call of a task that
    /// has ended is removed.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] if the revision is another one or the task is absent, [`StoreError::Full`] if the store
    /// takes no more.
    async fn replace(&self, task: &Task, expected: Rev) -> Result<Rev, StoreError>;

    /// Returns up to `limit` live tasks of a principal, newest first, from a position on. Fewer than `limit` means that
    /// there are no more.
    ///
    /// # Errors
    ///
    /// As [`TaskStore::load`].
    async fn list(
        &self,
        owner: &Principal,
        after: Option<&TaskCursor>,
        limit: usize,
    ) -> Result<Vec<Task>, StoreError>;

    /// Returns up to `limit` tasks that are due, so that each is returned to one caller, and again as the laws say.
    ///
    /// # Errors
    ///
    /// As [`TaskStore::load`].
    async fn due(&self, limit: usize) -> Result<Vec<TaskId>, StoreError>;
}
