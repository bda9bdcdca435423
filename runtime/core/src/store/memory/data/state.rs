//! The data behind `state`.

use std::collections::HashMap;

use serde_json::Value;

use crate::{
    ids::SessionId,
    session::{Rev, StateScope},
    time::Timestamp,
};

#[derive(Default)]
pub(in crate::store::memory) struct Values(
    pub(in crate::store::memory) HashMap<StateScope, HashMap<String, Cell>>,
);

pub(in crate::store::memory) struct Cell {
    pub(in crate::store::memory) value: Value,
    pub(in crate::store::memory) rev: Rev,
    /// Only values of handles have one: those of a session end with it.
    pub(in crate::store::memory) expires_at: Option<Timestamp>,
}

impl Cell {
    pub(in crate::store::memory) fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|expires_at| expires_at > now)
    }
}

impl Values {
    pub(in crate::store::memory) fn end(&mut self, session: &SessionId) {
        self.0.remove(&StateScope::Session(session.clone()));
    }

    pub(in crate::store::memory) fn sweep(&mut self, now: Timestamp) {
        for cells in self.0.values_mut() {
            cells.retain(|_, cell| cell.is_live(now));
        }
        self.0.retain(|_, cells| !cells.is_empty());
    }
}
