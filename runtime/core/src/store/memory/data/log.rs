//! The data behind `log`.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    time::Duration,
};

use crate::{
    events::{Event, EventKey, LoggedEvent, Scope},
    ids::SessionId,
    time::Timestamp,
};

/// How long the id of a source is kept at least: longer than any source repeats a delivery.
pub(in crate::store::memory) const DEDUP_TTL: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Default)]
pub(in crate::store::memory) struct Log {
    pub(in crate::store::memory) scopes: HashMap<Scope, Sequence>,
}

#[derive(Default)]
pub(in crate::store::memory) struct Sequence {
    pub(in crate::store::memory) event_keys: BTreeMap<EventKey, VecDeque<Stored>>,
    pub(in crate::store::memory) head: u64,
    pub(in crate::store::memory) events: VecDeque<Stored>,
    pub(in crate::store::memory) source_ids: HashMap<String, (Timestamp, u64)>,
}

/// An event and when it expires.
pub(in crate::store::memory) type Stored = (Timestamp, LoggedEvent);

impl Log {
    pub(in crate::store::memory) fn end(&mut self, session: &SessionId) {
        self.scopes.remove(&Scope::Session(session.clone()));
    }

    pub(in crate::store::memory) fn sweep(&mut self, now: Timestamp) {
        for sequence in self.scopes.values_mut() {
            // The head stays: a sequence number is assigned once.
            sequence.events.retain(|(expires_at, _)| *expires_at > now);
            sequence.source_ids.retain(|_, (expires_at, _)| *expires_at > now);
            for events in sequence.event_keys.values_mut() {
                events.retain(|(expires_at, _)| *expires_at > now);
            }
            sequence.event_keys.retain(|_, events| !events.is_empty());
        }
    }
}

impl Sequence {
    /// Adds an event to those of its key, and sets whether it is the first of them.
    pub(in crate::store::memory) fn add_to_key(
        &mut self,
        key: EventKey,
        stored: &mut Stored,
        now: Timestamp,
    ) {
        let events = self.event_keys.entry(key).or_default();
        events.retain(|(expires_at, _)| *expires_at > now);
        if let Event::Global { is_first, .. } = &mut stored.1.event {
            *is_first = events.is_empty();
        }
        events.push_back(stored.clone());
    }
}
