//! Actions on tasks, which the deployment and other systems invoke: `{"source":"mcp-lambda-server","action":"sweep-tasks"}`.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use mcp_lambda_core::{QueueWorker, error::Causes, time::Deadline};

use super::error::InvocationError;

/// An action on tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TaskAction {
    /// Sends messages for tasks that no worker runs although one should.
    Sweep,
}

impl TaskAction {
    /// The `source` of events that name an action.
    pub(super) const SOURCE: &str = "mcp-lambda-server";

    pub(super) fn read(event: &str) -> Result<Self, InvocationError> {
        #[derive(Deserialize)]
        struct Event {
            action: String,
        }
        let invalid = |message: String| InvocationError::new("InvalidEvent", message);
        let event: Event = serde_json::from_str(event)
            .map_err(|error| invalid(format!("the action on tasks cannot be read: {error}")))?;
        match event.action.as_str() {
            "sweep-tasks" => Ok(Self::Sweep),
            action => Err(invalid(format!("action is {action:?}: expected \"sweep-tasks\""))),
        }
    }

    /// Does it, and returns the response of the invocation.
    pub(super) async fn run(
        self,
        worker: &QueueWorker,
        deadline: Deadline,
    ) -> Result<Bytes, InvocationError> {
        match self {
            Self::Sweep => match worker.sweep(deadline).await {
                Ok(sent) => {
                    if sent > 0 {
                        tracing::warn!(sent, "tasks without a worker were sent to the queue again");
                    }
                    Ok(json!({ "sent": sent }).to_string().into())
                }
                Err(error) => Err(InvocationError::new("SweepFailed", Causes(&error).to_string())),
            },
        }
    }
}
