//! Values of sessions, of handles and of the deployment.

use async_trait::async_trait;
use serde_json::Value;

use super::{data::state::*, store::MemoryStore};
use crate::{
    error::StoreError,
    session::{Rev, StateScope, StateStore, Versioned},
    store::check_size,
    time::Timestamp,
};

#[async_trait]
impl StateStore for MemoryStore {
    async fn state(&self, scope: &StateScope, key: &str) -> Result<Option<Versioned<Value>>, StoreError> {
        let (mut data, now) = self.data();
        if let StateScope::Session(id) = scope {
            data.sessions.get(id, now)?;
        }
        let cell = data.state.get(scope, key, now);
        Ok(cell.map(|cell| Versioned { value: cell.value.clone(), rev: cell.rev }))
    }

    async fn put_state(
        &self,
        scope: &StateScope,
        key: &str,
        value: &Value,
        expected: Rev,
        expires_at: Timestamp,
    ) -> Result<Rev, StoreError> {
        let (mut data, now) = self.data();
        let expires_at = match scope {
            StateScope::Session(id) => data.sessions.get(id, now).map(|_| None)?,
            StateScope::Handle { .. } | StateScope::Login(_) => Some(expires_at),
            StateScope::Server => None,
        };
        let size = check_size(value)?;
        let found = data.state.get(scope, key, now).map_or(0, |cell| cell.rev);
        if found != expected {
            return Err(StoreError::Conflict);
        }
        let rev = expected + 1;
        let cell = Cell { value: value.clone(), rev, expires_at, size };
        data.state.put(scope, key, cell, &self.limits)?;
        Ok(rev)
    }

    async fn remove_state(&self, scope: &StateScope, key: &str) -> Result<(), StoreError> {
        let (mut data, _) = self.data();
        data.state.remove(scope, key);
        Ok(())
    }
}
