//! The data behind `sessions`.

// SEP-2577 deprecates logging, sampling and roots; clients of the session era use them until they are gone.
#![allow(deprecated)]

use std::collections::{BTreeSet, HashMap};

use crate::{error::StoreError, ids::SessionId, session::SessionRecord, time::Timestamp};

#[derive(Default)]
pub(in crate::store::memory) struct Sessions(pub(in crate::store::memory) HashMap<SessionId, Entry>);

pub(in crate::store::memory) struct Entry {
    pub(in crate::store::memory) record: SessionRecord,
    pub(in crate::store::memory) subscriptions: BTreeSet<String>,
}

impl Sessions {
    /// Returns a live session.
    pub(in crate::store::memory) fn get(
        &mut self,
        id: &SessionId,
        now: Timestamp,
    ) -> Result<&mut Entry, StoreError> {
        self.0.get_mut(id).filter(|entry| entry.record.expires_at > now).ok_or(StoreError::NotFound)
    }

    /// Removes the expired sessions and returns their ids.
    pub(in crate::store::memory) fn sweep(&mut self, now: Timestamp) -> Vec<SessionId> {
        let is_expired = |entry: &&Entry| entry.record.expires_at <= now;
        let ended: Vec<_> = self.0.values().filter(is_expired).map(|entry| entry.record.id.clone()).collect();
        for id in &ended {
            self.0.remove(id);
        }
        ended
    }
}
