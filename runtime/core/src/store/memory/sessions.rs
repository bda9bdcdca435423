//! Sessions, their state and their subscriptions.

// SEP-2577 deprecates logging, sampling and roots; clients of the session era use them until they are gone.
#![allow(deprecated)]

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use rmcp::model::LoggingLevel;
use serde_json::Value;

use super::MemoryStore;
use crate::{
    auth::Principal,
    error::StoreError,
    session::{Rev, SessionId, SessionRecord, SessionStore, StateScope, Versioned},
    stream::StreamId,
    time::Timestamp,
};

#[derive(Default)]
pub(super) struct Sessions {
    live: HashMap<SessionId, Entry>,
    state: HashMap<StateScope, HashMap<String, Cell>>,
}

struct Entry {
    record: SessionRecord,
    subscriptions: BTreeSet<String>,
}

struct Cell {
    value: Value,
    rev: Rev,
    /// Never in a session: its state ends with it.
    expires_at: Option<Timestamp>,
}

impl Cell {
    fn lives(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|expires_at| expires_at > now)
    }
}

impl Sessions {
    fn get(&mut self, id: &SessionId, now: Timestamp) -> Result<&mut Entry, StoreError> {
        self.live.get_mut(id).filter(|entry| entry.record.expires_at > now).ok_or(StoreError::NotFound)
    }

    fn remove(&mut self, id: &SessionId) {
        self.live.remove(id);
        self.state.remove(&StateScope::Session(id.clone()));
    }

    pub(super) fn sweep(&mut self, now: Timestamp) -> Vec<SessionId> {
        let ended: Vec<_> = self
            .live
            .values()
            .filter(|entry| entry.record.expires_at <= now)
            .map(|entry| entry.record.id.clone())
            .collect();
        ended.iter().for_each(|id| self.remove(id));
        for cells in self.state.values_mut() {
            cells.retain(|_, cell| cell.lives(now));
        }
        self.state.retain(|_, cells| !cells.is_empty());
        ended
    }
}

#[async_trait]
impl SessionStore for MemoryStore {
    async fn create(&self, session: &SessionRecord) -> Result<(), StoreError> {
        let (mut data, now) = self.data();
        if data.sessions.get(&session.id, now).is_ok() {
            return Err(StoreError::Conflict);
        }
        let entry = Entry { record: session.clone(), subscriptions: BTreeSet::new() };
        data.sessions.live.insert(session.id.clone(), entry);
        Ok(())
    }

    async fn load(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        let (mut data, now) = self.data();
        Ok(data.sessions.get(id, now).ok().map(|entry| entry.record.clone()))
    }

    async fn set_log_level(&self, id: &SessionId, level: LoggingLevel) -> Result<(), StoreError> {
        let (mut data, now) = self.data();
        data.sessions.get(id, now)?.record.log_level = Some(level);
        Ok(())
    }

    async fn claim(
        &self,
        id: &SessionId,
        owner: &Principal,
        listener: &StreamId,
    ) -> Result<Option<SessionRecord>, StoreError> {
        let (mut data, now) = self.data();
        let session = data.sessions.get(id, now).ok().filter(|session| session.record.owner == *owner);
        Ok(session.map(|session| {
            session.record.listener = Some(listener.clone());
            session.record.clone()
        }))
    }

    async fn touch(&self, id: &SessionId, expires_at: Timestamp) -> Result<(), StoreError> {
        let (mut data, now) = self.data();
        data.sessions.get(id, now)?.record.expires_at = expires_at;
        Ok(())
    }

    async fn end(&self, id: &SessionId) -> Result<(), StoreError> {
        let (mut data, _) = self.data();
        data.sessions.remove(id);
        data.end_parts(id);
        Ok(())
    }

    async fn list(&self, owner: &Principal, limit: usize) -> Result<Vec<SessionRecord>, StoreError> {
        let (data, now) = self.data();
        let mut records: Vec<_> = data
            .sessions
            .live
            .values()
            .map(|entry| &entry.record)
            .filter(|record| record.owner == *owner && record.expires_at > now)
            .cloned()
            .collect();
        records.sort_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| a.id.cmp(&b.id)));
        records.truncate(limit);
        Ok(records)
    }

    async fn subscribe(&self, id: &SessionId, uri: &str) -> Result<(), StoreError> {
        let (mut data, now) = self.data();
        data.sessions.get(id, now)?.subscriptions.insert(uri.to_owned());
        Ok(())
    }

    async fn unsubscribe(&self, id: &SessionId, uri: &str) -> Result<(), StoreError> {
        let (mut data, now) = self.data();
        data.sessions.get(id, now)?.subscriptions.remove(uri);
        Ok(())
    }

    async fn subscriptions(&self, id: &SessionId) -> Result<Vec<String>, StoreError> {
        let (mut data, now) = self.data();
        Ok(data.sessions.get(id, now)?.subscriptions.iter().cloned().collect())
    }

    async fn state(&self, scope: &StateScope, key: &str) -> Result<Option<Versioned<Value>>, StoreError> {
        let (mut data, now) = self.data();
        if let StateScope::Session(id) = scope {
            data.sessions.get(id, now)?;
        }
        let cell = data.sessions.state.get(scope).and_then(|cells| cells.get(key));
        Ok(cell
            .filter(|cell| cell.lives(now))
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
        let cells = data.sessions.state.entry(scope.clone()).or_default();
        let found = cells.get(key).filter(|cell| cell.lives(now)).map_or(0, |cell| cell.rev);
        if found != expected {
            return Err(StoreError::Conflict);
        }
        let rev = expected + 1;
        cells.insert(key.to_owned(), Cell { value: value.clone(), rev, expires_at });
        Ok(rev)
    }

    async fn remove_state(&self, scope: &StateScope, key: &str) -> Result<(), StoreError> {
        let (mut data, _) = self.data();
        if let Some(cells) = data.sessions.state.get_mut(scope) {
            cells.remove(key);
        }
        Ok(())
    }
}
