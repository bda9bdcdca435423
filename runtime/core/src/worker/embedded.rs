//! The embedded worker: it runs the tasks that its server creates in the same process.
//!
//! The store is the queue: another process finds with the sweep the tasks that one was to run and did not.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use serde_json::Value;

use super::{attempt::Attempted, attempts::Attempts, parts::WorkerParts};
use crate::{
    error::Causes,
    handler::{Handler, Request, TaskRunner},
    protocol::Fault,
    tasks::{Task, TaskError, TaskId},
};

/// How many tasks may wait for their turn in one process.
const MOST_WAITING: usize = 1_000;
/// How often tasks are looked for that no worker runs.
const SWEEP_INTERVAL: Duration = Duration::from_secs(30);
/// How many tasks one sweep takes.
const SWEEP: usize = 100;

/// Runs tasks in the process that creates them. It ends with the server.
pub(crate) struct EmbeddedWorker(Arc<Shared>);

struct Shared {
    attempts: Attempts,
    /// The tasks that wait for their turn, so that none waits twice.
    waiting: Mutex<HashSet<TaskId>>,
    /// How many tasks pause before their next attempt.
    paused: AtomicUsize,
    sweeps: AtomicBool,
}

impl EmbeddedWorker {
    pub(crate) fn new(handler: Arc<dyn Handler>, parts: WorkerParts) -> Self {
        let attempts = Attempts::new(handler, parts);
        let (waiting, paused, sweeps) = (Mutex::default(), AtomicUsize::new(0), AtomicBool::new(false));
        Self(Arc::new(Shared { attempts, waiting, paused, sweeps }))
    }
}

impl TaskRunner for EmbeddedWorker {
    fn start(&self, request: Request) -> BoxFuture<'_, Result<Task, Fault>> {
        async move {
            let shared = &self.0;
            if shared.waiting().len() >= MOST_WAITING {
                return Err(Fault::TooManyTasks { limit: MOST_WAITING });
            }
            let task = shared.attempts.parts.create(&request).await?;
            shared.enqueue(task.id.clone());
            shared.sweep_from_now_on();
            Ok(task)
        }
        .boxed()
    }

    fn get<'a>(&'a self, request: &'a Request, id: TaskId) -> BoxFuture<'a, Result<Task, TaskError>> {
        self.0.sweep_from_now_on();
        async move { self.0.attempts.parts.tasks.get(&request.principal, &id).await }.boxed()
    }

    fn update<'a>(
        &'a self,
        request: &'a Request,
        id: TaskId,
        answers: Vec<(String, Value)>,
    ) -> BoxFuture<'a, Result<Task, TaskError>> {
        async move {
            let task = self.0.attempts.parts.tasks.answer(&request.principal, &id, &answers).await?;
            let is_waiting = task.state.is_waiting_at(self.0.attempts.parts.clock.now());
            if is_waiting {
                self.0.enqueue(id);
            } else {
                self.0.attempts.wake(&id);
            }
            Ok(task)
        }
        .boxed()
    }

    fn cancel<'a>(&'a self, request: &'a Request, id: TaskId) -> BoxFuture<'a, Result<Task, TaskError>> {
        async move {
            let task = self.0.attempts.parts.tasks.cancel(&request.principal, &id).await?;
            self.0.attempts.wake(&id);
            Ok(task)
        }
        .boxed()
    }
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, HashSet<TaskId>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a task as soon as it is its turn.
    fn enqueue(self: &Arc<Self>, id: TaskId) {
        let shared = Arc::clone(self);
        if !self.waiting().insert(id.clone()) {
            return;
        }
        self.attempts.parts.tracker.spawn(async move {
            let turn = shared.attempts.turn(None).await;
            shared.waiting().remove(&id);
            if turn.is_some() && matches!(shared.attempts.run(&id, None).await, Attempted::GivenBack) {
                drop(turn);
                shared.run_again(id).await;
            }
        });
    }

    /// Runs a task again when its pause is over. The sweep finds it if this process ends before, or if too many pause here.
    async fn run_again(self: &Arc<Self>, id: TaskId) {
        let parts = &self.attempts.parts;
        let Ok(Some(task)) = parts.tasks.find(&id).await else { return };
        // One that waits for an update is woken by it.
        let Some(due) = task.state.due_at().filter(|due| *due < task.expires_at) else { return };
        if self.paused.fetch_add(1, Ordering::Relaxed) < MOST_WAITING {
            tokio::select! {
                () = tokio::time::sleep(due.since(parts.clock.now())) => self.enqueue(id),
                () = parts.shutdown.cancelled() => {}
            }
        }
        self.paused.fetch_sub(1, Ordering::Relaxed);
    }

    /// Begins to look for tasks that no worker runs: those of a process that has ended, and those that are due again.
    fn sweep_from_now_on(self: &Arc<Self>) {
        if self.sweeps.swap(true, Ordering::Relaxed) {
            return;
        }
        let shared = Arc::clone(self);
        self.attempts.parts.tracker.spawn(async move {
            let parts = &shared.attempts.parts;
            loop {
                match parts.tasks.sweep(SWEEP).await {
                    Ok(due) => due.into_iter().for_each(|id| shared.enqueue(id)),
                    Err(error) => {
                        tracing::warn!(error = %Causes(&error), "tasks without a worker were not looked for");
                    }
                }
                tokio::select! {
                    () = tokio::time::sleep(SWEEP_INTERVAL) => {}
                    () = parts.shutdown.cancelled() => return,
                }
            }
        });
    }
}
