//! Typed values in a store.

use std::{fmt, sync::Arc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::store::{Rev, StateScope, StateStore, Versioned};
use crate::{error::StoreError, random, time::Clock};

/// Tries of a write that other writers keep winning. Each try reads again, so one writer always makes progress: a write
/// that loses this often has a key that too many writers share.
const UPDATE_TRIES: u32 = 64;
/// Pause after the first lost try. It doubles with each further one, which spreads the writers out.
const FIRST_PAUSE: Duration = Duration::from_millis(4);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Waits after the write has been lost `lost` + 1 times.
async fn back_off(lost: u32) {
    let pause = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(lost)).min(LONGEST_PAUSE);
    tokio::time::sleep(random::jitter(pause)).await;
}

/// Typed values that outlive the request and that every execution environment can read and write.
///
/// A tool gets one from [`Session::state`](super::Session::state) or [`Handles::open`](super::Handles::open). Values are
/// stored as JSON; with DynamoDB one value may have 390 KB.
///
/// ```
/// use mcp_lambda_server::session::{State, StateError};
///
/// async fn visit(state: &State) -> Result<u64, StateError> {
///     // Concurrent calls are counted one by one, in whichever environment they run.
///     state.update("visits", |visits: Option<u64>| visits.unwrap_or(0) + 1).await
/// }
///
/// async fn rename(state: &State, name: &str) -> Result<Option<String>, StateError> {
///     let before = state.get("name").await?;
///     state.set("name", &name).await?;
///     Ok(before)
/// }
/// ```
#[derive(Clone)]
pub struct State {
    scope: StateScope,
    store: Arc<dyn StateStore>,
    clock: Clock,
    ttl: Duration,
}

/// Why a value could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The stored value does not deserialize as the requested type, or the new one does not serialize as JSON.
    #[error("the value of {key:?} does not fit the type: {source}")]
    Type {
        /// Key of the value.
        key: String,
        /// Error of the serializer or deserializer.
        #[source]
        source: serde_json::Error,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl State {
    pub(super) fn new(scope: StateScope, store: Arc<dyn StateStore>, clock: Clock, ttl: Duration) -> Self {
        Self { scope, store, clock, ttl }
    }

    /// Returns the value of a key. `None` if it was never set, was removed or has expired.
    ///
    /// # Errors
    ///
    /// [`StateError::Type`] if the value is not a `T`, [`StateError::Store`] if the store cannot be read.
    pub async fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, StateError> {
        let found = self.store.state(&self.scope, key).await?;
        found.map(|found| deserialize(key, found.value)).transpose()
    }

    /// Sets the value of a key and overwrites the previous one. Use [`State::update`] for a value that depends on the
    /// previous one.
    ///
    /// # Errors
    ///
    /// [`StateError::Type`] if `value` cannot be written as JSON. [`StateError::Store`] with [`StoreError::NotFound`] if
    /// the session has ended, [`StoreError::TooLarge`], [`StoreError::Conflict`] if other writers won 64 tries, or
    /// another failure of the store.
    pub async fn set<T: Serialize>(&self, key: &str, value: &T) -> Result<(), StateError> {
        let value = serialize(key, value)?;
        for lost in 0..UPDATE_TRIES {
            let rev = self.store.state(&self.scope, key).await?.map_or(0, |found| found.rev);
            match self.put(key, &value, rev).await {
                Err(StoreError::Conflict) => back_off(lost).await,
                done => return Ok(done.map(drop)?),
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// Changes the value of a key without losing concurrent changes, and returns the new value.
    ///
    /// `change` maps the current value to the new one. It is called again if another writer was faster, so it must have
    /// no side effects.
    ///
    /// # Errors
    ///
    /// As [`State::get`] and [`State::set`].
    pub async fn update<T, F>(&self, key: &str, mut change: F) -> Result<T, StateError>
    where
        T: Serialize + DeserializeOwned,
        F: FnMut(Option<T>) -> T,
    {
        for lost in 0..UPDATE_TRIES {
            let (value, rev) = match self.store.state(&self.scope, key).await? {
                Some(Versioned { value, rev }) => (Some(deserialize(key, value)?), rev),
                None => (None, 0),
            };
            let value = change(value);
            match self.put(key, &serialize(key, &value)?, rev).await {
                Ok(_) => return Ok(value),
                Err(StoreError::Conflict) => back_off(lost).await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// Removes the value of a key, if there is one.
    ///
    /// # Errors
    ///
    /// [`StateError::Store`] if the store cannot be written.
    pub async fn remove(&self, key: &str) -> Result<(), StateError> {
        Ok(self.store.remove_state(&self.scope, key).await?)
    }

    async fn put(&self, key: &str, value: &Value, rev: Rev) -> Result<Rev, StoreError> {
        self.store.put_state(&self.scope, key, value, rev, self.clock.now().plus(self.ttl)).await
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("scope", &self.scope).field("ttl", &self.ttl).finish_non_exhaustive()
    }
}

fn serialize<T: Serialize>(key: &str, value: &T) -> Result<Value, StateError> {
    serde_json::to_value(value).map_err(|source| StateError::Type { key: key.to_owned(), source })
}

fn deserialize<T: DeserializeOwned>(key: &str, value: Value) -> Result<T, StateError> {
    serde_json::from_value(value).map_err(|source| StateError::Type { key: key.to_owned(), source })
}
