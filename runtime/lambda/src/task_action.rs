//! Actions on tasks, which the deployment and other systems invoke: `{"source":"mcp-lambda-server","action":"sweep-tasks"}`.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use mcp_lambda_core::{QueueWorker, error::Causes, tasks::TaskError, time::Deadline};

use super::{
    error::InvocationError,
    task_update::{InvalidUpdate, TaskUpdate},
};

/// An action on tasks.
#[derive(Debug)]
pub(super) enum TaskAction {
    /// Sends messages for tasks that no worker runs although one should.
    Sweep,
    /// Finishes or feeds a task.
    Update(TaskUpdate),
}

impl TaskAction {
    /// The `source` of events that name an action.
    pub(super) const SOURCE: &str = "mcp-lambda-server";

    /// Reads a direct invocation, or an EventBridge event that updates a task.
    pub(super) fn read(event: &str) -> Result<Self, InvocationError> {
        #[derive(Deserialize)]
        struct Event {
            #[serde(default)]
            action: Option<String>,
        }
        let invalid = |message: String| InvocationError::new("InvalidEvent", message);
        let update = |update: Result<TaskUpdate, InvalidUpdate>| {
            update.map(Self::Update).map_err(|error| invalid(error.to_string()))
        };
        let named: Event = serde_json::from_str(event)
            .map_err(|error| invalid(format!("the action on tasks cannot be read: {error}")))?;
        match named.action.as_deref() {
            None => update(TaskUpdate::of_event_bridge(event)),
            Some("update-task") => update(TaskUpdate::read(event)),
            Some("sweep-tasks") => Ok(Self::Sweep),
            Some(action) => {
                Err(invalid(format!(r#"action is {action:?}: expected "sweep-tasks" or "update-task""#)))
            }
        }
    }

    /// Does it, and returns the response of the invocation.
    pub(super) async fn run(
        self,
        worker: &QueueWorker,
        deadline: Deadline,
    ) -> Result<Bytes, InvocationError> {
        match self {
            Self::Sweep => sweep(worker, deadline).await,
            Self::Update(update) => apply(worker, &update).await,
        }
    }
}

async fn sweep(worker: &QueueWorker, deadline: Deadline) -> Result<Bytes, InvocationError> {
    let sent = worker.sweep(deadline).await;
    let sent = sent.map_err(|error| InvocationError::new("SweepFailed", Causes(&error).to_string()))?;
    if sent > 0 {
        tracing::warn!(sent, "tasks without a worker were sent to the queue again");
    }
    Ok(json!({ "sent": sent }).to_string().into())
}

async fn apply(worker: &QueueWorker, update: &TaskUpdate) -> Result<Bytes, InvocationError> {
    let task = worker.update(&update.task, &update.update).await.map_err(|error| match error {
        TaskError::NotFound => {
            let text = "taskId names no task: it was never one, or has expired";
            InvocationError::new("UnknownTask", text)
        }
        TaskError::Ended(status) => {
            let text = format!("the task has ended as {status:?}, which no update changes");
            InvocationError::new("TaskEnded", text)
        }
        error => InvocationError::new("TaskNotUpdated", Causes(&error).to_string()),
    })?;
    Ok(json!({ "taskId": task.id.as_str(), "status": task.status() }).to_string().into())
}
