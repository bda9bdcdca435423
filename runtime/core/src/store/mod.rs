//! The stores behind the nouns.
//!
//! A store implements the traits of `session`, `stream` and `events`; the laws written there are proved on each of
//! them by the same functions (`tests/store_laws.rs`).

mod memory;

use std::sync::Arc;

pub use memory::MemoryStore;

use crate::{
    events::EventLog,
    session::{InboxStore, SessionStore},
    stream::{StreamLeaseStore, StreamStore},
    time::Clock,
};

/// Where everything lives that must outlast a request.
#[derive(Clone)]
pub struct Stores {
    /// Sessions, state, subscriptions.
    pub sessions: Arc<dyn SessionStore>,
    /// Letters for running calls.
    pub inbox: Arc<dyn InboxStore>,
    /// Replayable replies.
    pub streams: Arc<dyn StreamStore>,
    /// Stream counts.
    pub stream_leases: Arc<dyn StreamLeaseStore>,
    /// The event log.
    pub events: Arc<dyn EventLog>,
}

impl Stores {
    /// Everything in this process's memory: for laptops, tests and servers that keep no state.
    #[must_use]
    pub fn memory(clock: Clock) -> Self {
        Self::of(MemoryStore::new(clock))
    }

    /// One store for all.
    #[must_use]
    pub fn of<S>(store: S) -> Self
    where
        S: SessionStore + InboxStore + StreamStore + StreamLeaseStore + EventLog,
    {
        let store = Arc::new(store);
        Self {
            sessions: Arc::clone(&store) as _,
            inbox: Arc::clone(&store) as _,
            streams: Arc::clone(&store) as _,
            stream_leases: Arc::clone(&store) as _,
            events: store as _,
        }
    }
}
