//! What a tool does with the task that it runs as.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rmcp::model::InputRequest;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

use super::{Checkpoint, Continue, HeldTask, TaskError, TaskId, TaskOutcome, TaskStatus};

/// The task that a tool runs as. A tool gets it from [`McpContext::task`](crate::McpContext::task), in every call: code
/// that runs inline and as a task is the same. Inline there is no task: messages and checkpoints go nowhere, there is no last
/// checkpoint, and a question is an error, for which a tool returns an `InputRequiredResult`.
///
/// A task is run at least once: a worker that dies is followed by another one, which starts the tool anew. So a tool keeps
/// how far it has come in [checkpoints](Self::checkpoint), and gives [`id`](Self::id) to other systems as an idempotency key.
#[derive(Clone)]
pub struct TaskHandle {
    running: Option<Arc<Running>>,
    cancelled: CancellationToken,
}

struct Running {
    id: TaskId,
    program: String,
    held: Mutex<HeldTask>,
    /// Grows with each look at what the client has done.
    looks: watch::Sender<u64>,
    /// The number of questions whose answers the tool waits for.
    waiting: watch::Sender<usize>,
    /// Whether an operation of the tool has failed because the store was away.
    has_failed: AtomicBool,
}

impl Running {
    /// Notes whether the store was away.
    fn noted<T>(&self, outcome: Result<T, TaskError>) -> Result<T, TaskError> {
        if matches!(&outcome, Err(TaskError::Store(error)) if error.is_retryable()) {
            self.has_failed.store(true, Ordering::Relaxed);
        }
        outcome
    }
}

/// A wait for an answer. Dropping it ends the count.
struct Waiting<'a>(&'a watch::Sender<usize>);

impl<'a> Waiting<'a> {
    fn begin(waiting: &'a watch::Sender<usize>) -> Self {
        waiting.send_modify(|waiting| *waiting += 1);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|waiting| *waiting -= 1);
    }
}

impl TaskHandle {
    /// The handle of a call that runs inline.
    pub(crate) fn inline(cancelled: CancellationToken) -> Self {
        Self { running: None, cancelled }
    }

    /// The handle of a task. `program` is the version of the program, which is kept with checkpoints.
    pub(crate) fn of(held: HeldTask, program: String, cancelled: CancellationToken) -> Self {
        let id = held.task().id.clone();
        let (looks, waiting) = (watch::Sender::new(0), watch::Sender::new(0));
        let running = Running {
            id,
            program,
            held: Mutex::new(held),
            looks,
            waiting,
            has_failed: AtomicBool::new(false),
        };
        Self { running: Some(Arc::new(running)), cancelled }
    }

    /// Id of the task, the same in each attempt. `None`: the call runs inline.
    #[must_use]
    pub fn id(&self) -> Option<&TaskId> {
        self.running.as_ref().map(|running| &running.id)
    }

    /// Sets the message that clients show beside the status.
    ///
    /// # Errors
    ///
    /// [`TaskError::Superseded`] if another worker has taken the task over: the tool should end.
    pub async fn set_status_message(&self, message: impl AsRef<str> + Send) -> Result<(), TaskError> {
        match &self.running {
            Some(running) => running.noted(running.held.lock().await.set_message(message.as_ref()).await),
            None => Ok(()),
        }
    }

    /// Keeps how far the tool has come, with the version of the program. It is durable when this returns.
    ///
    /// # Errors
    ///
    /// [`TaskError::TooLarge`] above [`Checkpoint::LARGEST`], [`TaskError::Value`] for what is no JSON,
    /// [`TaskError::Superseded`] as [`set_status_message`](Self::set_status_message).
    pub async fn checkpoint<T: Serialize + Sync>(&self, value: &T) -> Result<(), TaskError> {
        let Some(running) = &self.running else { return Ok(()) };
        let value = serde_json::to_value(value).map_err(TaskError::Value)?;
        let checkpoint = Checkpoint::new(&running.program, value);
        running.noted(running.held.lock().await.checkpoint(&checkpoint).await)
    }

    /// Returns the last checkpoint. `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`TaskError::Value`] if it is not a `T`: an older program wrote it, which
    /// [`stored_checkpoint`](Self::stored_checkpoint) names.
    pub async fn last_checkpoint<T: DeserializeOwned>(&self) -> Result<Option<T>, TaskError> {
        let stored = self.stored_checkpoint().await;
        stored.map(|stored| serde_json::from_value(stored.value).map_err(TaskError::Value)).transpose()
    }

