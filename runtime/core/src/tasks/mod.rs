//! Tasks: calls of tools that outlive their request, kept where every execution environment finds them.
//!
//! * [`Task`]: a task as it is stored. [`TaskState`]: what changes, and which changes are allowed.
//! * [`Lease`]: the right of one worker to run a task, with a fencing token. [`Checkpoint`], [`TaskInput`] and
//!   [`TaskOutcome`]: what a worker leaves in the task.
//! * [`Tasks`]: the operations on stored tasks. [`HeldTask`]: those of the worker that holds the lease.
//! * [`TaskHandle`]: what a tool does with the task that it runs as. [`TaskSupport`]: whether it runs as one. [`Continue`]:
//!   how it ends an attempt and goes on later. [`ExternalUpdate`]: what other systems change.
//! * [`wire`] and [`experimental`]: a task as its client reads it, in 2026-07-28 and in 2025-11-25.
//! * [`TaskStore`]: the trait that a store implements. [`TaskQueue`]: that of a queue, from which workers of other processes
//!   take tasks.

mod checkpoint;
mod continuation;
mod error;
pub(crate) mod experimental;
mod external_update;
mod handle;
mod held;
mod input;
mod lease;
mod outcome;
mod queue;
mod state;
mod store;
mod support;
mod task;
mod wire;
mod write;

use std::sync::Arc;

use self::write::Changes;
pub use checkpoint::Checkpoint;
pub use continuation::Continue;
pub use error::TaskError;
pub use external_update::ExternalUpdate;
pub use handle::TaskHandle;
pub use held::HeldTask;
pub use input::TaskInput;
pub use lease::{Lease, LeaseTerms};
pub use outcome::{LARGEST_OUTCOME, TaskOutcome};
pub use queue::{MalformedMessage, QueueError, ReceivedMessage, TaskMessage, TaskQueue};
pub use rmcp::model::TaskStatus;
pub use state::{Claimed, TaskState};
pub use store::{TaskCursor, TaskStore, next_look};
pub use support::TaskSupport;
pub use task::{LARGEST_CALL, Task};
pub(crate) use wire::{described, detailed};

pub use crate::ids::TaskId;
use crate::{
    auth::Principal,
    metrics::{Metrics, TaskStep},
    session::Versioned,
    time::Clock,
};

/// The limits of tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskLimits {
    /// The number of tasks that one principal may have open. Anonymous callers are not one person, so there is none for
    /// them. Default: 32.
    pub open_per_principal: usize,
    /// How a worker holds a task.
    pub lease: LeaseTerms,
}

impl Default for TaskLimits {
    fn default() -> Self {
        Self { open_per_principal: 32, lease: LeaseTerms::default() }
    }
}

/// The stored tasks of a server. Clones share one store.
///
/// Each change is a change of [`TaskState`], written on the condition that no other one came first. So the rules are in
/// one place, whichever store keeps the tasks.
#[derive(Clone)]
pub struct Tasks {
    changes: Changes,
    limits: TaskLimits,
}

impl Tasks {
    /// Creates the operations on a store.
    #[must_use]
    pub fn new(store: Arc<dyn TaskStore>, clock: Clock, limits: TaskLimits) -> Self {
        Self { changes: Changes::new(store, clock), limits }
    }

    /// Counts tasks that are created, begun and ended.
    #[must_use]
    pub(crate) fn with_metrics(self, metrics: Metrics) -> Self {
        Self { changes: self.changes.with_metrics(metrics), ..self }
    }

    /// Stores a new task, which waits for a worker. It is durable when the call returns.
    ///
    /// # Errors
    ///
    /// [`TaskError::TooLarge`] for a call above [`LARGEST_CALL`], [`TaskError::Store`] with
    /// [`StoreError::Full`](crate::error::StoreError::Full) if the owner has as many open tasks as it may have.
    pub async fn create(&self, task: &Task) -> Result<(), TaskError> {
        task.check()?;
        let limit = if task.owner.is_anonymous() { usize::MAX } else { self.limits.open_per_principal };
        self.changes.store.create(task, limit).await?;
        self.changes.measure(task, TaskStep::Created);
        Ok(())
    }

    /// Returns a task of a principal.
    ///
    /// # Errors
    ///
    /// [`TaskError::NotFound`] if there is none with this id, it has expired, or it belongs to another principal.
    pub async fn get(&self, owner: &Principal, id: &TaskId) -> Result<Task, TaskError> {
        self.changes
            .read(id)
            .await?
            .filter(|task| task.value.owner == *owner)
            .map(|task| task.value)
            .ok_or(TaskError::NotFound)
    }

    /// Returns those of some tasks that exist and belong to a principal.
    pub(crate) async fn owned(
        &self,
        owner: &Principal,
        ids: &[TaskId],
    ) -> Result<Vec<Versioned<Task>>, TaskError> {
        let found = futures::future::try_join_all(ids.iter().map(|id| self.changes.read(id))).await?;
        Ok(found.into_iter().flatten().filter(|task| task.value.owner == *owner).collect())
    }

    /// Returns some tasks as they are now, or were a moment ago: what changes them is elsewhere.
    pub(crate) async fn poll(&self, ids: &[TaskId]) -> Result<Vec<Versioned<Task>>, TaskError> {
        Ok(self.changes.store.load_many(ids).await?)
    }

