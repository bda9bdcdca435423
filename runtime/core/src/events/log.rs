//! The trait of the durable event log.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{
    event::{Event, Scope},
    event_key::EventKey,
};
use crate::{error::StoreError, time::Timestamp};

/// An event to append.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct NewEvent {
    /// The event.
    pub event: Event,
    /// Id that the source gave the event, for deduplication. Default: none.
    pub source_id: Option<String>,
    /// When the event was published.
    pub at: Timestamp,
    /// When the event expires.
    pub expires_at: Timestamp,
}

impl NewEvent {
    /// Creates an event without a source id.
    #[must_use]
    pub fn new(event: Event, at: Timestamp, expires_at: Timestamp) -> Self {
        Self { event, source_id: None, at, expires_at }
    }

    /// Sets the source's id of the event. A second event of the same id and scope is not appended.
    #[must_use]
    pub fn with_source_id(mut self, source_id: Option<String>) -> Self {
        self.source_id = source_id;
        self
    }
}

/// The result of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// The event was appended with this sequence number.
    At(u64),
    /// An event of the same source id is in the log, with this sequence number.
    Already(u64),
}

/// An event read from the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoggedEvent {
    /// Sequence number of the event in its scope: 1, 2, 3, ...
    pub seq: u64,
    /// The event.
    pub event: Event,
    /// When the event was published.
    pub at: Timestamp,
}

/// The end of a scope at the time of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScopeEnd {
    /// Last sequence number that was assigned to a writer. 0 for an empty scope.
    pub head: u64,
    /// Last sequence number up to which every position is either written or sealed. A subscription that starts here
    /// receives each event with an `append` that returns from now on.
    pub last_stable: u64,
}

/// How many events [`EventLog::newest`] returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewestLimits {
    /// The number of events.
    pub events: usize,
    /// Their size as JSON, in bytes. One event is returned whatever its size.
    pub bytes: usize,
}

impl NewestLimits {
    /// Up to a number of events, of which all together have up to this size as JSON.
    #[must_use]
    pub const fn new(events: usize, bytes: usize) -> Self {
        Self { events, bytes }
    }
}

/// The newest events of a key, newest first.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct NewestEvents {
    /// The events.
    pub events: Vec<LoggedEvent>,
    /// Their size as JSON, in bytes.
    pub bytes: usize,
    /// Whether there are older events that did not fit.
    pub is_cut: bool,
}

impl NewestEvents {
    /// Adds an event of this size, the next older one. `false`, without a change but for `is_cut`, if it does not fit.
    pub fn push(&mut self, limits: &NewestLimits, event: LoggedEvent, size: usize) -> bool {
        let fits = self.events.is_empty()
            || (self.events.len() < limits.events && self.bytes.saturating_add(size) <= limits.bytes);
        if fits {
            self.bytes = self.bytes.saturating_add(size);
            self.events.push(event);
        } else {
            self.is_cut = true;
        }
        fits
    }
}

/// A durable sequence of events for each scope.
///
/// A store first assigns a sequence number and then writes the event at that position. A writer that dies between the
/// two leaves a gap, at which readers wait until they seal it.
///
/// # Laws
///
/// The tests in `tests/it/stores` prove them for every store.
///
/// * An event is durable when `append` returns, and sequence numbers grow in the order of appends.
/// * One `source_id` gets one sequence number in a scope for at least a day; a second append returns
///   [`Appended::Already`] with it.
/// * `read` returns events in order and leaves out expired ones. It stops at a gap that a writer could still fill, so
///   no event appears before one that was read.
/// * A position that `seal_gap` has sealed is never written: its writer is assigned another one.
/// * An event of a scope with [event keys](Scope::has_event_keys) is kept under its key too, and the key is listed in
///   the scope for as long as the event lives.
#[async_trait]
pub trait EventLog: Send + Sync + 'static {
    /// Appends an event.
    ///
    /// # Errors
    ///
    /// [`StoreError::TooLarge`] for an event that does not fit the store, [`StoreError::Conflict`] if other writers won
    /// each try, [`StoreError::Unavailable`] if the store does not answer.
    async fn append(&self, scope: &Scope, event: &NewEvent) -> Result<Appended, StoreError>;

    /// Returns the last assigned sequence number of each scope, in the order of `scopes`; 0 for an empty one. The read
    /// may be eventually consistent: it is for frequent polls.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the store does not answer.
    async fn heads(&self, scopes: &[Scope]) -> Result<Vec<u64>, StoreError>;

    /// Returns the end of each scope, in the order of `scopes`, for the start of a subscription.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the store does not answer.
    async fn ends(&self, scopes: &[Scope]) -> Result<Vec<ScopeEnd>, StoreError>;

    /// Returns up to `limit` events with a sequence number above `after`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the store does not answer, [`StoreError::Corrupt`] for an item that is not an
    /// event.
    async fn read(&self, scope: &Scope, after: u64, limit: usize) -> Result<Vec<LoggedEvent>, StoreError>;

    /// Seals the unwritten positions above `after`, up to the next event or the head, and returns the last sequence
    /// number before which nothing remains to read. For readers that have waited longer than a writer may take.
    ///
    /// # Errors
    ///
    /// As [`EventLog::read`].
    async fn seal_gap(&self, scope: &Scope, after: u64) -> Result<u64, StoreError>;

    /// Returns up to `limit` keys that have events in a scope, in an order that the store chooses, starting after one.
    ///
    /// # Errors
    ///
    /// As [`EventLog::read`].
    async fn event_keys(
        &self,
        scope: &Scope,
        after: Option<&EventKey>,
        limit: usize,
    ) -> Result<Vec<EventKey>, StoreError>;

    /// Returns the newest events of a key in a scope, within the limits: all of them, or those before the first that does
    /// not fit.
    ///
    /// # Errors
    ///
    /// As [`EventLog::read`].
    async fn newest(
        &self,
        scope: &Scope,
        key: &EventKey,
        limits: NewestLimits,
    ) -> Result<NewestEvents, StoreError>;
}
