//! Values of sessions, of handles and of the deployment.

use async_trait::async_trait;
use serde_json::Value;

use super::{data::state::*, store::MemoryStore};
use crate::{
    error::StoreError,
    session::{Rev, StateScope, StateStore, Versioned},
    time::Timestamp,
};

#[async_trait]
impl StateStore for MemoryStore {
    async fn state(&self, scope: &StateScope, key: &str) -> Result<Option<Versioned<Value>>, StoreError> {
        let (mut data, now) = self.data();
        if let StateScope::Session(id) = scope {
            data.sessions.get(id, now)?;
        }
        let cell = data.state.0.get(scope).and_then(|cells| cells.get(key));
        Ok(cell
            .filter(|cell| cell.is_live(now))
            .map(|cell| Versioned { value: cell.value.clone(), rev: cell.rev }))
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
            StateScope::Handle { .. } => Some(expires_at),
            StateScope::Server => None,
        };
        let cells = data.state.0.entry(scope.clone()).or_default();
        let found = cells.get(key).filter(|cell| cell.is_live(now)).map_or(0, |cell| cell.rev);
        if found != expected {
            return Err(StoreError::Conflict);
        }
        let rev = expected + 1;
        cells.insert(key.to_owned(), Cell { value: value.clone(), rev, expires_at });
        Ok(rev)
    }

    async fn remove_state(&self, scope: &StateScope, key: &str) -> Result<(), StoreError> {
        let (mut data, _) = self.data();
        if let Some(cells) = data.state.0.get_mut(scope) {
            cells.remove(key);
        }
        Ok(())
    }
}
