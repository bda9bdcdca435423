//! The calls to the store for the request that is served.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::task::futures::TaskLocalFuture;

tokio::task_local! {
    // Ambient, because an SDK gives its interceptors no argument of their caller.
    static ROUND_TRIPS: RoundTrips;
}

/// Counts the calls of one request. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct RoundTrips(Arc<AtomicU64>);

impl RoundTrips {
    /// Counts the calls of a future.
    pub(crate) fn of<F: Future>(&self, request: F) -> TaskLocalFuture<Self, F> {
        ROUND_TRIPS.scope(self.clone(), request)
    }

    /// Counts the calls of a function.
    pub(crate) fn in_poll<T>(&self, poll: impl FnOnce() -> T) -> T {
        ROUND_TRIPS.sync_scope(self.clone(), poll)
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Those of the request that is served, for a future that is spawned on behalf of it.
    pub(crate) fn current() -> Self {
        ROUND_TRIPS.try_with(Clone::clone).unwrap_or_default()
    }
}

/// Counts a call to a store that is over the network. Each try counts.
pub fn count_round_trip() {
    let _ = ROUND_TRIPS.try_with(|trips| trips.0.fetch_add(1, Ordering::Relaxed));
}
