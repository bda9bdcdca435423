//! Where sessions live.

// SEP-2577 deprecates logging, sampling and roots; clients of the session era use them until they are gone.
#![allow(deprecated)]

use async_trait::async_trait;
use rmcp::model::LoggingLevel;
use serde_json::Value;

use super::record::SessionRecord;
use crate::{auth::Principal, error::StoreError, ids::SessionId, stream::StreamId, time::Timestamp};

/// Counts the writes of one item. A write names the count it read, and fails when somebody was faster.
pub type Rev = u64;

/// A value with the count of its writes.
#[derive(Debug, Clone, PartialEq)]
pub struct Versioned<T> {
    /// What was written last.
    pub value: T,
    /// How often it was written.
    pub rev: Rev,
}

/// What a piece of state belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StateScope {
    /// A session: gone with it.
    Session(SessionId),
    /// A handle that a 2026-07-28 client passes as a tool argument, together with the caller who made it.
    Handle {
        /// Who made it.
        owner: String,
        /// Its unguessable name.
        handle: String,
    },
    /// The deployment's own: it has no end.
    Server,
}

/// Durable sessions, their state and their subscriptions.
///
/// # Laws (`tests/store_laws.rs` proves them on every store)
///
/// * A write is durable when the call returns; a later read, from any process, sees it.
/// * Items whose time has passed are absent, whether or not the store has deleted them.
/// * `put_state` with the rev that was read is atomic: of two writers with the same rev exactly one succeeds, the
///   other gets [`StoreError::Conflict`].
/// * `end` removes the session with its state and subscriptions, and is idempotent.
/// * A session's state and subscriptions live as long as it does, however long ago they were written: `expires_at` of
///   `put_state` ends the state of handles. The deployment's own has no end.
#[async_trait]
pub trait SessionStore: Send + Sync + 'static {
    /// Writes a new session. [`StoreError::Conflict`] if the id is taken.
    async fn create(&self, session: &SessionRecord) -> Result<(), StoreError>;

    /// Reads a session. `None` when it never was, has ended, or has expired.
    async fn load(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError>;

    /// Sets the log level. [`StoreError::NotFound`] when the session is gone.
    async fn set_log_level(&self, id: &SessionId, level: LoggingLevel) -> Result<(), StoreError>;

    /// Makes this GET stream the one that a session's messages go to, and reads the session. `None`, with nothing
    /// changed, when it is gone or another's.
    async fn claim(
        &self,
        id: &SessionId,
        owner: &Principal,
        listener: &StreamId,
    ) -> Result<Option<SessionRecord>, StoreError>;

    /// Moves the end of a session. [`StoreError::NotFound`] when it is gone: a touch never revives it.
    async fn touch(&self, id: &SessionId, expires_at: Timestamp) -> Result<(), StoreError>;

    /// Ends a session, with all that belongs to it.
    async fn end(&self, id: &SessionId) -> Result<(), StoreError>;

    /// The live sessions of one principal, newest first, at most `limit`.
    async fn list(&self, owner: &Principal, limit: usize) -> Result<Vec<SessionRecord>, StoreError>;

    /// Notes that a session wants to hear of a resource. Idempotent. [`StoreError::NotFound`] when it is gone.
    async fn subscribe(&self, id: &SessionId, uri: &str) -> Result<(), StoreError>;

    /// Takes that back. Idempotent.
    async fn unsubscribe(&self, id: &SessionId, uri: &str) -> Result<(), StoreError>;

    /// The resources a session wants to hear of.
    async fn subscriptions(&self, id: &SessionId) -> Result<Vec<String>, StoreError>;

    /// Reads one piece of state.
    async fn state(&self, scope: &StateScope, key: &str) -> Result<Option<Versioned<Value>>, StoreError>;

    /// Writes one piece of state. `expected` is the rev that was read, 0 for "it was not there".
    async fn put_state(
        &self,
        scope: &StateScope,
        key: &str,
        value: &Value,
        expected: Rev,
        expires_at: Timestamp,
    ) -> Result<Rev, StoreError>;

    /// Removes one piece of state. Idempotent.
    async fn remove_state(&self, scope: &StateScope, key: &str) -> Result<(), StoreError>;
}
