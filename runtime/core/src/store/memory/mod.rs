//! Everything in one process's memory.
//!
//! One mutex over all of it: no await is ever held inside, critical sections are a few map operations, and laws that
//! span items (ending a session ends its streams) are then plain code.

mod inbox;
mod log;
mod sessions;
mod slots;
mod streams;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::time::{Clock, Timestamp};

/// A store that forgets everything with its process. Clones share the same data: several servers of a test can be
/// several environments of one deployment.
#[derive(Clone)]
pub struct MemoryStore {
    clock: Clock,
    data: Arc<Mutex<Data>>,
}

#[derive(Default)]
struct Data {
    sessions: sessions::Sessions,
    mail: inbox::Letters,
    streams: streams::Streams,
    slots: slots::Slots,
    log: log::Log,
    /// When expired items were last swept out, so that a long-running process does not grow for ever.
    swept: Option<Timestamp>,
}

/// Between two sweeps.
const SWEEP_EVERY: std::time::Duration = std::time::Duration::from_secs(60);

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, data: Arc::default() }
    }

    /// The data and the time it is looked at.
    fn data(&self) -> (MutexGuard<'_, Data>, Timestamp) {
        let now = self.clock.now();
        let mut data = self.data.lock().unwrap_or_else(PoisonError::into_inner);
        if data.swept.is_none_or(|swept| swept.plus(SWEEP_EVERY) <= now) {
            data.sweep(now);
        }
        (data, now)
    }
}

impl Data {
    fn sweep(&mut self, now: Timestamp) {
        self.swept = Some(now);
        let ended = self.sessions.sweep(now);
        for session in &ended {
            self.end_parts(session);
        }
        self.mail.sweep(now);
        self.streams.sweep(now);
        self.slots.sweep(now);
        self.log.sweep(now);
    }

    /// Removes what belongs to a session and lives beside it.
    fn end_parts(&mut self, session: &crate::session::SessionId) {
        self.mail.end(session);
        self.streams.end(session);
        self.log.end(session);
    }
}
