//! The stores behind the nouns.
//!
//! A store implements the traits of `session`, `stream` and `events`; the laws written there are proved on each of
//! them by the same functions (`tests/store_laws.rs`).

#[cfg(feature = "dynamodb")]
pub(crate) mod aws;
#[cfg(feature = "dynamodb")]
pub mod dynamodb;
mod memory;

use std::sync::Arc;

pub use memory::MemoryStore;

use crate::{
    clock::Clock,
    events::EventLog,
    session::{Mailbox, SessionStore},
    stream::{SlotStore, StreamStore},
};

/// Where everything lives that must outlast a request.
#[derive(Clone)]
pub struct Stores {
    /// Sessions, state, subscriptions.
    pub sessions: Arc<dyn SessionStore>,
    /// Letters for running calls.
    pub mailbox: Arc<dyn Mailbox>,
    /// Replayable replies.
    pub streams: Arc<dyn StreamStore>,
    /// Stream counts.
    pub slots: Arc<dyn SlotStore>,
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
        S: SessionStore + Mailbox + StreamStore + SlotStore + EventLog,
    {
        let store = Arc::new(store);
        Self {
            sessions: Arc::clone(&store) as _,
            mailbox: Arc::clone(&store) as _,
            streams: Arc::clone(&store) as _,
            slots: Arc::clone(&store) as _,
            events: store as _,
        }
    }
}
