//! What a tool finds in its request context: the session, and handles of state.

use std::{fmt, sync::Arc, time::Duration};

use super::{
    record::SessionRecord,
    state::State,
    store::{SessionStore, StateScope, StateStore},
};
use crate::{auth::Principal, error::StoreError, ids::SessionId, random, time::Clock};

/// The session of a session-era request (2025-11-25 and earlier). Requests of 2026-07-28 have none: see [`Handles`].
///
/// ```
/// use mcp_lambda_server::{
///     Session,
///     rmcp::{ErrorData, RoleServer, service::RequestContext},
/// };
///
/// /// The body of a tool that counts its calls in a session.
/// async fn count(context: RequestContext<RoleServer>) -> Result<String, ErrorData> {
///     let Some(session) = context.extensions.get::<Session>() else {
///         return Err(ErrorData::invalid_request("this tool needs a session", None));
///     };
///     let count = session
///         .state()
///         .update("count", |count: Option<u64>| count.unwrap_or(0) + 1)
///         .await
///         .map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
///     Ok(format!("call {count} of session {}", session.id()))
/// }
/// ```
#[derive(Clone)]
pub struct Session {
    record: Arc<SessionRecord>,
    sessions: Arc<dyn SessionStore>,
    state: State,
}

impl Session {
    pub(crate) fn new(
        record: Arc<SessionRecord>,
        sessions: Arc<dyn SessionStore>,
        state: Arc<dyn StateStore>,
        clock: Clock,
        ttl: Duration,
    ) -> Self {
        let state = State::new(StateScope::Session(record.id.clone()), state, clock, ttl);
        Self { record, sessions, state }
    }

    /// Returns the id of the session, as the `Mcp-Session-Id` header carries it.
    #[must_use]
    pub fn id(&self) -> &SessionId {
        &self.record.id
    }

    /// Returns the session as it is stored: the client's `initialize` parameters, the negotiated version, the log level.
    #[must_use]
    pub fn record(&self) -> &SessionRecord {
        &self.record
    }

    /// Returns the state of the session. It is removed with the session.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Returns up to `limit` live sessions of the caller, newest first, including this one. Anonymous callers are not one person:
    /// their sessions have no siblings, and this one alone is returned.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub async fn siblings(&self, limit: usize) -> Result<Vec<SessionRecord>, StoreError> {
        if self.record.owner.is_anonymous() {
            return Ok(vec![SessionRecord::clone(&self.record)]);
        }
        self.sessions.list(&self.record.owner, limit).await
    }

    /// Ends another live session of the caller, with its state, subscriptions and streams, and returns whether there was one.
    /// Anonymous callers are not one person: they end none.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read or written. The call may be repeated.
    pub async fn end_sibling(&self, id: &SessionId) -> Result<bool, StoreError> {
        let owner = &self.record.owner;
        if owner.is_anonymous() || *id == self.record.id {
            return Ok(false);
        }
        // The owner of a session never changes.
        let found = self.sessions.load(id).await?.is_some_and(|found| found.owner == *owner);
        if found {
            self.sessions.end(id).await?;
        }
        Ok(found)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("record", &self.record).finish_non_exhaustive()
    }
}

/// State for requests without a session.
///
/// In 2026-07-28 the client names every piece of state that outlives a request, with an id that it passes as a tool
/// argument. A handle is such an id: it cannot be guessed, and it opens the state only for the principal that created it.
/// Values expire `SESSION_TTL_MINUTES` after they were last written.
///
/// ```
/// use mcp_lambda_server::{
///     Handles,
///     rmcp::{ErrorData, RoleServer, service::RequestContext},
/// };
///
/// /// The body of a tool that adds an item to a cart. Without a handle it starts a new cart.
/// async fn add(
///     cart: Option<String>,
///     item: String,
///     context: RequestContext<RoleServer>,
/// ) -> Result<String, ErrorData> {
///     let handles = context.extensions.get::<Handles>().expect("every request has handles");
///     let (handle, state) = match cart {
///         Some(handle) => (handle.clone(), handles.open(&handle)),
///         None => handles.create(),
///     };
///     let items: Vec<String> = state
///         .update("items", |items: Option<Vec<String>>| {
///             let mut items = items.unwrap_or_default();
///             items.push(item.clone());
///             items
///         })
///         .await
///         .map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
///     Ok(format!("cart {handle}: {}", items.join(", ")))
/// }
/// ```
#[derive(Clone)]
pub struct Handles {
    owner: Principal,
    store: Arc<dyn StateStore>,
    clock: Clock,
    ttl: Duration,
}

impl Handles {
    pub(crate) fn new(owner: Principal, store: Arc<dyn StateStore>, clock: Clock, ttl: Duration) -> Self {
        Self { owner, store, clock, ttl }
    }

    /// Creates a handle that cannot be guessed, and returns it with its empty state. The store is not written until a
    /// value is.
    #[must_use]
    pub fn create(&self) -> (String, State) {
        let handle = random::token();
        let state = self.open(&handle);
        (handle, state)
    }

    /// Returns the state of a handle. It is empty for a handle that was never created, or that another principal
    /// created.
    #[must_use]
    pub fn open(&self, handle: &str) -> State {
        let scope = StateScope::Handle { owner: self.owner.key().to_owned(), handle: handle.to_owned() };
        State::new(scope, Arc::clone(&self.store), self.clock.clone(), self.ttl)
    }
}

impl fmt::Debug for Handles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handles").field("owner", &self.owner).field("ttl", &self.ttl).finish_non_exhaustive()
    }
}
