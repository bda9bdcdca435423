//! A task in the hands of its worker.

use std::time::Duration;

use serde_json::Value;

use super::{Checkpoint, Lease, LeaseTerms, Task, TaskError, TaskInput, TaskOutcome, write::Changes};
use crate::{session::Versioned, time::Timestamp};

/// A task in the hands of its worker. Each change is one write, as long as the client changes nothing at the same time.
///
/// Each fails with [`TaskError::Superseded`] once another worker has claimed the task, and with [`TaskError::Ended`] once
/// it has ended.
#[derive(Debug)]
pub struct HeldTask {
    changes: Changes,
    terms: LeaseTerms,
    task: Versioned<Task>,
    lease: Lease,
}

impl HeldTask {
    pub(super) fn new(changes: Changes, terms: LeaseTerms, task: Versioned<Task>, lease: Lease) -> Self {
        Self { changes, terms, task, lease }
    }

    /// The task as the worker last saw it.
    #[must_use]
    pub fn task(&self) -> &Task {
        &self.task.value
    }

    /// The lease.
    #[must_use]
    pub fn lease(&self) -> Lease {
        self.lease
    }

    /// Reads the task again, for a mark of the client or an answer.
    ///
    /// # Errors
    ///
    /// [`TaskError::NotFound`] if the task has expired.
    pub async fn refresh(&mut self) -> Result<&Task, TaskError> {
        self.task = self.changes.read(&self.task.value.id).await?.ok_or(TaskError::NotFound)?;
        let state = &self.task.value.state;
        match state.outcome() {
            Some(outcome) => Err(TaskError::Ended(outcome.status())),
            None if state.token() != self.lease.token => Err(TaskError::Superseded),
            None => Ok(&self.task.value),
        }
    }

    /// Extends the lease.
    ///
    /// # Errors
    ///
    /// As [`HeldTask`] says.
    pub async fn heartbeat(&mut self) -> Result<(), TaskError> {
        let (lease, length) = (self.lease, self.terms.length);
        self.lease = self.change(|task, now| task.state.heartbeat(&lease, now, length)).await?;
        Ok(())
    }

    /// Sets the status message.
    ///
    /// # Errors
    ///
    /// As [`HeldTask`] says.
    pub async fn set_message(&mut self, message: &str) -> Result<(), TaskError> {
        let lease = self.lease;
        self.change(|task, now| task.state.set_message(&lease, message, now)).await
    }

    /// Replaces the checkpoint.
    ///
    /// # Errors
    ///
    /// [`TaskError::TooLarge`] above [`Checkpoint::LARGEST`], and as [`HeldTask`] says.
    pub async fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), TaskError> {
        let lease = self.lease;
        self.change(|task, _| task.state.set_checkpoint(&lease, checkpoint.clone())).await
    }

    /// Asks the client a question, and returns the answer if there is one already.
    ///
    /// # Errors
    ///
    /// [`TaskError::KeyTaken`] for a key of another question, [`TaskError::TooManyInputs`], [`TaskError::TooLarge`], and
    /// as [`HeldTask`] says.
    pub async fn ask(&mut self, key: &str, request: &Value) -> Result<Option<Value>, TaskError> {
        let lease = self.lease;
        self.change(|task, now| task.state.ask(&lease, key, request.clone(), now)).await?;
        Ok(self.answer(key).cloned())
    }

    /// The answer to a question, as the worker last saw the task.
    #[must_use]
    pub fn answer(&self, key: &str) -> Option<&Value> {
        self.task.value.state.input(key).and_then(|TaskInput { answer, .. }| answer.as_ref())
    }

    /// Ends the task. To repeat it with the same outcome changes nothing.
    ///
    /// # Errors
    ///
    /// [`TaskError::TooLarge`] above [`LARGEST_OUTCOME`](super::LARGEST_OUTCOME), and as [`HeldTask`] says.
    pub async fn finish(&mut self, outcome: &TaskOutcome) -> Result<(), TaskError> {
        let lease = self.lease;
        self.change(|task, now| task.state.finish(&lease, outcome.clone(), now)).await
    }

    /// Gives the task back, for a worker that goes on from the checkpoint after a pause.
    ///
    /// # Errors
    ///
    /// As [`HeldTask`] says.
    pub async fn release(&mut self, after: Duration) -> Result<(), TaskError> {
        let lease = self.lease;
        self.change(|task, now| task.state.release(&lease, now.plus(after), now)).await
    }

    /// Gives the task back because the time of this worker is over, for another one that goes on from the checkpoint.
    ///
    /// # Errors
    ///
    /// As [`HeldTask`] says.
    pub async fn hand_over(&mut self) -> Result<(), TaskError> {
        let lease = self.lease;
        self.change(|task, now| task.state.hand_over(&lease, now)).await
    }

    /// Gives the task back until one of its questions is answered, or another system ends it. An answer that this worker has not
    /// seen makes it due at once.
    ///
    /// # Errors
    ///
    /// As [`HeldTask`] says.
    pub async fn release_until_answered(&mut self) -> Result<(), TaskError> {
        let (lease, seen) = (self.lease, self.task.value.state.answered());
        self.change(|task, now| {
            let not_before = if task.state.answered() > seen { now } else { task.expires_at };
            task.state.release(&lease, not_before, now)
        })
        .await
    }

    async fn change<T>(
        &mut self,
        apply: impl Fn(&mut Task, Timestamp) -> Result<T, TaskError>,
    ) -> Result<T, TaskError> {
        let (task, value) = self.changes.make(&self.task.value.id, Some(self.task.clone()), apply).await?;
        self.task = task;
        Ok(value)
    }
}
