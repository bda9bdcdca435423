//! The data behind `log`.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use crate::{
    events::{Event, EventKey, LoggedEvent, Scope},
    ids::SessionId,
    store::memory::limits::MemoryLimits,
    time::Timestamp,
};

/// How long the id of a source is kept at least: longer than any source repeats a delivery.
pub(in crate::store::memory) const DEDUP_TTL: Duration = Duration::from_secs(24 * 60 * 60);

/// The number of events of a scope that the log keeps.
const MOST_EVENTS: usize = 10_000;
/// The number of ids of sources of a scope that the log keeps.
const MOST_SOURCE_IDS: usize = 100_000;
/// What an event takes besides its JSON.
const OVERHEAD: usize = 256;

#[derive(Default)]
pub(in crate::store::memory) struct Log {
    pub(in crate::store::memory) scopes: HashMap<Scope, Sequence>,
    /// How many bytes all events take.
    bytes: usize,
}

#[derive(Default)]
pub(in crate::store::memory) struct Sequence {
    pub(in crate::store::memory) event_keys: BTreeMap<EventKey, VecDeque<Stored>>,
    pub(in crate::store::memory) head: u64,
    pub(in crate::store::memory) events: VecDeque<Stored>,
    pub(in crate::store::memory) source_ids: HashMap<String, (Timestamp, u64)>,
}

/// An event in the log.
#[derive(Clone)]
pub(in crate::store::memory) struct Stored {
    pub(in crate::store::memory) expires_at: Timestamp,
    pub(in crate::store::memory) event: Arc<LoggedEvent>,
    /// The size of the event as JSON.
    pub(in crate::store::memory) size: usize,
}

impl Stored {
    fn bytes(&self) -> usize {
        self.size + OVERHEAD
    }
}

impl Log {
    pub(in crate::store::memory) fn end(&mut self, session: &SessionId) {
        if let Some(ended) = self.scopes.remove(&Scope::Session(session.clone())) {
            self.bytes -= ended.events.iter().map(Stored::bytes).sum::<usize>();
        }
    }

    /// Adds an event, and removes the oldest ones above the limits: of the same scope, then of the others.
    pub(in crate::store::memory) fn push(&mut self, scope: &Scope, stored: Stored, limits: &MemoryLimits) {
        self.bytes += stored.bytes();
        let sequence = self.scopes.entry(scope.clone()).or_default();
        sequence.events.push_back(stored);
        while sequence.events.len() > MOST_EVENTS || (self.bytes > limits.bytes && sequence.events.len() > 1)
        {
            self.bytes -= sequence.pop_oldest();
        }
        if self.bytes > limits.bytes {
            self.remove_oldest(limits.bytes_after_eviction());
        }
    }

    /// Removes the oldest events of all scopes until they take this many bytes.
    fn remove_oldest(&mut self, bytes: usize) {
        let stored = self.scopes.values().flat_map(|sequence| &sequence.events);
        let mut ages: Vec<_> = stored.map(|stored| (stored.event.at, stored.bytes())).collect();
        ages.sort_unstable();
        let mut left = self.bytes;
        let until = ages.into_iter().find_map(|(at, size)| {
            left = left.saturating_sub(size);
            (left <= bytes).then_some(at)
        });
        for sequence in self.scopes.values_mut() {
            while sequence
                .events
                .front()
                .is_some_and(|oldest| until.is_some_and(|until| oldest.event.at <= until))
            {
                self.bytes -= sequence.pop_oldest();
            }
        }
    }

    pub(in crate::store::memory) fn sweep(&mut self, now: Timestamp) {
        for sequence in self.scopes.values_mut() {
            // The head stays: a sequence number is assigned once.
            sequence.events.retain(|stored| stored.expires_at > now);
            sequence.source_ids.retain(|_, (expires_at, _)| *expires_at > now);
            for events in sequence.event_keys.values_mut() {
                events.retain(|stored| stored.expires_at > now);
            }
            sequence.event_keys.retain(|_, events| !events.is_empty());
        }
        let events = self.scopes.values().flat_map(|sequence| &sequence.events);
        self.bytes = events.map(Stored::bytes).sum();
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
        events.retain(|stored| stored.expires_at > now);
        if let Event::Global { is_first, .. } = &mut Arc::make_mut(&mut stored.event).event {
            *is_first = events.is_empty();
        }
        events.push_back(stored.clone());
    }

    /// Remembers the id that a source gave an event. Above the limit the oldest half is forgotten.
    pub(in crate::store::memory) fn remember(&mut self, source_id: String, until: Timestamp, seq: u64) {
        if self.source_ids.len() >= MOST_SOURCE_IDS {
            let newest = seq.saturating_sub(MOST_SOURCE_IDS as u64 / 2);
            self.source_ids.retain(|_, (_, seq)| *seq > newest);
        }
        self.source_ids.insert(source_id, (until, seq));
    }

    /// Removes the oldest event, and returns how many bytes it took.
    fn pop_oldest(&mut self) -> usize {
        let Some(oldest) = self.events.pop_front() else { return 0 };
        if let Some(key) = oldest.event.event.key()
            && let Some(events) = self.event_keys.get_mut(&key)
        {
            // Both are in the order of sequence numbers, and those that had expired may be gone here.
            while events.front().is_some_and(|stored| stored.event.seq <= oldest.event.seq) {
                events.pop_front();
            }
            if events.is_empty() {
                self.event_keys.remove(&key);
            }
        }
        oldest.bytes()
    }
}
