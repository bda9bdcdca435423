//! Stores: where everything lives that outlives a request.
//!
//! [`Stores`] says which store keeps what. [`MemoryStore`] keeps everything in the memory of the process; the `dynamodb`
//! feature of `mcp-lambda-server` adds a store in DynamoDB. A store of your own implements the traits that [`Stores::of`]
//! names; the tests in `tests/it/stores` run the laws of the traits on every store.

mod memory;
mod size;
mod wake_up;

use std::{fmt, sync::Arc};

pub use memory::{MemoryLimits, MemoryStore};
pub use size::LARGEST_VALUE;
pub(crate) use size::check_size;
pub use wake_up::{WakeUp, Wakened};

use crate::{
    config::Config,
    events::EventLog,
    session::{InboxStore, SessionStore, StateStore},
    stream::{StreamLeaseStore, StreamStore},
    tasks::TaskStore,
    time::Clock,
};

/// The stores of a server.
///
/// ```
/// use mcp_lambda_server::{Clock, MemoryStore, Stores};
/// use std::sync::Arc;
///
/// let clock = Clock::system();
/// // Everything in memory, with an event log of its own.
/// let stores = Stores::memory(clock.clone()).with_events(Arc::new(MemoryStore::new(clock)));
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Stores {
    /// Sessions and their resource subscriptions.
    pub sessions: Arc<dyn SessionStore>,
    /// State of sessions, of handles and of the deployment.
    pub state: Arc<dyn StateStore>,
    /// Messages of clients for running calls.
    pub inbox: Arc<dyn InboxStore>,
    /// Replies that can be replayed.
    pub streams: Arc<dyn StreamStore>,
    /// Counts of open streams.
    pub stream_leases: Arc<dyn StreamLeaseStore>,
    /// Tasks.
    pub tasks: Arc<dyn TaskStore>,
    /// The event log.
    pub events: Arc<dyn EventLog>,
    /// Wakes the server for events of other processes. Default: never, so that they are read at the next poll.
    pub event_wake_up: WakeUp,
    /// Wakes the server for client messages of other processes. Default: never.
    pub message_wake_up: WakeUp,
}

impl Stores {
    /// Keeps everything in the memory of this process: for local servers, tests and servers without state.
    #[must_use]
    pub fn memory(clock: Clock) -> Self {
        Self::of(MemoryStore::new(clock))
    }

    /// Keeps everything in the memory of this process, with the limits of a configuration.
    #[must_use]
    pub fn in_memory(config: &Config, clock: Clock) -> Self {
        Self::of(MemoryStore::new(clock).with_limits(MemoryLimits::of(config)))
    }

    /// Keeps everything in one store.
    #[must_use]
    pub fn of<S>(store: S) -> Self
    where
        S: SessionStore + StateStore + InboxStore + StreamStore + StreamLeaseStore + TaskStore + EventLog,
    {
        let store = Arc::new(store);
        Self {
            sessions: Arc::clone(&store) as _,
            state: Arc::clone(&store) as _,
            inbox: Arc::clone(&store) as _,
            streams: Arc::clone(&store) as _,
            stream_leases: Arc::clone(&store) as _,
            tasks: Arc::clone(&store) as _,
            events: store as _,
            event_wake_up: WakeUp::default(),
            message_wake_up: WakeUp::default(),
        }
    }

    /// Sets the store of sessions.
    #[must_use]
    pub fn with_sessions(self, sessions: Arc<dyn SessionStore>) -> Self {
        Self { sessions, ..self }
    }

    /// Sets the store of state.
    #[must_use]
    pub fn with_state(self, state: Arc<dyn StateStore>) -> Self {
        Self { state, ..self }
    }

    /// Sets the store of client messages.
    #[must_use]
    pub fn with_inbox(self, inbox: Arc<dyn InboxStore>) -> Self {
        Self { inbox, ..self }
    }

    /// Sets the store of replies.
    #[must_use]
    pub fn with_streams(self, streams: Arc<dyn StreamStore>) -> Self {
        Self { streams, ..self }
    }

    /// Sets the store of stream counts.
    #[must_use]
    pub fn with_stream_leases(self, stream_leases: Arc<dyn StreamLeaseStore>) -> Self {
        Self { stream_leases, ..self }
    }

    /// Sets the store of tasks.
    #[must_use]
    pub fn with_tasks(self, tasks: Arc<dyn TaskStore>) -> Self {
        Self { tasks, ..self }
    }

    /// Sets what wakes the server for events, and for client messages, of other processes.
    #[must_use]
    pub fn with_wake_ups(self, events: WakeUp, messages: WakeUp) -> Self {
        Self { event_wake_up: events, message_wake_up: messages, ..self }
    }

    /// Sets the event log.
    #[must_use]
    pub fn with_events(self, events: Arc<dyn EventLog>) -> Self {
        Self { events, ..self }
    }
}

impl fmt::Debug for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stores").finish_non_exhaustive()
    }
}
