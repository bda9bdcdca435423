//! What lives as long as the server does.

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::time::Clock;

/// What everything that runs shares.
#[derive(Clone)]
pub(crate) struct Lifecycle {
    pub(crate) clock: Clock,
    /// Owns every task, so that none outlives the server.
    pub(crate) tracker: TaskTracker,
    /// Is cancelled when the server is asked to stop: open streams then end gracefully.
    pub(crate) shutdown: CancellationToken,
    /// Is cancelled when the time for that is nearly over: open calls are then answered as interrupted.
    pub(crate) interrupt: CancellationToken,
}
