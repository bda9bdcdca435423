//! The data behind `streams`.

use std::collections::HashMap;

use bytes::Bytes;

use crate::{
    ids::SessionId,
    stream::{Part, StreamKey, StreamTerms},
    time::Timestamp,
};

#[derive(Default)]
pub(in crate::store::memory) struct Streams(pub(in crate::store::memory) HashMap<StreamKey, Stream>);

pub(in crate::store::memory) struct Stream {
    pub(in crate::store::memory) messages: Vec<Bytes>,
    pub(in crate::store::memory) finished: bool,
    pub(in crate::store::memory) terms: StreamTerms,
}

impl Stream {
    /// Adds the messages of a part that are not stored. Nothing if a message before them is missing.
    pub(in crate::store::memory) fn add(&mut self, part: &Part) {
        let stored = self.messages.len() as u64;
        if part.first > stored + 1 {
            return;
        }
        let fresh = part.messages.iter().zip(part.first..).filter(|(_, seq)| *seq > stored);
        self.messages.extend(fresh.map(|(message, _)| message.clone()));
        self.finished |= part.last;
    }
}

impl Streams {
    pub(in crate::store::memory) fn end(&mut self, session: &SessionId) {
        self.0.retain(|key, _| key.session != *session);
    }

    pub(in crate::store::memory) fn sweep(&mut self, now: Timestamp) {
        self.0.retain(|_, stream| stream.terms.expires_at > now);
    }
}
