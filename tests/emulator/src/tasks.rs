//! The owner of every spawned task, so that none outlives the emulator.

use std::future::Future;

use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Spawns tasks that end when their owner is stopped.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    /// Tasks that can be stopped on their own and are stopped together with these.
    pub(crate) fn child(&self) -> Tasks {
        Tasks { tracker: self.tracker.clone(), stop: self.stop.child_token() }
    }

    /// Runs `future` until it ends or the owner stops; the handle then yields `None`.
    pub(crate) fn spawn<F>(&self, future: F) -> JoinHandle<Option<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let stop = self.stop.clone();
        self.tracker.spawn(async move { stop.run_until_cancelled(future).await })
    }

    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits until every task of the whole emulator has ended.
    pub(crate) async fn ended(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}
