//! Looks sessions up for their owners, and keeps them alive.

use std::{sync::Arc, time::Duration};

use super::{record::SessionRecord, store::SessionStore};
use crate::{
    auth::Principal,
    error::{Causes, StoreError},
    ids::{LogCursor, SessionId, StreamId},
    protocol::Fault,
    time::{Clock, Timestamp},
};

/// The least time between two extensions of a session: a busy session costs one write a minute, not one a request.
const TOUCH_INTERVAL: Duration = Duration::from_secs(60);
/// The longest life of a session, however busy: items that it left in a store expire after that.
const MAX_LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The sessions of a server.
#[derive(Clone)]
pub(crate) struct Sessions {
    store: Arc<dyn SessionStore>,
    clock: Clock,
    /// How long a session lives without a request.
    ttl: Duration,
}

impl Sessions {
    pub(crate) fn new(store: Arc<dyn SessionStore>, clock: Clock, ttl: Duration) -> Self {
        Self { store, clock, ttl }
    }

    pub(crate) fn store(&self) -> &Arc<dyn SessionStore> {
        &self.store
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// When a session that is created now expires.
    pub(crate) fn expiry(&self) -> Timestamp {
        self.clock.now().plus(self.ttl)
    }

    /// Finds the session of a principal. Unknown, ended and expired sessions and those of another principal are one
    /// error.
    pub(crate) async fn find(&self, id: &str, owner: &Principal) -> Result<Arc<SessionRecord>, Fault> {
        let id: SessionId = id.parse().map_err(|_| Fault::SessionNotFound)?;
        let found = self.store.load(&id).await.map_err(|error| fault_of(&error))?;
        let record = found.filter(|record| record.owner == *owner).ok_or(Fault::SessionNotFound)?;
        self.touch_if_due(record).await
    }

    /// Makes a new GET stream the one that a session's messages go to, and finds the session: one call of the store for
    /// both. `heard_from` is the position of a stream that begins anew.
    pub(crate) async fn claim(
        &self,
        id: &SessionId,
        owner: &Principal,
        stream: &StreamId,
        heard_from: Option<&LogCursor>,
    ) -> Result<Arc<SessionRecord>, Fault> {
        let claimed =
            self.store.claim(id, owner, stream, heard_from).await.map_err(|error| fault_of(&error))?;
        self.touch_if_due(claimed.ok_or(Fault::SessionNotFound)?).await
    }

    /// Moves the expiry of a session that is used, once a minute.
    async fn touch_if_due(&self, record: SessionRecord) -> Result<Arc<SessionRecord>, Fault> {
        let expires_at = self.expiry().min(record.created_at.plus(MAX_LIFETIME));
        if record.expires_at.plus(TOUCH_INTERVAL) < expires_at {
            match self.store.touch(&record.id, expires_at).await {
                Ok(()) => {}
                Err(StoreError::NotFound) => return Err(Fault::SessionNotFound),
                // The session keeps its earlier expiry; the request need not fail.
                Err(error) => {
                    tracing::warn!(error = %Causes(&error), "the expiry of a session was not moved");
                }
            }
        }
        Ok(Arc::new(record))
    }

    /// Ends the session of a principal.
    pub(crate) async fn end(&self, id: &str, owner: &Principal) -> Result<SessionId, Fault> {
        let record = self.find(id, owner).await?;
        self.store.end(&record.id).await.map_err(|error| fault_of(&error))?;
        Ok(record.id.clone())
    }
}

/// What the client is told when a store fails. The cause is logged.
pub(crate) fn fault_of(error: &StoreError) -> Fault {
    match error {
        StoreError::NotFound => Fault::SessionNotFound,
        // The client sent the value, and can send a smaller one or remove another one.
        error @ (StoreError::TooLarge { .. } | StoreError::Full { .. }) => {
            Fault::invalid_params(error.to_string())
        }
        error => {
            tracing::error!(error = %Causes(error), "the session store failed");
            Fault::of_store(error)
        }
    }
}
