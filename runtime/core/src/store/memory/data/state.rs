//! The data behind `state`.

use std::collections::HashMap;

use serde_json::Value;

use crate::{
    error::StoreError,
    ids::SessionId,
    session::{Rev, StateScope},
    store::memory::limits::MemoryLimits,
    time::Timestamp,
};

/// The number of values of one session or handle.
pub(in crate::store::memory) const MOST_VALUES: usize = 1_000;
/// What a value takes besides its JSON.
const OVERHEAD: usize = 256;

#[derive(Default)]
pub(in crate::store::memory) struct Values {
    scopes: HashMap<StateScope, HashMap<String, Cell>>,
    /// How many bytes all values take.
    bytes: usize,
}

pub(in crate::store::memory) struct Cell {
    pub(in crate::store::memory) value: Value,
    pub(in crate::store::memory) rev: Rev,
    /// Values of handles and of the authorization server have one: those of a session end with it.
    pub(in crate::store::memory) expires_at: Option<Timestamp>,
    /// The size of the value as JSON.
    pub(in crate::store::memory) size: usize,
}

impl Cell {
    fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|expires_at| expires_at > now)
    }
}

fn bytes(scope: &StateScope, key: &str, cell: &Cell) -> usize {
    let scope = match scope {
        StateScope::Handle { owner, handle } => owner.len() + handle.len(),
        StateScope::Login(name) => name.len(),
        StateScope::Session(_) | StateScope::Server => 0,
    };
    OVERHEAD + scope + key.len() + cell.size
}

impl Values {
    pub(in crate::store::memory) fn get(
        &self,
        scope: &StateScope,
        key: &str,
        now: Timestamp,
    ) -> Option<&Cell> {
        self.scopes.get(scope)?.get(key).filter(|cell| cell.is_live(now))
    }

    /// Writes a value. If all values take too many bytes for it, the handles that expire first go.
    pub(in crate::store::memory) fn put(
        &mut self,
        scope: &StateScope,
        key: &str,
        cell: Cell,
        limits: &MemoryLimits,
    ) -> Result<(), StoreError> {
        let cells = self.scopes.get(scope);
        let replaced = cells.and_then(|cells| cells.get(key)).map_or(0, |cell| bytes(scope, key, cell));
        let is_bounded = *scope != StateScope::Server;
        if is_bounded && replaced == 0 && cells.is_some_and(|cells| cells.len() >= MOST_VALUES) {
            return Err(StoreError::Full { what: "values of one session or handle", limit: MOST_VALUES });
        }
        let added = bytes(scope, key, &cell);
        if self.bytes - replaced + added > limits.bytes {
            self.remove_handles(scope, limits.bytes_after_eviction().saturating_sub(added));
        }
        if self.bytes - replaced + added > limits.bytes && is_bounded {
            return Err(StoreError::Full {
                what: "bytes of state in memory (MCP_MEMORY_MB)",
                limit: limits.bytes,
            });
        }
        self.bytes = self.bytes - replaced + added;
        self.scopes.entry(scope.clone()).or_default().insert(key.to_owned(), cell);
        Ok(())
    }

    pub(in crate::store::memory) fn remove(&mut self, scope: &StateScope, key: &str) {
        let Some(cells) = self.scopes.get_mut(scope) else { return };
        if let Some(cell) = cells.remove(key) {
            self.bytes -= bytes(scope, key, &cell);
        }
        if cells.is_empty() {
            self.scopes.remove(scope);
        }
    }

    /// Removes handles, those first that expire first, but for one, until all values take this many bytes.
    fn remove_handles(&mut self, kept: &StateScope, bytes: usize) {
        let expiry = |cells: &HashMap<String, Cell>| cells.values().filter_map(|cell| cell.expires_at).max();
        let handles = self.scopes.iter().filter(|(scope, _)| *scope != kept);
        let mut handles: Vec<_> =
            handles.filter_map(|(scope, cells)| Some((expiry(cells)?, scope.clone()))).collect();
        handles.sort_unstable();
        let mut removed = 0;
        for (_, scope) in handles {
            if self.bytes <= bytes {
                break;
            }
            self.remove_scope(&scope);
            removed += 1;
        }
        tracing::warn!(removed, "handles were removed to make room for state in memory (MCP_MEMORY_MB)");
    }

    fn remove_scope(&mut self, scope: &StateScope) {
        for (key, cell) in self.scopes.remove(scope).into_iter().flatten() {
            self.bytes -= bytes(scope, &key, &cell);
        }
    }

    pub(in crate::store::memory) fn end(&mut self, session: &SessionId) {
        self.remove_scope(&StateScope::Session(session.clone()));
    }

    pub(in crate::store::memory) fn sweep(&mut self, now: Timestamp) {
        for cells in self.scopes.values_mut() {
            cells.retain(|_, cell| cell.is_live(now));
        }
        self.scopes.retain(|_, cells| !cells.is_empty());
        let cells = self.scopes.iter().flat_map(|(scope, cells)| cells.iter().map(move |cell| (scope, cell)));
        self.bytes = cells.map(|(scope, (key, cell))| bytes(scope, key, cell)).sum();
    }
}
