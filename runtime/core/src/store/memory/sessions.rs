//! Sessions and their resource subscriptions.

// SEP-2577 deprecates logging, sampling and roots; clients of the session era use them until they are gone.
#![allow(deprecated)]

use async_trait::async_trait;
use rmcp::model::LoggingLevel;

use super::store::MemoryStore;
use crate::{
    auth::Principal,
    error::StoreError,
    ids::{LogCursor, SessionId, StreamId},
    session::{SessionRecord, SessionStore},
    time::Timestamp,
};

#[async_trait]
impl SessionStore for MemoryStore {
    async fn create(&self, session: &SessionRecord) -> Result<(), StoreError> {
        let (mut data, now) = self.data();
        if data.sessions.get(&session.id, now).is_ok() {
            return Err(StoreError::Conflict);
        }
        for ended in data.sessions.insert(session.clone(), now, &self.limits) {
            data.end_parts(&ended);
        }
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
        heard_from: Option<&LogCursor>,
    ) -> Result<Option<SessionRecord>, StoreError> {
        let (mut data, now) = self.data();
        let session = data.sessions.get(id, now).ok().filter(|session| session.record.owner == *owner);
        Ok(session.map(|session| {
            session.record.listener = Some(listener.clone());
            session.record.heard_from = session.record.heard_from.or(heard_from.copied());
            session.record.clone()
        }))
    }

    async fn pass_on(
        &self,
        id: &SessionId,
        expected: Option<&StreamId>,
        next: Option<&StreamId>,
    ) -> Result<bool, StoreError> {
        let (mut data, now) = self.data();
        let Ok(session) = data.sessions.get(id, now) else { return Ok(false) };
        let fits = session.record.listener.as_ref() == expected;
        if fits {
            session.record.listener = next.cloned();
        }
        Ok(fits)
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
            .records()
            .filter(|record| record.owner == *owner && record.expires_at > now)
            .cloned()
            .collect();
        records.sort_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| a.id.cmp(&b.id)));
        records.truncate(limit);
        Ok(records)
    }

    async fn subscribe(&self, id: &SessionId, uri: &str, limit: usize) -> Result<(), StoreError> {
        let (mut data, now) = self.data();
        data.sessions.subscribe(id, uri, limit, now)?;
        for ended in data.sessions.make_room(&self.limits) {
            data.end_parts(&ended);
        }
        Ok(())
    }

    async fn unsubscribe(&self, id: &SessionId, uri: &str) -> Result<(), StoreError> {
        let (mut data, now) = self.data();
        data.sessions.unsubscribe(id, uri, now)
    }

    async fn subscriptions(&self, id: &SessionId) -> Result<Vec<String>, StoreError> {
        let (mut data, now) = self.data();
        Ok(data.sessions.get(id, now)?.subscriptions.iter().cloned().collect())
    }
}
