//! The event log.

use std::collections::{HashMap, VecDeque};

use async_trait::async_trait;

use super::MemoryStore;
use crate::{
    clock::Timestamp,
    error::StoreError,
    events::{Appended, EventLog, LoggedEvent, NewEvent, Scope},
};

#[derive(Default)]
pub(super) struct Log(HashMap<Scope, Sequence>);

#[derive(Default)]
struct Sequence {
    head: u64,
    events: VecDeque<(Timestamp, LoggedEvent)>,
    seen: HashMap<String, (Timestamp, u64)>,
}

impl Log {
    pub(super) fn end(&mut self, session: &crate::session::SessionId) {
        self.0.remove(&Scope::Session(session.clone()));
    }

    pub(super) fn sweep(&mut self, now: Timestamp) {
        for sequence in self.0.values_mut() {
            // The head stays: a place once given is never given again.
            sequence.events.retain(|(expires_at, _)| *expires_at > now);
            sequence.seen.retain(|_, (expires_at, _)| *expires_at > now);
        }
    }
}

#[async_trait]
impl EventLog for MemoryStore {
    async fn append(&self, scope: &Scope, event: &NewEvent) -> Result<Appended, StoreError> {
        let (mut data, now) = self.data();
        let sequence = data.log.0.entry(scope.clone()).or_default();
        if let Some(source_id) = &event.source_id {
            match sequence.seen.get(source_id) {
                Some((expires_at, seq)) if *expires_at > now => return Ok(Appended::Already(*seq)),
                _ => sequence.seen.insert(source_id.clone(), (event.expires_at, sequence.head + 1)),
            };
        }
        sequence.head += 1;
        let logged = LoggedEvent { seq: sequence.head, event: event.event.clone(), at: event.at };
        sequence.events.push_back((event.expires_at, logged));
        Ok(Appended::At(sequence.head))
    }

    async fn heads(&self, scopes: &[Scope]) -> Result<Vec<u64>, StoreError> {
        let (data, _) = self.data();
        Ok(scopes.iter().map(|scope| data.log.0.get(scope).map_or(0, |sequence| sequence.head)).collect())
    }

    async fn read(&self, scope: &Scope, after: u64, limit: usize) -> Result<Vec<LoggedEvent>, StoreError> {
        let (data, now) = self.data();
        let events = data.log.0.get(scope).into_iter().flat_map(|sequence| &sequence.events);
        Ok(events
            .filter(|(expires_at, event)| event.seq > after && *expires_at > now)
            .take(limit)
            .map(|(_, event)| event.clone())
            .collect())
    }
}
