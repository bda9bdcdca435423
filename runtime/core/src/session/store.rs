//! The traits of stores for sessions and for state.

// SEP-2577 deprecates logging, sampling and roots; clients of the session era use them until they are gone.
#![allow(deprecated)]

use async_trait::async_trait;
use rmcp::model::LoggingLevel;
use serde_json::Value;

use super::record::SessionRecord;
use crate::{
    auth::Principal,
    error::StoreError,
    ids::{LogCursor, SessionId, StreamId},
    time::Timestamp,
};

/// The revision of a value: the number of times it was written. 0 means that there is no value.
pub type Rev = u64;

/// A value and its revision.
#[derive(Debug, Clone, PartialEq)]
pub struct Versioned<T> {
    /// The value.
    pub value: T,
    /// Revision of the value.
    pub rev: Rev,
}

/// What a value of state belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StateScope {
    /// A session. The value is removed with it.
    Session(SessionId),
    /// A handle that a 2026-07-28 client passes as a tool argument.
    Handle {
        /// [Key](Principal::key) of the principal that created the handle.
        owner: String,
        /// The handle.
        handle: String,
    },
    /// The deployment. The value never expires.
    Server,
    /// The authorization server: a grant, a consent or another thing of it, by its name.
    Login(String),
}

/// Durable sessions and their resource subscriptions.
///
/// # Laws
///
/// The tests in `tests/it/stores` prove them for every store.
///
/// * A write is durable when the call returns; a later read, from any process, sees it.
/// * Expired sessions are absent, whether or not the store has deleted them.
/// * `end` removes the session with its state, subscriptions, client messages and streams, and is idempotent.
/// * The subscriptions of a session live as long as the session, however long ago they were written.
#[async_trait]
pub trait SessionStore: Send + Sync + 'static {
    /// Creates a session.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] if the id is taken.
    async fn create(&self, session: &SessionRecord) -> Result<(), StoreError>;

    /// Returns a session. `None` if it was never created, has ended or has expired.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the store does not answer, [`StoreError::Corrupt`] for an item that is not a
    /// session.
    async fn load(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError>;

    /// Sets the log level of a session.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] if the session has ended.
    async fn set_log_level(&self, id: &SessionId, level: LoggingLevel) -> Result<(), StoreError>;

    /// Makes a GET stream the one that receives the messages of a session, and returns the session. `heard_from` is the
    /// position at which the stream begins, if it begins anew: the session keeps the first one. `None`, without a
    /// change, if the session has ended or belongs to another principal.
    ///
    /// # Errors
    ///
    /// As [`SessionStore::load`].
    async fn claim(
        &self,
        id: &SessionId,
        owner: &Principal,
        listener: &StreamId,
        heard_from: Option<&LogCursor>,
    ) -> Result<Option<SessionRecord>, StoreError>;

    /// Replaces the GET stream that receives the messages of a session, if it is `expected`. `None` stands for no
    /// stream. `false`, without a change, if it is another one or the session has ended.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the store does not answer.
    async fn pass_on(
        &self,
        id: &SessionId,
        expected: Option<&StreamId>,
        next: Option<&StreamId>,
    ) -> Result<bool, StoreError>;

    /// Sets when a session expires. An expired session is not revived.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] if the session has ended.
    async fn touch(&self, id: &SessionId, expires_at: Timestamp) -> Result<(), StoreError>;

    /// Ends a session and removes all that belongs to it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the store does not answer. The call may be repeated.
    async fn end(&self, id: &SessionId) -> Result<(), StoreError>;

    /// Returns up to `limit` live sessions of a principal, newest first.
    ///
    /// # Errors
    ///
    /// As [`SessionStore::load`].
    async fn list(&self, owner: &Principal, limit: usize) -> Result<Vec<SessionRecord>, StoreError>;

    /// Subscribes a session to the updates of a resource. Idempotent.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] if the session has ended, [`StoreError::Full`] if it has `limit` other subscriptions.
    async fn subscribe(&self, id: &SessionId, uri: &str, limit: usize) -> Result<(), StoreError>;

    /// Ends the subscription of a session to a resource. Idempotent.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] if the session has ended.
    async fn unsubscribe(&self, id: &SessionId, uri: &str) -> Result<(), StoreError>;

    /// Returns the URIs of the resources that a session subscribes to.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] if the session has ended.
    async fn subscriptions(&self, id: &SessionId) -> Result<Vec<String>, StoreError>;
}

/// Durable values with revisions.
///
/// # Laws
///
/// The tests in `tests/it/stores` prove them for every store.
///
/// * A write is durable when the call returns; a later read, from any process, sees it.
/// * Expired values are absent, whether or not the store has deleted them.
/// * `put_state` is atomic: of two writers that name the same revision exactly one succeeds, and the other gets
///   [`StoreError::Conflict`].
/// * The values of a session live as long as the session, however long ago they were written, and those of the
///   deployment for ever: the `expires_at` of `put_state` applies to the values of handles and of the authorization server.
#[async_trait]
pub trait StateStore: Send + Sync + 'static {
    /// Returns the value of a key, `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] if the session of the scope has ended, [`StoreError::Unavailable`] if the store does not
    /// answer, [`StoreError::Corrupt`] for an item that is not a value.
    async fn state(&self, scope: &StateScope, key: &str) -> Result<Option<Versioned<Value>>, StoreError>;

    /// Writes the value of a key and returns its new revision. `expected` is the revision that the caller has read, 0
    /// if there was no value.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] if the revision is another one, [`StoreError::NotFound`] if the session of the scope has
    /// ended, [`StoreError::TooLarge`] for a value above [`LARGEST_VALUE`](crate::store::LARGEST_VALUE),
    /// [`StoreError::Full`] if the store takes no more values.
    async fn put_state(
        &self,
        scope: &StateScope,
        key: &str,
        value: &Value,
        expected: Rev,
        expires_at: Timestamp,
    ) -> Result<Rev, StoreError>;

    /// Removes the value of a key. Idempotent.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the store does not answer.
    async fn remove_state(&self, scope: &StateScope, key: &str) -> Result<(), StoreError>;
}
