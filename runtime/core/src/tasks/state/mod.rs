//! What changes in a task, and which changes are allowed. Pure: the time comes as an argument.
//!
//! ```text
//!            claim                finish
//! queued ------------> running ------------> ended: completed, failed or cancelled
//!   ^  ^                |  |                   ^
//!   |  +--- release ----+  |                   |
//!   +-- lease expired -----+                   |
//!   +---------------- cancel ------------------+
//! ```
//!
//! An ended task never changes, and the token only grows.
//!
//! * [`external`]: what systems other than the worker and the client change.

mod external;

use std::{collections::BTreeMap, time::Duration};

use rmcp::ErrorData;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Checkpoint, Lease, LeaseTerms, TaskError, TaskInput, TaskOutcome, TaskStatus, error::check_size,
};
use crate::time::Timestamp;

/// The longest status message, in bytes. A longer one is cut.
const LONGEST_MESSAGE: usize = 1024;

/// What changes in a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskState {
    stage: Stage,
    /// The token of the last claim; 0 before the first.
    token: u64,
    /// The number of claims since the task was created or released.
    attempt: u32,
    /// Whether the task has come further since the last claim: a checkpoint, a question or an answer was stored.
    #[serde(default)]
    has_advanced: bool,
    /// When the client was last told something new. It never goes back, even if the clocks of workers disagree.
    updated_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    checkpoint: Option<Checkpoint>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    inputs: BTreeMap<String, TaskInput>,
    #[serde(default)]
    is_cancelled: bool,
    /// The last write, so that its writer knows it again when the response of the store was lost.
    #[serde(default)]
    pub(super) write: String,
}

/// Where a task is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    /// The task waits for a worker, and at least until a point in time.
    Queued { not_before: Timestamp },
    /// A worker runs the task.
    Running { until: Timestamp },
    /// The task has ended.
    Ended(TaskOutcome),
}

/// The result of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claimed {
    /// The worker holds the task.
    Held(Lease),
    /// The task has ended: it was cancelled before, or was tried too often.
    Ended,
}

impl TaskState {
    /// The state of a new task.
    #[must_use]
    pub fn queued(now: Timestamp) -> Self {
        Self {
            stage: Stage::Queued { not_before: now },
            token: 0,
            attempt: 0,
            has_advanced: false,
            updated_at: now,
            message: None,
            checkpoint: None,
            inputs: BTreeMap::new(),
            is_cancelled: false,
            write: String::new(),
        }
    }

    /// The status, as MCP names it.
    #[must_use]
    pub fn status(&self) -> TaskStatus {
        match &self.stage {
            Stage::Ended(outcome) => outcome.status(),
            Stage::Queued { .. } | Stage::Running { .. } if self.open_inputs().next().is_some() => {
                TaskStatus::InputRequired
            }
            Stage::Queued { .. } | Stage::Running { .. } => TaskStatus::Working,
        }
    }

    /// How the task has ended. `None`: it has not.
    #[must_use]
    pub fn outcome(&self) -> Option<&TaskOutcome> {
        match &self.stage {
            Stage::Ended(outcome) => Some(outcome),
            Stage::Queued { .. } | Stage::Running { .. } => None,
        }
    }

