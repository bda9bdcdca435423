//! Attempts of tasks: what the workers of all kinds have in common.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tracing::Instrument;

use super::{
    attempt::{self, Attempted},
    parts::WorkerParts,
};
use crate::{
    error::Causes,
    handler::Handler,
    tasks::{TaskError, TaskId},
    telemetry::task_span,
    time::Deadline,
};

/// Runs attempts of tasks in this process, as many at a time as it may.
pub(super) struct Attempts {
    /// The handler, with the layers that apply to the call of a task.
    handler: Arc<dyn Handler>,
    pub(super) parts: WorkerParts,
    turns: Semaphore,
    /// The running tasks of this process, to be woken at once by their clients.
    running: Mutex<HashMap<TaskId, Arc<Notify>>>,
}

impl Attempts {
    pub(super) fn new(handler: Arc<dyn Handler>, parts: WorkerParts) -> Self {
        let turns = Semaphore::new(parts.per_process.min(Semaphore::MAX_PERMITS));
        Self { handler, parts, turns, running: Mutex::default() }
    }

    /// Waits until the process may run one more task. `None`: the server stops, or the deadline has passed.
    pub(super) async fn turn(&self, deadline: Option<Deadline>) -> Option<SemaphorePermit<'_>> {
        tokio::select! {
            biased;
            () = self.parts.shutdown.cancelled() => None,
            () = attempt::passed(deadline) => None,
            turn = self.turns.acquire() => turn.ok(),
        }
    }

    /// Claims a task and runs it until it ends, or until it is given back: at the deadline, or because the server stops.
    pub(super) async fn run(&self, id: &TaskId, deadline: Option<Deadline>) -> Attempted {
        let held = match self.parts.tasks.claim(id).await {
            Ok(Some(held)) => held,
            Ok(None) | Err(TaskError::Ended(_)) => return Attempted::Ended,
            Err(TaskError::NotFound) => return Attempted::Unknown,
            Err(error @ TaskError::NotDue { .. }) => {
                tracing::debug!(task = %id, %error, "a task was not claimed");
                return Attempted::NotDue;
            }
            Err(error) => {
                tracing::error!(task = %id, error = %Causes(&error), "a task was not claimed");
                return Attempted::Failed(error);
            }
        };
        let woken = Arc::new(Notify::new());
        self.lock().insert(id.clone(), Arc::clone(&woken));
        let span = task_span(held.task());
        let attempted =
            attempt::run(&self.handler, &self.parts, held, &woken, deadline).instrument(span).await;
        self.lock().remove(id);
        attempted
    }

    /// Lets the attempt of a task look at once for what its client has done.
    pub(super) fn wake(&self, id: &TaskId) {
        if let Some(woken) = self.lock().get(id) {
            woken.notify_one();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<TaskId, Arc<Notify>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
