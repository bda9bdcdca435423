//! The data behind `sessions`.

// SEP-2577 deprecates logging, sampling and roots; clients of the session era use them until they are gone.
#![allow(deprecated)]

use std::collections::{BTreeSet, HashMap};

use crate::{
    auth::Principal, error::StoreError, ids::SessionId, session::SessionRecord,
    store::memory::limits::MemoryLimits, time::Timestamp,
};

/// What an entry takes besides the texts of its client.
const OVERHEAD: usize = 1024;

#[derive(Default)]
pub(in crate::store::memory) struct Sessions {
    entries: HashMap<SessionId, Entry>,
    /// How many sessions each principal has.
    owned: HashMap<Principal, usize>,
    /// How many bytes all entries take.
    bytes: usize,
}

pub(in crate::store::memory) struct Entry {
    pub(in crate::store::memory) record: SessionRecord,
    pub(in crate::store::memory) subscriptions: BTreeSet<String>,
    /// When the session was last looked up.
    used: Timestamp,
    bytes: usize,
}

impl Sessions {
    /// Returns a live session.
    pub(in crate::store::memory) fn get(
        &mut self,
        id: &SessionId,
        now: Timestamp,
    ) -> Result<&mut Entry, StoreError> {
        let entry = self.entries.get_mut(id).filter(|entry| entry.record.expires_at > now);
        let entry = entry.ok_or(StoreError::NotFound)?;
        entry.used = now;
        Ok(entry)
    }

    pub(in crate::store::memory) fn is_live(&self, id: &SessionId, now: Timestamp) -> bool {
        self.entries.get(id).is_some_and(|entry| entry.record.expires_at > now)
    }

    pub(in crate::store::memory) fn records(&self) -> impl Iterator<Item = &SessionRecord> {
        self.entries.values().map(|entry| &entry.record)
    }

    /// Adds a session, and returns the ids of those that have ended for it.
    pub(in crate::store::memory) fn insert(
        &mut self,
        record: SessionRecord,
        now: Timestamp,
        limits: &MemoryLimits,
    ) -> Vec<SessionId> {
        let id = record.id.clone();
        self.remove(&id);
        let owned = self.owned.get(&record.owner).copied().unwrap_or_default();
        let mut ended = Vec::new();
        if owned >= limits.sessions_per_principal {
            let most = limits.sessions_per_principal;
            ended = self.end_idle(owned + 1 - most + most / 16, |entry| entry.record.owner == record.owner);
        }
        let bytes = OVERHEAD + record.client.to_json().len() + record.owner.key().len();
        *self.owned.entry(record.owner.clone()).or_default() += 1;
        self.bytes += bytes;
        self.entries.insert(id, Entry { record, subscriptions: BTreeSet::new(), used: now, bytes });
        ended.extend(self.make_room(limits));
        ended
    }

    pub(in crate::store::memory) fn subscribe(
        &mut self,
        id: &SessionId,
        uri: &str,
        limit: usize,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let entry = self.get(id, now)?;
        if entry.subscriptions.contains(uri) {
            return Ok(());
        }
        if entry.subscriptions.len() >= limit {
            return Err(StoreError::Full { what: "subscriptions of a session", limit });
        }
        entry.subscriptions.insert(uri.to_owned());
        entry.bytes += uri.len();
        self.bytes += uri.len();
        Ok(())
    }

    pub(in crate::store::memory) fn unsubscribe(
        &mut self,
        id: &SessionId,
        uri: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let entry = self.get(id, now)?;
        if entry.subscriptions.remove(uri) {
            entry.bytes -= uri.len();
            self.bytes -= uri.len();
        }
        Ok(())
    }

    pub(in crate::store::memory) fn remove(&mut self, id: &SessionId) {
        let Some(entry) = self.entries.remove(id) else { return };
        self.bytes -= entry.bytes;
        if let Some(owned) = self.owned.get_mut(&entry.record.owner) {
            *owned -= 1;
            if *owned == 0 {
                self.owned.remove(&entry.record.owner);
            }
        }
    }

    /// Ends the sessions that were not used for the longest time, if all of them take too many bytes.
    pub(in crate::store::memory) fn make_room(&mut self, limits: &MemoryLimits) -> Vec<SessionId> {
        let mut ended = Vec::new();
        while self.bytes > limits.bytes && self.entries.len() > 1 {
            ended.extend(self.end_idle(1 + self.entries.len() / 16, |_| true));
        }
        ended
    }

    /// Ends a number of sessions, those first that were not used for the longest time.
    fn end_idle(&mut self, count: usize, is_candidate: impl Fn(&Entry) -> bool) -> Vec<SessionId> {
        let candidates = self.entries.values().filter(|entry| is_candidate(entry));
        let mut idle: Vec<_> =
            candidates.map(|entry| (entry.used, entry.record.created_at, entry.record.id.clone())).collect();
        idle.sort_unstable();
        idle.truncate(count);
        for (_, _, id) in &idle {
            self.remove(id);
        }
        tracing::warn!(ended = idle.len(), "sessions have ended to make room for others in memory");
        idle.into_iter().map(|(_, _, id)| id).collect()
    }

    /// Removes the expired sessions and returns their ids.
    pub(in crate::store::memory) fn sweep(&mut self, now: Timestamp) -> Vec<SessionId> {
        let expired = self.records().filter(|record| record.expires_at <= now);
        let ended: Vec<_> = expired.map(|record| record.id.clone()).collect();
        for id in &ended {
            self.remove(id);
        }
        ended
    }
}
