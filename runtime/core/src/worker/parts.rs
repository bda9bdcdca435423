//! What a worker needs.

use std::sync::Arc;

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{dispatch::ToolServices, tasks::Tasks, time::Clock};

/// What a worker needs.
pub(crate) struct WorkerParts {
    pub(crate) tasks: Tasks,
    pub(crate) services: Arc<ToolServices>,
    pub(crate) clock: Clock,
    /// Version of the program, which is kept with checkpoints.
    pub(crate) program: String,
    /// Owns every running task.
    pub(crate) tracker: TaskTracker,
    /// Is cancelled when the server is asked to stop: tasks are then given back.
    pub(crate) shutdown: CancellationToken,
}