    /// Whether the task has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.outcome().is_some()
    }

    /// The token of the last claim. 0: there was none.
    #[must_use]
    pub fn token(&self) -> u64 {
        self.token
    }

    /// The number of claims since the task was created or released.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The status message.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// The last checkpoint.
    #[must_use]
    pub fn checkpoint(&self) -> Option<&Checkpoint> {
        self.checkpoint.as_ref()
    }

    /// A question that the task has asked.
    #[must_use]
    pub fn input(&self, key: &str) -> Option<&TaskInput> {
        self.inputs.get(key)
    }

    /// The questions that the client has yet to answer, by key.
    pub fn open_inputs(&self) -> impl Iterator<Item = (&str, &Value)> {
        let open = self.inputs.iter().filter(|(_, input)| input.is_open());
        open.map(|(key, input)| (key.as_str(), &input.request))
    }

    /// Whether the client wants the task to end.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.is_cancelled
    }

    /// When the client was last told something new.
    #[must_use]
    pub fn updated_at(&self) -> Timestamp {
        self.updated_at
    }

    /// When the task is for a worker that does not hold it. `None`: it has ended.
    #[must_use]
    pub fn due_at(&self) -> Option<Timestamp> {
        match &self.stage {
            Stage::Queued { not_before } => Some(*not_before),
            Stage::Running { until } => Some(*until),
            Stage::Ended(_) => None,
        }
    }

    /// Whether a worker holds the task.
    #[must_use]
    pub fn is_held(&self, now: Timestamp) -> bool {
        matches!(self.stage, Stage::Running { until } if until > now)
    }

    /// Gives the task to a worker. Of a task that was cancelled, or was tried too often, it makes one that has ended.
    ///
    /// # Errors
    ///
    /// [`TaskError::Ended`], [`TaskError::NotDue`].
    pub fn claim(&mut self, now: Timestamp, terms: &LeaseTerms) -> Result<Claimed, TaskError> {
        self.require_open()?;
        if let Some(until) = self.due_at().filter(|due| *due > now) {
            return Err(TaskError::NotDue { until });
        }
        if self.is_cancelled {
            self.end(TaskOutcome::Cancelled, now);
            return Ok(Claimed::Ended);
        }
        if self.attempt >= terms.attempts {
            let text = format!("the task was given up after {} attempts without an outcome", self.attempt);
            self.end(TaskOutcome::Failed(ErrorData::internal_error(text, None)), now);
            return Ok(Claimed::Ended);
        }
        self.token += 1;
        self.attempt += 1;
        self.has_advanced = false;
        let lease = Lease { token: self.token, until: now.plus(terms.length) };
        self.stage = Stage::Running { until: lease.until };
        Ok(Claimed::Held(lease))
    }

    /// Extends a lease.
    ///
    /// # Errors
    ///
    /// [`TaskError::Superseded`] and [`TaskError::Ended`], as each change by the holder of a lease.
    pub fn heartbeat(&mut self, lease: &Lease, now: Timestamp, length: Duration) -> Result<Lease, TaskError> {
        let until = self.require_held(lease)?.max(now.plus(length));
        self.stage = Stage::Running { until };
        Ok(Lease { until, ..*lease })
    }

    /// Sets the status message. A message above 1,024 bytes is cut.
    ///
    /// # Errors
    ///
    /// As [`TaskState::heartbeat`].
    pub fn set_message(&mut self, lease: &Lease, message: &str, now: Timestamp) -> Result<(), TaskError> {
        self.require_held(lease)?;
        self.message = Some(cut(message));
        self.touch(now);
        Ok(())
    }

    /// Replaces the checkpoint.
    ///
    /// # Errors
    ///
    /// [`TaskError::TooLarge`], and as [`TaskState::heartbeat`].
    pub fn set_checkpoint(&mut self, lease: &Lease, checkpoint: Checkpoint) -> Result<(), TaskError> {
        self.require_held(lease)?;
        checkpoint.check()?;
        self.has_advanced |= self.checkpoint.as_ref() != Some(&checkpoint);
        self.checkpoint = Some(checkpoint);
        Ok(())
    }

    /// Asks the client a question, under a key that stands for it as long as the task lives. A later attempt that asks
    /// the same question under the same key changes nothing, and finds the answer.
    ///
    /// # Errors
    ///
    /// [`TaskError::KeyTaken`] for another question under a known key, [`TaskError::TooManyInputs`],
    /// [`TaskError::TooLarge`], and as [`TaskState::heartbeat`].
    pub fn ask(&mut self, lease: &Lease, key: &str, request: Value, now: Timestamp) -> Result<(), TaskError> {
        self.require_held(lease)?;
        if let Some(known) = self.inputs.get(key) {
            let is_same = known.request == request;
            return if is_same { Ok(()) } else { Err(TaskError::KeyTaken { key: key.to_owned() }) };
        }
        if self.inputs.len() >= TaskInput::MOST {
            return Err(TaskError::TooManyInputs { limit: TaskInput::MOST });
        }
        check_size("the key of a question", &key, TaskInput::LONGEST_KEY)?;
        check_size("a question", &request, TaskInput::LARGEST)?;
        let mut inputs = self.inputs.clone();
        inputs.insert(key.to_owned(), TaskInput::open(request));
        check_size("all questions of a task", &inputs, TaskInput::LARGEST_TOTAL)?;
        self.inputs = inputs;
        self.has_advanced = true;
        self.touch(now);
        Ok(())
    }

    /// Keeps the answers of the client. Those to questions that were not asked or are answered are ignored. A task that
    /// waits is due at once.
    ///
    /// # Errors
    ///
    /// [`TaskError::TooLarge`].
    pub fn answer(&mut self, answers: &[(String, Value)], now: Timestamp) -> Result<(), TaskError> {
        if self.has_ended() || !answers.iter().any(|(key, _)| self.is_asked(key)) {
            return Ok(());
        }
        let mut inputs = self.inputs.clone();
        for (key, answer) in answers {
            if let Some(input) = inputs.get_mut(key).filter(|input| input.is_open()) {
                check_size("an answer", answer, TaskInput::LARGEST)?;
                input.answer = Some(answer.clone());
            }
        }
        check_size("all questions and answers of a task", &inputs, TaskInput::LARGEST_TOTAL)?;
        self.inputs = inputs;
        self.has_advanced = true;
        if let Stage::Queued { not_before } = &mut self.stage {
            *not_before = now.min(*not_before);
        }
        self.touch(now);
        Ok(())
    }

    /// Cancels the task: at once if no worker holds it, otherwise with a mark for its worker. A task that has ended
    /// stays as it is.
    pub fn cancel(&mut self, now: Timestamp) {
        match self.stage {
            Stage::Ended(_) => {}
            Stage::Running { until } if until > now => self.is_cancelled = true,
            Stage::Queued { .. } | Stage::Running { .. } => self.end(TaskOutcome::Cancelled, now),
        }
    }

    /// Ends the task. To end it in the same way again changes nothing.
    ///
    /// # Errors
    ///
    /// [`TaskError::TooLarge`], and as [`TaskState::heartbeat`].
    pub fn finish(&mut self, lease: &Lease, outcome: TaskOutcome, now: Timestamp) -> Result<(), TaskError> {
        if self.token == lease.token && self.outcome() == Some(&outcome) {
            return Ok(());
        }
        self.require_held(lease)?;
        outcome.check()?;
        self.end(outcome, now);
        Ok(())
    }

    /// Gives the task back, for a worker that goes on from the checkpoint. It is no failed attempt. A task that was
    /// cancelled ends.
    ///
    /// # Errors
    ///
    /// As [`TaskState::heartbeat`].
    pub fn release(&mut self, lease: &Lease, not_before: Timestamp, now: Timestamp) -> Result<(), TaskError> {
        self.require_held(lease)?;
        if self.is_cancelled {
            self.end(TaskOutcome::Cancelled, now);
        } else {
            self.stage = Stage::Queued { not_before };
            self.attempt = 0;
        }
        Ok(())
    }

    /// Gives the task back because the time of its worker is over, for another one that goes on from the checkpoint. It is
    /// a failed attempt if the task has not come further.
    ///
    /// # Errors
    ///
    /// As [`TaskState::heartbeat`].
    pub fn hand_over(&mut self, lease: &Lease, now: Timestamp) -> Result<(), TaskError> {
        let attempt = if self.has_advanced { 0 } else { self.attempt };
        self.release(lease, now, now)?;
        self.attempt = attempt;
        Ok(())
    }

    /// The number of questions that the client has answered.
    #[must_use]
    pub fn answered(&self) -> usize {
        self.inputs.values().filter(|input| !input.is_open()).count()
    }

    fn is_asked(&self, key: &str) -> bool {
        self.inputs.get(key).is_some_and(TaskInput::is_open)
    }

    /// What only a running task needs goes, so that the outcome has its room.
    fn end(&mut self, outcome: TaskOutcome, now: Timestamp) {
        if let TaskOutcome::Failed(error) = &outcome {
            self.message = Some(cut(&error.message));
        }
        self.is_cancelled |= outcome == TaskOutcome::Cancelled;
        self.stage = Stage::Ended(outcome);
        self.checkpoint = None;
        self.inputs.clear();
        self.touch(now);
    }

    fn touch(&mut self, now: Timestamp) {
        self.updated_at = self.updated_at.max(now);
    }

    fn require_open(&self) -> Result<(), TaskError> {
        self.outcome().map_or(Ok(()), |outcome| Err(TaskError::Ended(outcome.status())))
    }

    /// Returns the end of the lease. The clock plays no part: a lease that has expired is good until another worker
    /// claims the task.
    fn require_held(&self, lease: &Lease) -> Result<Timestamp, TaskError> {
        self.require_open()?;
        match self.stage {
            Stage::Running { until } if self.token == lease.token => Ok(until),
            _ => Err(TaskError::Superseded),
        }
    }
}

fn cut(message: &str) -> String {
    message[..message.floor_char_boundary(LONGEST_MESSAGE)].to_owned()
}
