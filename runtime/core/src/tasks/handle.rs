//! What a tool does with the task that it runs as.

use std::sync::Arc;

use rmcp::model::InputRequest;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

use super::{Checkpoint, HeldTask, TaskError, TaskId, TaskOutcome, TaskStatus};

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
}

impl TaskHandle {
    /// The handle of a call that runs inline.
    pub(crate) fn inline(cancelled: CancellationToken) -> Self {
        Self { running: None, cancelled }
    }

    /// The handle of a task. `program` is the version of the program, which is kept with checkpoints.
    pub(crate) fn of(held: HeldTask, program: String, cancelled: CancellationToken) -> Self {
        let id = held.task().id.clone();
        let running = Running { id, program, held: Mutex::new(held), looks: watch::Sender::new(0) };
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
            Some(running) => running.held.lock().await.set_message(message.as_ref()).await,
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
        running.held.lock().await.checkpoint(&checkpoint).await
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
    /// # Errors
    ///
    /// [`TaskError::Inline`] if there is no task, [`TaskError::Ended`] if the client cancels it meanwhile,
    /// [`TaskError::KeyTaken`], [`TaskError::TooManyInputs`], and as [`set_status_message`](Self::set_status_message).
    pub async fn request_input(&self, key: &str, request: InputRequest) -> Result<Value, TaskError> {
        let Some(running) = &self.running else { return Err(TaskError::Inline) };
        let request = serde_json::to_value(request).map_err(TaskError::Value)?;
        let mut looks = running.looks.subscribe();
        if let Some(answer) = running.held.lock().await.ask(key, &request).await? {
            return Ok(answer);
        }
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

    pub(crate) async fn release(&self) -> Result<(), TaskError> {
        match &self.running {
            Some(running) => running.held.lock().await.release(std::time::Duration::ZERO).await,
            None => Ok(()),
        }
    }
}

impl std::fmt::Debug for TaskHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TaskHandle").field("id", &self.id()).finish_non_exhaustive()
    }
}
