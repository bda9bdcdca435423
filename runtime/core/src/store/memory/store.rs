//! The store: one lock around its data.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{data::Data, limits::MemoryLimits};
use crate::time::{Clock, Timestamp};

/// A store that is lost with the process. Clones share the same data, so several servers of a test can be several
/// environments of one deployment.
#[derive(Clone)]
pub struct MemoryStore {
    pub(super) clock: Clock,
    pub(super) limits: MemoryLimits,
    data: Arc<Mutex<Data>>,
}

/// Interval in which expired items are removed, so that a long-running process does not grow without bound.
const SWEEP_INTERVAL: std::time::Duration = std::time::Duration::from_secs(60);

impl MemoryStore {
    /// Creates an empty store.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, limits: MemoryLimits::default(), data: Arc::default() }
    }

    /// Sets the limits.
    #[must_use]
    pub fn with_limits(self, limits: MemoryLimits) -> Self {
        Self { limits, ..self }
    }

    /// Locks the data. Returns it with the current time.
    pub(super) fn data(&self) -> (MutexGuard<'_, Data>, Timestamp) {
        let now = self.clock.now();
        let mut data = self.data.lock().unwrap_or_else(PoisonError::into_inner);
        if data.swept.is_none_or(|swept| swept.plus(SWEEP_INTERVAL) <= now) {
            data.sweep(now);
        }
        (data, now)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("clock", &self.clock).finish_non_exhaustive()
    }
}
