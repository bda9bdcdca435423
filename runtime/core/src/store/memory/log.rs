//! The event log.

use std::{collections::VecDeque, sync::Arc};

use async_trait::async_trait;

use super::{data::log::*, store::MemoryStore};
use crate::{
    error::StoreError,
    events::{
        Appended, EventKey, EventLog, LoggedEvent, NewEvent, NewestEvents, NewestLimits, Scope, ScopeEnd,
    },
    store::check_size,
};

#[async_trait]
impl EventLog for MemoryStore {
    async fn append(&self, scope: &Scope, event: &NewEvent) -> Result<Appended, StoreError> {
        let (mut data, now) = self.data();
        let size = check_size(&event.event)?;
        let sequence = data.log.scopes.entry(scope.clone()).or_default();
        let seq = sequence.head + 1;
        if let Some(source_id) = &event.source_id {
            match sequence.source_ids.get(source_id) {
                Some((expires_at, seq)) if *expires_at > now => return Ok(Appended::Already(*seq)),
                _ => sequence.remember(source_id.clone(), event.expires_at.max(now.plus(DEDUP_TTL)), seq),
            }
        }
        sequence.head = seq;
        let logged = LoggedEvent { seq, event: event.event.clone(), at: event.at };
        let mut stored = Stored { expires_at: event.expires_at, event: Arc::new(logged), size };
        if let Some(key) = event.event.key().filter(|_| scope.has_event_keys()) {
            sequence.add_to_key(key, &mut stored, now);
        }
        data.log.push(scope, stored, &self.limits);
        Ok(Appended::At(seq))
    }

    async fn heads(&self, scopes: &[Scope]) -> Result<Vec<u64>, StoreError> {
        let (data, _) = self.data();
        Ok(scopes
            .iter()
            .map(|scope| data.log.scopes.get(scope).map_or(0, |sequence| sequence.head))
            .collect())
    }

    async fn ends(&self, scopes: &[Scope]) -> Result<Vec<ScopeEnd>, StoreError> {
        // This store assigns a sequence number and writes the event in one step, so it has no gaps.
        Ok(self.heads(scopes).await?.into_iter().map(|head| ScopeEnd { head, last_stable: head }).collect())
    }

    async fn read(&self, scope: &Scope, after: u64, limit: usize) -> Result<Vec<LoggedEvent>, StoreError> {
        let (data, now) = self.data();
        let events = data.log.scopes.get(scope).into_iter().flat_map(|sequence| &sequence.events);
        Ok(events
            .filter(|stored| stored.event.seq > after && stored.expires_at > now)
            .take(limit)
            .map(|stored| (*stored.event).clone())
            .collect())
    }

    async fn seal_gap(&self, scope: &Scope, after: u64) -> Result<u64, StoreError> {
        let (data, now) = self.data();
        let Some(sequence) = data.log.scopes.get(scope) else { return Ok(after) };
        let mut live = sequence.events.iter().filter(|stored| stored.expires_at > now);
        let next = live.find(|stored| stored.event.seq > after);
        Ok(next.map_or(sequence.head, |stored| stored.event.seq - 1).max(after))
    }

    async fn event_keys(
        &self,
        scope: &Scope,
        after: Option<&EventKey>,
        limit: usize,
    ) -> Result<Vec<EventKey>, StoreError> {
        let (data, now) = self.data();
        let live = |events: &VecDeque<Stored>| events.iter().any(|stored| stored.expires_at > now);
        let event_keys = data.log.scopes.get(scope).into_iter().flat_map(|sequence| &sequence.event_keys);
        Ok(event_keys
            .filter(|(key, events)| after.is_none_or(|after| *key > after) && live(events))
            .map(|(key, _)| key.clone())
            .take(limit)
            .collect())
    }

    async fn newest(
        &self,
        scope: &Scope,
        key: &EventKey,
        limits: NewestLimits,
    ) -> Result<NewestEvents, StoreError> {
        let (data, now) = self.data();
        let sequence = data.log.scopes.get(scope);
        let events = sequence.and_then(|sequence| sequence.event_keys.get(key)).into_iter().flatten().rev();
        let mut newest = NewestEvents::default();
        for stored in events.filter(|stored| stored.expires_at > now) {
            if !newest.push(&limits, (*stored.event).clone(), stored.size) {
                break;
            }
        }
        Ok(newest)
    }
}
