//! The data behind `stream_leases`.

use std::collections::HashMap;

use crate::{auth::Principal, time::Timestamp};

#[derive(Default)]
pub(in crate::store::memory) struct StreamLeases(
    pub(in crate::store::memory) HashMap<Principal, HashMap<String, Timestamp>>,
);

impl StreamLeases {
    pub(in crate::store::memory) fn sweep(&mut self, now: Timestamp) {
        for held in self.0.values_mut() {
            held.retain(|_, expires_at| *expires_at > now);
        }
        self.0.retain(|_, held| !held.is_empty());
    }
}
