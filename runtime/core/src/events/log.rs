//! The durable log.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{
    event::{Event, Scope},
    event_key::EventKey,
};
use crate::{error::StoreError, time::Timestamp};

/// An event to append.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// What happened.
    pub event: Event,
    /// The source's own id of it. The same id is appended once, however often it is delivered.
    pub source_id: Option<String>,
    /// When it happened.
    pub at: Timestamp,
    /// When nobody needs it any more.
    pub expires_at: Timestamp,
}

/// What became of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// It is in the log, at this place.
    At(u64),
    /// It was there already, at this place.
    Already(u64),
}

/// An event in the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoggedEvent {
    /// Its place in its scope: 1, 2, 3, ...
    pub seq: u64,
    /// What happened.
    pub event: Event,
    /// When.
    pub at: Timestamp,
}

/// Where a scope ends at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScopeEnd {
    /// The last place that was given to a writer.
    pub head: u64,
    /// The last place that all places before are last_stable of: written, or given up. Whoever listens from here misses
    /// nothing whose `append` returns from now on.
    pub last_stable: u64,
}

/// A durable sequence of events per scope.
///
/// # Laws
///
/// * An event is durable when `append` returns, and places grow in the order of appends.
/// * One `source_id` gets one place in a scope, for a day at least; a second append answers [`Appended::Already`] with
///   it.
/// * `read` answers in order and leaves expired events out. It stops at a place that a writer could still fill, so
///   nothing ever appears before what was read.
/// * A place that was given up with `settle` is never written: its writer takes another one.
/// * An event of everybody's or a caller's scope that has a topic is kept under it too, and its topic is listed in that
///   scope as long as it lives.
#[async_trait]
pub trait EventLog: Send + Sync + 'static {
    /// Adds an event.
    async fn append(&self, scope: &Scope, event: &NewEvent) -> Result<Appended, StoreError>;

    /// The last place of each scope, 0 for an empty one, in the order asked. It may be a moment old: for asking often
    /// whether anything has moved.
    async fn heads(&self, scopes: &[Scope]) -> Result<Vec<u64>, StoreError>;

    /// The end of each scope, in the order asked: for beginning to listen.
    async fn ends(&self, scopes: &[Scope]) -> Result<Vec<ScopeEnd>, StoreError>;

    /// Up to `limit` events after a place.
    async fn read(&self, scope: &Scope, after: u64, limit: usize) -> Result<Vec<LoggedEvent>, StoreError>;

    /// Gives up the places behind `after` that were never written, up to the next event or the head, and answers how
    /// far there is nothing to read. For readers that have waited for a writer for longer than any takes.
    async fn settle(&self, scope: &Scope, after: u64) -> Result<u64, StoreError>;

    /// Up to `limit` topics that have events in a scope, in an order of the log's own, after one.
    async fn event_keys(
        &self,
        scope: &Scope,
        after: Option<&EventKey>,
        limit: usize,
    ) -> Result<Vec<EventKey>, StoreError>;

    /// The newest events of a topic in a scope, newest first, up to `limit`.
    async fn newest(
        &self,
        scope: &Scope,
        key: &EventKey,
        limit: usize,
    ) -> Result<Vec<LoggedEvent>, StoreError>;
}
