//! The worker: it runs tasks in this process, from the calls that the store keeps.
//!
//! The store is the queue: another process finds with the sweep the tasks that one was to run and did not.

mod attempt;
mod parts;
mod stored_call;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use serde_json::Value;
use tokio::sync::{Notify, Semaphore};

pub(crate) use self::parts::WorkerParts;
use self::stored_call::StoredCall;
use crate::{
    error::{Causes, StoreError},
    handler::{Handler, Request, TaskRunner},
    protocol::Fault,
    tasks::{Task, TaskError, TaskId},
};

/// How many tasks one process runs at a time. Others wait.
const MOST_RUNNING: usize = 16;
/// How many tasks may wait for their turn in one process.
const MOST_WAITING: usize = 1_000;
/// How long a task is kept, from its creation on.
const TTL: Duration = Duration::from_secs(60 * 60);
/// How often tasks are looked for that no worker runs.
const SWEEP_INTERVAL: Duration = Duration::from_secs(30);
/// How many tasks one sweep takes.
const SWEEP: usize = 100;

/// Runs tasks. It ends with the server.
pub(crate) struct Worker(Arc<Shared>);

struct Shared {
    /// The handler, with the layers that apply to the call of a task.
    handler: Arc<dyn Handler>,
    parts: WorkerParts,
    turns: Semaphore,
    waiting: AtomicUsize,
    /// The running tasks of this process, to be woken at once by their clients.
    running: Mutex<HashMap<TaskId, Arc<Notify>>>,
    sweeps: AtomicBool,
}

impl Worker {
    pub(crate) fn new(handler: Arc<dyn Handler>, parts: WorkerParts) -> Self {
        Self(Arc::new(Shared {
            handler,
            parts,
            turns: Semaphore::new(MOST_RUNNING),
            waiting: AtomicUsize::new(0),
            running: Mutex::default(),
            sweeps: AtomicBool::new(false),
        }))
    }
}

impl TaskRunner for Worker {
    fn start(&self, request: Request) -> BoxFuture<'_, Result<Task, Fault>> {
        async move {
            let shared = &self.0;
            if shared.waiting.load(Ordering::Relaxed) >= MOST_WAITING {
                return Err(Fault::TooManyTasks { limit: MOST_WAITING });
            }
            let (tool, call) = StoredCall::of(&request)?;
            let now = shared.parts.clock.now();
            let task = Task::new(request.principal.clone(), tool, call, now, request.task_ttl(TTL));
            shared.parts.tasks.create(&task).await.map_err(|error| refusal(&error))?;
            shared.enqueue(task.id.clone());
            shared.sweep_from_now_on();
            Ok(task)
        }
        .boxed()
    }

    fn get<'a>(&'a self, request: &'a Request, id: TaskId) -> BoxFuture<'a, Result<Task, TaskError>> {
        self.0.sweep_from_now_on();
        async move { self.0.parts.tasks.get(&request.principal, &id).await }.boxed()
    }

    fn update<'a>(
        &'a self,
        request: &'a Request,
        id: TaskId,
        answers: Vec<(String, Value)>,
    ) -> BoxFuture<'a, Result<Task, TaskError>> {
        async move {
            let task = self.0.parts.tasks.answer(&request.principal, &id, &answers).await?;
            self.0.wake(&id);
            Ok(task)
        }
        .boxed()
    }

    fn cancel<'a>(&'a self, request: &'a Request, id: TaskId) -> BoxFuture<'a, Result<Task, TaskError>> {
        async move {
            let task = self.0.parts.tasks.cancel(&request.principal, &id).await?;
            self.0.wake(&id);
            Ok(task)
        }
        .boxed()
    }
}

impl Shared {
    /// Runs a task as soon as it is its turn.
    fn enqueue(self: &Arc<Self>, id: TaskId) {
        let shared = Arc::clone(self);
        shared.waiting.fetch_add(1, Ordering::Relaxed);
        self.parts.tracker.spawn(async move {
            let turn = tokio::select! {
                turn = shared.turns.acquire() => turn.ok(),
                () = shared.parts.shutdown.cancelled() => None,
            };
            shared.waiting.fetch_sub(1, Ordering::Relaxed);
            if turn.is_some() {
                shared.run(&id).await;
            }
        });
    }

    async fn run(&self, id: &TaskId) {
        let held = match self.parts.tasks.claim(id).await {
            Ok(Some(held)) => held,
            // It has ended, or another worker has it.
            Ok(None) | Err(TaskError::NotFound | TaskError::Ended(_) | TaskError::NotDue { .. }) => return,
            Err(error) => {
                tracing::error!(task = %id, error = %Causes(&error), "a task was not claimed; the sweep finds it");
                return;
            }
        };
        let woken = Arc::new(Notify::new());
        self.lock().insert(id.clone(), Arc::clone(&woken));
        attempt::run(&self.handler, &self.parts, held, &woken).await;
        self.lock().remove(id);
    }

    fn wake(&self, id: &TaskId) {
        if let Some(woken) = self.lock().get(id) {
            woken.notify_one();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<TaskId, Arc<Notify>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to look for tasks that no worker runs: those of a process that has ended, and those that are due again.
    fn sweep_from_now_on(self: &Arc<Self>) {
        if self.sweeps.swap(true, Ordering::Relaxed) {
            return;
        }
        let shared = Arc::clone(self);
        self.parts.tracker.spawn(async move {
            loop {
                match shared.parts.tasks.sweep(SWEEP).await {
                    Ok(due) => due.into_iter().for_each(|id| shared.enqueue(id)),
                    Err(error) => {
                        tracing::warn!(error = %Causes(&error), "tasks without a worker were not looked for");
                    }
                }
                tokio::select! {
                    () = tokio::time::sleep(SWEEP_INTERVAL) => {}
                    () = shared.parts.shutdown.cancelled() => return,
                }
            }
        });
    }
}

fn refusal(error: &TaskError) -> Fault {
    match error {
        TaskError::Store(StoreError::Full { limit, .. }) => Fault::TooManyTasks { limit: *limit },
        TaskError::Store(error) => {
            tracing::error!(error = %Causes(error), "a task was not created");
            Fault::of_store(error)
        }
        error => Fault::invalid_params(error.to_string()),
    }
}
