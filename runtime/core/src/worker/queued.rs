//! The worker of a queue: it runs the tasks that messages name, and its server sends the messages.

use std::{sync::Arc, time::Duration};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream};
use serde_json::Value;

use super::{attempt::Attempted, attempts::Attempts, parts::WorkerParts};
use crate::{
    error::Causes,
    handler::{Handler, Request, TaskRunner},
    protocol::Fault,
    tasks::{ExternalUpdate, QueueError, Task, TaskError, TaskId, TaskMessage, TaskQueue},
    time::{Deadline, Timestamp},
};

/// The longest time for which a queue keeps a message back:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html> (read 2026-11-27).
const LONGEST_DELAY: Duration = Duration::from_secs(900);
/// How many tasks a sweep reads at a time.
const SWEEP: usize = 100;
/// How many messages a sweep sends at a time.
const SENDERS: usize = 16;

/// Why the message of a task has to be delivered again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeliveryError {
    /// The store has failed.
    #[error("the task could not be run: {0}")]
    Task(#[from] TaskError),
    /// The queue has failed.
    #[error("the task was given back, and its next message was not sent")]
    Queue(#[from] QueueError),
}

/// The worker of a queue. Clones share what is running.
#[derive(Clone)]
pub struct QueueWorker(pub(super) Arc<Shared>);

pub(super) struct Shared {
    pub(super) attempts: Attempts,
    pub(super) queue: Arc<dyn TaskQueue>,
}

impl QueueWorker {
    pub(crate) fn new(handler: Arc<dyn Handler>, parts: WorkerParts, queue: Arc<dyn TaskQueue>) -> Self {
        Self(Arc::new(Shared { attempts: Attempts::new(handler, parts), queue }))
    }

    /// Serves the message of a task: runs the task until it ends. At the deadline, the task is given back, with a message
    /// for the worker that goes on. The message is done with when this returns `Ok`: also when the task has ended before, is
    /// unknown, or is another worker's, which a message that is delivered twice is for.
    ///
    /// # Errors
    ///
    /// [`DeliveryError`] if the message has to be delivered again, because the store or the queue has failed.
    pub async fn deliver(&self, id: &TaskId, deadline: Deadline) -> Result<(), DeliveryError> {
        self.0.serve(id, Some(deadline)).await
    }

    /// Changes a task for a system that is not its owner. A task that is due then gets a message.
    ///
    /// # Errors
    ///
    /// As [`Tasks::update`](crate::tasks::Tasks::update).
    pub async fn update(&self, id: &TaskId, update: &ExternalUpdate) -> Result<Task, TaskError> {
        let parts = &self.0.attempts.parts;
        let task = parts.tasks.update(id, update).await?;
        self.0.attempts.wake(id);
        if matches!(update, ExternalUpdate::Answers(answers) if self.0.makes_due(&task, answers)) {
            self.0.announce(&task).await;
        }
        Ok(task)
    }

    /// Sends a message for each task that no worker runs although one should: those whose message was lost, and those of
    /// workers that have ended without a word. Returns how many there were.
    ///
    /// # Errors
    ///
    /// [`DeliveryError`] if the store cannot be read, or if a message was not sent. The others are sent first.
    pub async fn sweep(&self, deadline: Deadline) -> Result<usize, DeliveryError> {
        let (shared, mut sent) = (&self.0, 0);
        while !deadline.remaining().is_zero() {
            let due = shared.attempts.parts.tasks.sweep(SWEEP).await?;
            let is_last = due.len() < SWEEP;
            // Boxed: the compiler does not see that a stream of closures may be sent to another thread.
            let sends: Vec<_> = due.iter().map(|id| shared.send_if_waiting(id).boxed()).collect();
            let mut sends = stream::iter(sends).buffer_unordered(SENDERS);
            let mut failed = None;
            while let Some(outcome) = sends.next().await {
                match outcome {
                    Ok(was_sent) => sent += usize::from(was_sent),
                    Err(error) => failed = Some(error),
                }
            }
            if let Some(error) = failed {
                return Err(error);
            }
            if is_last {
                break;
            }
        }
        Ok(sent)
    }
}

impl Shared {
    pub(super) async fn serve(&self, id: &TaskId, deadline: Option<Deadline>) -> Result<(), DeliveryError> {
        let Some(_turn) = self.attempts.turn(deadline).await else {
            return self.send_if_waiting(id).await.map(drop);
        };
        match self.attempts.run(id, deadline).await {
            Attempted::Ended | Attempted::Unknown | Attempted::Lost => Ok(()),
            Attempted::GivenBack | Attempted::NotDue => self.send_if_waiting(id).await.map(drop),
            Attempted::Failed(error) => Err(error.into()),
        }
    }

    /// Sends a message for a task that waits for a worker, to be delivered when the task is due. A task that waits for its
    /// client gets one with the client's answer.
    async fn send_if_waiting(&self, id: &TaskId) -> Result<bool, DeliveryError> {
        let Some(task) = self.attempts.parts.tasks.find(id).await? else { return Ok(false) };
        let Some(delay) = waits_for(&task, self.attempts.parts.clock.now()) else { return Ok(false) };
        self.queue.send(&TaskMessage::new(task.id, &task.owner, delay)).await?;
        Ok(true)
    }

    /// Whether answers make a task due. A worker that holds the task looks for answers itself.
    fn makes_due(&self, task: &Task, answers: &[(String, Value)]) -> bool {
        let is_asked = answers.iter().any(|(key, _)| task.state.input(key).is_some());
        is_asked && waits_for(task, self.attempts.parts.clock.now()) == Some(Duration::ZERO)
    }

    /// Sends the message of a task that has become due. One that is lost is sent by the sweep.
    async fn announce(&self, task: &Task) {
        let message = TaskMessage::new(task.id.clone(), &task.owner, Duration::ZERO);
        if let Err(error) = self.queue.send(&message).await {
            tracing::error!(task = %task.id, error = %Causes(&error), "the message of a task was not sent; the sweep sends it");
        }
    }
}

/// The time until a worker should run a task. `None`: a worker has it, it has ended, or it waits for its client.
fn waits_for(task: &Task, now: Timestamp) -> Option<Duration> {
    if task.state.is_held(now) {
        return None;
    }
    let due = task.state.due_at().filter(|due| *due < task.expires_at)?;
    Some(due.since(now).min(LONGEST_DELAY))
}

impl TaskRunner for QueueWorker {
    fn start(&self, request: Request) -> BoxFuture<'_, Result<Task, Fault>> {
        async move {
            let task = self.0.attempts.parts.create(&request).await?;
            self.0.announce(&task).await;
            Ok(task)
        }
        .boxed()
    }

    fn get<'a>(&'a self, request: &'a Request, id: TaskId) -> BoxFuture<'a, Result<Task, TaskError>> {
        async move { self.0.attempts.parts.tasks.get(&request.principal, &id).await }.boxed()
    }

    fn update<'a>(
        &'a self,
        request: &'a Request,
        id: TaskId,
        answers: Vec<(String, Value)>,
    ) -> BoxFuture<'a, Result<Task, TaskError>> {
        async move {
            let parts = &self.0.attempts.parts;
            let task = parts.tasks.answer(&request.principal, &id, &answers).await?;
            self.0.attempts.wake(&id);
            if self.0.makes_due(&task, &answers) {
                self.0.announce(&task).await;
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

impl std::fmt::Debug for QueueWorker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QueueWorker").finish_non_exhaustive()
    }
}
