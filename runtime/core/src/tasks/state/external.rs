//! Changes by systems other than the worker and the client of a task.

use super::{Stage, TaskState, cut};
use crate::{
    tasks::{TaskError, TaskOutcome},
    time::Timestamp,
};

impl TaskState {
    /// Ends the task, whether or not a worker runs it: the worker's later writes are refused. To end it in the same way again
    /// changes nothing.
    ///
    /// # Errors
    ///
    /// [`TaskError::Ended`] if it has ended in another way, [`TaskError::TooLarge`].
    pub fn settle(&mut self, outcome: TaskOutcome, now: Timestamp) -> Result<(), TaskError> {
        if self.outcome() == Some(&outcome) {
            return Ok(());
        }
        self.require_open()?;
        outcome.check()?;
        self.end(outcome, now);
        Ok(())
    }

    /// Sets the status message, whether or not a worker runs the task. A message above 1,024 bytes is cut.
    ///
    /// # Errors
    ///
    /// [`TaskError::Ended`].
    pub fn note(&mut self, message: &str, now: Timestamp) -> Result<(), TaskError> {
        self.require_open()?;
        let message = Some(cut(message));
        if self.message != message {
            self.message = message;
            self.touch(now);
        }
        Ok(())
    }

    /// Whether a worker that takes the task at this time would run it.
    #[must_use]
    pub fn is_waiting_at(&self, now: Timestamp) -> bool {
        matches!(self.stage, Stage::Queued { not_before } if not_before <= now)
    }
}
