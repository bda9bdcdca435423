//! Values of sessions, of handles and of the deployment.

use std::collections::HashMap;

use async_trait::async_trait;
use serde_json::Value;

use super::MemoryStore;
use crate::{
    error::StoreError,
    ids::SessionId,
    session::{Rev, StateScope, StateStore, Versioned},
    time::Timestamp,
};

#[derive(Default)]
pub(super) struct Values(HashMap<StateScope, HashMap<String, Cell>>);

struct Cell {
    value: Value,
    rev: Rev,
    /// Only values of handles have one: those of a session end with it.
    expires_at: Option<Timestamp>,
}

impl Cell {
    fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|expires_at| expires_at > now)
    }
}

impl Values {
    pub(super) fn end(&mut self, session: &SessionId) {
        self.0.remove(&StateScope::Session(session.clone()));
    }

    pub(super) fn sweep(&mut self, now: Timestamp) {
        for cells in self.0.values_mut() {
            cells.retain(|_, cell| cell.is_live(now));
        }
        self.0.retain(|_, cells| !cells.is_empty());
    }
}

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
