//! The embedded worker: it runs the tasks that its server creates in the same process.
//!
//! The store is the queue: another process finds with the sweep the tasks that one was to run and did not.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use serde_json::Value;

use super::{attempts::Attempts, parts::WorkerParts};
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
    waiting: AtomicUsize,
    sweeps: AtomicBool,
}

impl EmbeddedWorker {
    pub(crate) fn new(handler: Arc<dyn Handler>, parts: WorkerParts) -> Self {
        let attempts = Attempts::new(handler, parts);
        Self(Arc::new(Shared { attempts, waiting: AtomicUsize::new(0), sweeps: AtomicBool::new(false) }))
    }
}

impl TaskRunner for EmbeddedWorker {
    fn start(&self, request: Request) -> BoxFuture<'_, Result<Task, Fault>> {
        async move {
            let shared = &self.0;
            if shared.waiting.load(Ordering::Relaxed) >= MOST_WAITING {
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
            self.0.attempts.wake(&id);
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
    /// Runs a task as soon as it is its turn. What becomes of it the store keeps: the sweep finds it, should it be due again.
    fn enqueue(self: &Arc<Self>, id: TaskId) {
        let shared = Arc::clone(self);
        shared.waiting.fetch_add(1, Ordering::Relaxed);
        self.attempts.parts.tracker.spawn(async move {
            let turn = shared.attempts.turn(None).await;
            shared.waiting.fetch_sub(1, Ordering::Relaxed);
            if turn.is_some() {
                shared.attempts.run(&id, None).await;
            }
        });
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
