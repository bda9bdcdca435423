//! A store in the memory of one process.
//!
//! One mutex guards all data. No task awaits while it holds the lock, critical sections are a few map operations, and
//! laws that span items (ending a session ends its streams) need no transactions.

mod inbox;
mod log;
mod sessions;
mod state;
mod stream_leases;
mod streams;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    ids::SessionId,
    time::{Clock, Timestamp},
};

/// A store that is lost with the process. Clones share the same data, so several servers of a test can be several
/// environments of one deployment.
#[derive(Clone)]
pub struct MemoryStore {
    clock: Clock,
    data: Arc<Mutex<Data>>,
}

#[derive(Default)]
struct Data {
    sessions: sessions::Sessions,
    state: state::Values,
    inbox: inbox::Messages,
    streams: streams::Streams,
    stream_leases: stream_leases::StreamLeases,
    log: log::Log,
    /// When expired items were last removed.
    swept: Option<Timestamp>,
}

/// Interval in which expired items are removed, so that a long-running process does not grow without bound.
const SWEEP_INTERVAL: std::time::Duration = std::time::Duration::from_secs(60);

impl MemoryStore {
    /// Creates an empty store.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, data: Arc::default() }
    }

    /// Locks the data. Returns it with the current time.
    fn data(&self) -> (MutexGuard<'_, Data>, Timestamp) {
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

impl Data {
    fn sweep(&mut self, now: Timestamp) {
        self.swept = Some(now);
        let ended = self.sessions.sweep(now);
        for session in &ended {
            self.end_parts(session);
        }
        self.state.sweep(now);
        self.inbox.sweep(now);
        self.streams.sweep(now);
        self.stream_leases.sweep(now);
        self.log.sweep(now);
    }

    /// Removes what belongs to a session.
    fn end_parts(&mut self, session: &SessionId) {
        self.state.end(session);
        self.inbox.end(session);
        self.streams.end(session);
        self.log.end(session);
    }
}