    /// Returns the last checkpoint as it is stored, with the version of the program that wrote it.
    pub async fn stored_checkpoint(&self) -> Option<Checkpoint> {
        self.running.as_ref()?.held.lock().await.task().state.checkpoint().cloned()
    }

    /// Asks the client, and waits for the answer, which may come hours later. The key stands for the question as long as the
    /// task lives: an attempt after the first asks the same under the same key, and finds the answer.
    ///
    /// A tool that waits long is stopped where it waits, and is started again, from its last checkpoint, once there is an
    /// answer: so a person who thinks occupies no worker.
    ///
    /// # Errors
    ///
    /// [`TaskError::Inline`] if there is no task, [`TaskError::Ended`] if the client cancels it meanwhile,
    /// [`TaskError::KeyTaken`], [`TaskError::TooManyInputs`], and as [`set_status_message`](Self::set_status_message).
    pub async fn request_input(&self, key: &str, request: InputRequest) -> Result<Value, TaskError> {
        let Some(running) = &self.running else { return Err(TaskError::Inline) };
        let request = serde_json::to_value(request).map_err(TaskError::Value)?;
        let mut looks = running.looks.subscribe();
        if let Some(answer) = running.noted(running.held.lock().await.ask(key, &request).await)? {
            return Ok(answer);
        }
        let _waiting = Waiting::begin(&running.waiting);
        loop {
            tokio::select! {
                _ = looks.changed() => {}
                () = self.cancelled.cancelled() => return Err(TaskError::Ended(TaskStatus::Cancelled)),
            }
            if let Some(answer) = running.held.lock().await.answer(key) {
                return Ok(answer.clone());
            }
        }
    }

    /// Whether the client has cancelled the task, or the call.
    #[must_use]
    pub fn is_cancel_requested(&self) -> bool {
        self.cancelled.is_cancelled()
    }

    /// Waits until the client cancels the task, or the call.
    pub async fn cancelled(&self) {
        self.cancelled.cancelled().await;
    }

    /// Reads the answers and the cancellation of the client, and extends the lease if `extend` says so.
    pub(crate) async fn look(&self, extend: bool) -> Result<(), TaskError> {
        let Some(running) = &self.running else { return Ok(()) };
        let mut held = running.held.lock().await;
        if extend {
            held.heartbeat().await?;
        } else {
            held.refresh().await?;
        }
        if held.task().state.is_cancelled() {
            self.cancelled.cancel();
        }
        drop(held);
        running.looks.send_modify(|looks| *looks += 1);
        Ok(())
    }

    pub(crate) async fn finish(&self, outcome: &TaskOutcome) -> Result<(), TaskError> {
        match &self.running {
            Some(running) => running.held.lock().await.finish(outcome).await,
            None => Ok(()),
        }
    }

    /// Whether the tool has met a store that was away: an error of the tool is then no outcome of its task.
    pub(crate) fn has_failed(&self) -> bool {
        self.running.as_ref().is_some_and(|running| running.has_failed.load(Ordering::Relaxed))
    }

    /// Waits until the tool has waited so long for answers, and for nothing that this process could give it.
    pub(crate) async fn waits_for(&self, patience: Duration) {
        let Some(running) = &self.running else { return std::future::pending().await };
        let mut waiting = running.waiting.subscribe();
        loop {
            // The sender is of this handle: the channel stays open.
            let _ = waiting.wait_for(|waiting| *waiting > 0).await;
            tokio::select! {
                () = tokio::time::sleep(patience) => return,
                _ = waiting.wait_for(|waiting| *waiting == 0) => {}
            }
        }
    }

    /// Gives the task back at once: this process stops.
    pub(crate) async fn release(&self) -> Result<(), TaskError> {
        match &self.running {
            Some(running) => running.held.lock().await.release(Duration::ZERO).await,
            None => Ok(()),
        }
    }

    /// Gives the task back because the time of this worker is over.
    pub(crate) async fn hand_over(&self) -> Result<(), TaskError> {
        match &self.running {
            Some(running) => running.held.lock().await.hand_over().await,
            None => Ok(()),
        }
    }

    /// Gives the task back as its tool wants it.
    pub(crate) async fn continue_as(&self, how: Continue) -> Result<(), TaskError> {
        let Some(running) = &self.running else { return Ok(()) };
        let mut held = running.held.lock().await;
        match how.pause() {
            Some(after) => held.release(after).await,
            None => held.release_until_answered().await,
        }
    }
}

impl std::fmt::Debug for TaskHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TaskHandle").field("id", &self.id()).finish_non_exhaustive()
    }
}