    /// Returns a task, for what runs it, of any principal. `None` if there is none with this id, or it has expired.
    ///
    /// # Errors
    ///
    /// [`TaskError::Store`] if the store cannot be read.
    pub async fn find(&self, id: &TaskId) -> Result<Option<Task>, TaskError> {
        Ok(self.changes.read(id).await?.map(|task| task.value))
    }

    /// Returns up to `limit` tasks of a principal, newest first, and the position behind the last one if there may be
    /// more. An anonymous caller has none: it would see those of all anonymous callers.
    ///
    /// # Errors
    ///
    /// [`TaskError::Store`] if the store cannot be read.
    pub async fn list(
        &self,
        owner: &Principal,
        after: Option<&TaskCursor>,
        limit: usize,
    ) -> Result<(Vec<Task>, Option<TaskCursor>), TaskError> {
        if owner.is_anonymous() || limit == 0 {
            return Ok((Vec::new(), None));
        }
        let tasks = self.changes.store.list(owner, after, limit).await?;
        let next = (tasks.len() == limit).then(|| tasks.last().map(TaskCursor::behind)).flatten();
        Ok((tasks, next))
    }

    /// Takes a task for a worker. The new lease makes all earlier ones worthless. A task that was cancelled, or that
    /// was tried as often as [`LeaseTerms::attempts`] allows, ends instead.
    ///
    /// # Errors
    ///
    /// [`TaskError::NotDue`] if another worker holds the task or it waits, [`TaskError::Ended`] if it has ended.
    pub async fn claim(&self, id: &TaskId) -> Result<Option<HeldTask>, TaskError> {
        let (task, claimed) =
            self.changes.make(id, None, |task, now| task.state.claim(now, &self.limits.lease)).await?;
        match claimed {
            Claimed::Held(lease) => {
                Ok(Some(HeldTask::new(self.changes.clone(), self.limits.lease, task, lease)))
            }
            Claimed::Ended => Ok(None),
        }
    }

    /// Gives the answers of the client to a task. Those to questions that were not asked or are answered are ignored.
    ///
    /// # Errors
    ///
    /// [`TaskError::NotFound`] as [`Tasks::get`], [`TaskError::TooLarge`] for an answer above
    /// [`TaskInput::LARGEST`].
    pub async fn answer(
        &self,
        owner: &Principal,
        id: &TaskId,
        answers: &[(String, serde_json::Value)],
    ) -> Result<Task, TaskError> {
        let answered = self.changes.make(id, None, |task, now| {
            task.belongs_to(owner)?;
            task.state.answer(answers, now)
        });
        Ok(answered.await?.0.value)
    }

    /// Cancels a task: at once if no worker runs it, otherwise with a mark that its worker reads. A task that has ended
    /// stays as it is.
    ///
    /// # Errors
    ///
    /// [`TaskError::NotFound`] as [`Tasks::get`].
    pub async fn cancel(&self, owner: &Principal, id: &TaskId) -> Result<Task, TaskError> {
        let cancelled = self.changes.make(id, None, |task, now| {
            task.belongs_to(owner)?;
            task.state.cancel(now);
            Ok(())
        });
        Ok(cancelled.await?.0.value)
    }

    /// Ends a task as cancelled, whether or not a worker runs it. Its worker finds out, and stops.
    ///
    /// # Errors
    ///
    /// [`TaskError::NotFound`] as [`Tasks::get`], [`TaskError::Ended`] if it has ended.
    pub async fn end(&self, owner: &Principal, id: &TaskId) -> Result<Task, TaskError> {
        let ended = self.changes.make(id, None, |task, now| {
            task.belongs_to(owner)?;
            match task.state.outcome() {
                Some(outcome) => Err(TaskError::Ended(outcome.status())),
                None => task.state.settle(TaskOutcome::Cancelled, now),
            }
        });
        Ok(ended.await?.0.value)
    }

    /// Changes a task for a system that is not its owner, such as a state machine: whether it may is for the caller of this
    /// to know.
    ///
    /// # Errors
    ///
    /// [`TaskError::NotFound`] if there is no such task, [`TaskError::Ended`] if it has ended in another way,
    /// [`TaskError::TooLarge`].
    pub async fn update(&self, id: &TaskId, update: &ExternalUpdate) -> Result<Task, TaskError> {
        let updated = self.changes.make(id, None, |task, now| match update {
            ExternalUpdate::Answers(answers) => task.state.answer(answers, now),
            ExternalUpdate::Outcome(outcome) => task.state.settle(outcome.clone(), now),
            ExternalUpdate::Message(message) => task.state.note(message, now),
        });
        Ok(updated.await?.0.value)
    }

    /// Returns up to `limit` tasks that no worker runs although one should: those with an expired lease, and those
    /// that were never claimed. Each is for one caller of several, which gives it to a worker.
    ///
    /// # Errors
    ///
    /// [`TaskError::Store`] if the store cannot be read.
    pub async fn sweep(&self, limit: usize) -> Result<Vec<TaskId>, TaskError> {
        Ok(self.changes.store.due(limit).await?)
    }
}

impl std::fmt::Debug for Tasks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tasks").field("limits", &self.limits).finish_non_exhaustive()
    }
}
