//! The durable log.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::event::{Event, Scope};
use crate::{clock::Timestamp, error::StoreError};

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

/// A durable sequence of events per scope.
///
/// # Laws
///
/// * An event is durable when `append` returns, and places grow in the order of appends.
/// * One `source_id` gets one place in a scope; a second append answers [`Appended::Already`] with it.
/// * `read` answers in order, without holes a writer could still fill, and leaves expired events out.
/// * `heads` never runs ahead of what `read` can see.
#[async_trait]
pub trait EventLog: Send + Sync + 'static {
    /// Adds an event.
    async fn append(&self, scope: &Scope, event: &NewEvent) -> Result<Appended, StoreError>;

    /// The last place of each scope, 0 for an empty one, in the order asked.
    async fn heads(&self, scopes: &[Scope]) -> Result<Vec<u64>, StoreError>;

    /// Up to `limit` events after a place.
    async fn read(&self, scope: &Scope, after: u64, limit: usize) -> Result<Vec<LoggedEvent>, StoreError>;
}
