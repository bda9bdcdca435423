//! What a worker needs.

use std::{sync::Arc, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::stored_call::StoredCall;
use crate::{
    dispatch::ToolServices,
    error::{Causes, StoreError},
    handler::Request,
    protocol::Fault,
    tasks::{Task, TaskError, Tasks},
    telemetry::TaskTracing,
    time::Clock,
};

/// What a worker needs.
pub(crate) struct WorkerParts {
    pub(crate) tasks: Tasks,
    pub(crate) services: Arc<ToolServices>,
    pub(crate) clock: Clock,
    /// How long a task is kept at most, from its creation on.
    pub(crate) ttl: Duration,
    /// How many tasks this process runs at a time.
    pub(crate) per_process: usize,
    /// How long a lease lasts.
    pub(crate) lease: Duration,
    /// Version of the program, which is kept with checkpoints.
    pub(crate) program: String,
    /// Owns every running task.
    pub(crate) tracker: TaskTracker,
    /// Is cancelled when the server is asked to stop: tasks are then given back.
    pub(crate) shutdown: CancellationToken,
    /// The tracing system that gets a span of each attempt.
    pub(crate) tracing: TaskTracing,
}

impl WorkerParts {
    /// Stores a task of a call.
    pub(super) async fn create(&self, request: &Request) -> Result<Task, Fault> {
        let (tool, call) = StoredCall::of(request)?;
        let ttl = request.task_ttl(self.ttl);
        let task = Task::new(request.principal.clone(), tool, call, self.clock.now(), ttl);
        self.tasks.create(&task).await.map_err(|error| refusal(&error))?;
        Ok(task)
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
