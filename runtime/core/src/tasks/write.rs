//! A change of a stored task: read, change, write on the condition that nothing came between.

use std::{fmt, sync::Arc, time::Duration};

use super::{Task, TaskError, TaskId, TaskOutcome, TaskStore};
use crate::{
    error::StoreError,
    metrics::{Metrics, TaskStep},
    random,
    session::Versioned,
    telemetry::task_line,
    time::{Clock, Timestamp},
};

/// Tries of a write that other writers keep winning.
const TRIES: u32 = 16;
/// Pause after the second lost try. It doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(4);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Makes changes of stored tasks. Clones share one store.
#[derive(Clone)]
pub(super) struct Changes {
    pub(super) store: Arc<dyn TaskStore>,
    clock: Clock,
    metrics: Option<Metrics>,
}

impl Changes {
    pub(super) fn new(store: Arc<dyn TaskStore>, clock: Clock) -> Self {
        Self { store, clock, metrics: None }
    }

    /// Counts tasks.
    pub(super) fn with_metrics(self, metrics: Metrics) -> Self {
        Self { metrics: Some(metrics), ..self }
    }

    /// A step of a task is in the store: it counts, and a task that has ended is a line of the log.
    pub(super) fn measure(&self, task: &Task, step: TaskStep) {
        if let TaskStep::Ended { status, took } = step {
            task_line(task, status, took);
        }
        if let Some(metrics) = &self.metrics {
            metrics.task(&task.tool, step);
        }
    }

    pub(super) async fn read(&self, id: &TaskId) -> Result<Option<Versioned<Task>>, TaskError> {
        Ok(self.store.load(id).await?)
    }

    /// Changes a task. `known` is the task as the caller last saw it: if it still is that, the change costs one write and
    /// no read. `apply` may be called several times. A change that leaves the task as it is writes nothing.
    pub(super) async fn make<T>(
        &self,
        id: &TaskId,
        mut known: Option<Versioned<Task>>,
        apply: impl Fn(&mut Task, Timestamp) -> Result<T, TaskError>,
    ) -> Result<(Versioned<Task>, T), TaskError> {
        let write = random::token();
        for lost in 0..TRIES {
            let (found, is_fresh) = match known.take() {
                Some(known) => (known, false),
                None => (self.read(id).await?.ok_or(TaskError::NotFound)?, true),
            };
            let (mut task, now) = (found.value.clone(), self.clock.now());
            let value = apply(&mut task, now)?;
            match task == found.value {
                true if is_fresh => return Ok((found, value)),
                // What the caller saw may be long past: whether it still holds is for the store to say.
                true => continue,
                false => {}
            }
            task.state.write.clone_from(&write);
            let step = step(&found.value, &task, now);
            if task.state.has_ended() {
                task.call.clear();
            }
            match self.store.replace(&task, found.rev).await {
                Ok(rev) => {
                    step.inspect(|step| self.measure(&task, *step));
                    return Ok((Versioned { value: task, rev }, value));
                }
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
            let found = self.read(id).await?.ok_or(TaskError::NotFound)?;
            // The write has landed, and the response of the store was lost.
            if found.value.state.write == write {
                step.inspect(|step| self.measure(&task, *step));
                return Ok((found, value));
            }
            known = Some(found);
            if lost > 0 {
                let pause = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(lost - 1)).min(LONGEST_PAUSE);
                tokio::time::sleep(random::jitter(pause)).await;
                known = None;
            }
        }
        Err(StoreError::Conflict.into())
    }
}

/// What a change means for the metrics of tasks.
fn step(before: &Task, after: &Task, now: Timestamp) -> Option<TaskStep> {
    let age = now.since(after.created_at);
    match after.state.outcome() {
        Some(outcome) if !before.state.has_ended() => {
            let status = match outcome {
                TaskOutcome::Completed(_) => "completed",
                TaskOutcome::Failed(_) => "failed",
                TaskOutcome::Cancelled => "cancelled",
            };
            Some(TaskStep::Ended { status, took: age })
        }
        None if before.state.token() == 0 && after.state.token() > 0 => Some(TaskStep::Begun { waited: age }),
        _ => None,
    }
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes").finish_non_exhaustive()
    }
}
