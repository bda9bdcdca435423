//! What a tool sees: its session and typed state.

use std::{sync::Arc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};

use super::{
    record::SessionRecord,
    store::{SessionStore, StateScope, Versioned},
};
use crate::{auth::Principal, error::StoreError, ids::SessionId, random, time::Clock};

/// How often a write is tried again when other writers keep winning, and the pauses before that, which spread them out:
/// each try is a fresh read, so that somebody always makes progress. Whoever loses this often has a hot key.
const UPDATE_TRIES: u32 = 64;
const FIRST_PAUSE: Duration = Duration::from_millis(4);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Waits after losing for the `lost`th time.
async fn step_back(lost: u32) {
    let pause = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(lost)).min(LONGEST_PAUSE);
    tokio::time::sleep(random::jitter(pause)).await;
}

/// The session of a 2025-era request. A tool gets it from `RequestContext::extensions`; a 2026-07-28 request has none.
#[derive(Clone)]
pub struct Session {
    record: Arc<SessionRecord>,
    state: State,
}

impl Session {
    pub(crate) fn new(
        record: Arc<SessionRecord>,
        store: Arc<dyn SessionStore>,
        clock: Clock,
        life: Duration,
    ) -> Self {
        let state = State { scope: StateScope::Session(record.id.clone()), store, clock, life };
        Self { record, state }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &SessionId {
        &self.record.id
    }

    /// What `initialize` settled.
    #[must_use]
    pub fn record(&self) -> &SessionRecord {
        &self.record
    }

    /// The session's state: gone when the session is.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The caller's live sessions, newest first.
    pub async fn siblings(&self, limit: usize) -> Result<Vec<SessionRecord>, StoreError> {
        self.state.store.list(&self.record.owner, limit).await
    }
}

/// Typed values that survive the request, read and written by any execution environment.
#[derive(Clone)]
pub struct State {
    scope: StateScope,
    store: Arc<dyn SessionStore>,
    clock: Clock,
    life: Duration,
}

/// Why a piece of state could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The stored value is not of the type that was asked for, or the new one is not JSON.
    #[error("the value of {key:?} does not fit the type: {source}")]
    Type {
        /// The key that was read or written.
        key: String,
        /// What serde said.
        #[source]
        source: serde_json::Error,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl State {
    /// Reads a value.
    pub async fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, StateError> {
        let found = self.store.state(&self.scope, key).await?;
        found.map(|found| self.typed(key, found.value)).transpose()
    }

    /// Writes a value, whatever was there.
    pub async fn set<T: Serialize>(&self, key: &str, value: &T) -> Result<(), StateError> {
        let value = serde_json::to_value(value).map_err(|source| type_error(key, source))?;
        for lost in 0..UPDATE_TRIES {
            let rev = self.store.state(&self.scope, key).await?.map_or(0, |found| found.rev);
            match self.put(key, &value, rev).await {
                Err(StoreError::Conflict) => step_back(lost).await,
                done => return Ok(done.map(drop)?),
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// Changes a value without losing anybody else's change: `change` sees what is there and says what shall be. It
    /// runs again when another writer was faster, so it must have no other effects.
    pub async fn update<T, F>(&self, key: &str, mut change: F) -> Result<T, StateError>
    where
        T: Serialize + DeserializeOwned,
        F: FnMut(Option<T>) -> T,
    {
        for lost in 0..UPDATE_TRIES {
            let found = self.store.state(&self.scope, key).await?;
            let (value, rev) = match found {
                Some(Versioned { value, rev }) => (Some(self.typed(key, value)?), rev),
                None => (None, 0),
            };
            let value = change(value);
            let json = serde_json::to_value(&value).map_err(|source| type_error(key, source))?;
            match self.put(key, &json, rev).await {
                Ok(_) => return Ok(value),
                Err(StoreError::Conflict) => step_back(lost).await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// Removes a value.
    pub async fn remove(&self, key: &str) -> Result<(), StateError> {
        Ok(self.store.remove_state(&self.scope, key).await?)
    }

    async fn put(&self, key: &str, value: &serde_json::Value, rev: u64) -> Result<u64, StoreError> {
        self.store.put_state(&self.scope, key, value, rev, self.clock.now().plus(self.life)).await
    }

    #[expect(clippy::unused_self, reason = "reads as one step of get and update")]
    fn typed<T: DeserializeOwned>(&self, key: &str, value: serde_json::Value) -> Result<T, StateError> {
        serde_json::from_value(value).map_err(|source| type_error(key, source))
    }
}

fn type_error(key: &str, source: serde_json::Error) -> StateError {
    StateError::Type { key: key.to_owned(), source }
}

/// State for requests without a session: 2026-07-28 wants every piece of cross-request state named by an id the
/// client passes each time. A handle is that id; it works only for the caller who made it.
#[derive(Clone)]
pub struct Handles {
    owner: Principal,
    store: Arc<dyn SessionStore>,
    clock: Clock,
    life: Duration,
}

impl Handles {
    pub(crate) fn new(owner: Principal, store: Arc<dyn SessionStore>, clock: Clock, life: Duration) -> Self {
        Self { owner, store, clock, life }
    }

    /// A new, unguessable handle and its empty state.
    #[must_use]
    pub fn create(&self) -> (String, State) {
        let handle = random::token();
        let state = self.open(&handle);
        (handle, state)
    }

    /// The state behind a handle. One that was never made, or that another caller made, is empty.
    #[must_use]
    pub fn open(&self, handle: &str) -> State {
        State {
            scope: StateScope::Handle { owner: self.owner.key().to_owned(), handle: handle.to_owned() },
            store: Arc::clone(&self.store),
            clock: self.clock.clone(),
            life: self.life,
        }
    }
}
