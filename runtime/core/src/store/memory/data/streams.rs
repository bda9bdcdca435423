//! The data behind `streams`.

use std::collections::HashMap;

use bytes::Bytes;

use crate::{
    error::StoreError,
    ids::SessionId,
    store::memory::limits::MemoryLimits,
    stream::{Part, Replay, StoredFrame, StreamKey, StreamTerms},
    time::Timestamp,
};

/// What a stream, and each message of it, takes besides the texts.
const OVERHEAD: usize = 256;

#[derive(Default)]
pub(in crate::store::memory) struct Streams {
    entries: HashMap<StreamKey, Stream>,
    /// How many bytes all streams take.
    bytes: usize,
}

struct Stream {
    messages: Vec<Bytes>,
    finished: bool,
    terms: StreamTerms,
    bytes: usize,
}

impl Stream {
    /// Adds the messages of a part that are not stored. Nothing if a message before them is missing.
    fn add(&mut self, part: &Part) {
        let stored = self.messages.len() as u64;
        if part.first > stored + 1 {
            return;
        }
        let fresh = part.messages.iter().zip(part.first..).filter(|(_, seq)| *seq > stored);
        for (message, _) in fresh {
            self.bytes += OVERHEAD + message.len();
            self.messages.push(message.clone());
        }
        self.finished |= part.last;
    }
}

impl Streams {
    pub(in crate::store::memory) fn open(
        &mut self,
        key: &StreamKey,
        terms: &StreamTerms,
        part: &Part,
        limits: &MemoryLimits,
    ) {
        if !self.entries.contains_key(key) {
            let stream =
                Stream { messages: Vec::new(), finished: false, terms: terms.clone(), bytes: OVERHEAD };
            self.entries.insert(key.clone(), stream);
            self.bytes += OVERHEAD;
        }
        self.add(key, part, limits);
    }

    pub(in crate::store::memory) fn append(
        &mut self,
        key: &StreamKey,
        part: &Part,
        now: Timestamp,
        limits: &MemoryLimits,
    ) -> Result<(), StoreError> {
        self.get(key, now).ok_or(StoreError::NotFound)?;
        self.add(key, part, limits);
        Ok(())
    }

    pub(in crate::store::memory) fn read(&self, key: &StreamKey, after: u64, now: Timestamp) -> Replay {
        let Some(stream) = self.get(key, now) else { return Replay::Unknown };
        let numbered = stream.messages.iter().zip(1..).filter(|(_, seq)| *seq > after);
        let frames = numbered.map(|(json, seq)| StoredFrame { seq, json: json.clone() }).collect();
        match stream.finished {
            true => Replay::Finished(frames),
            false if stream.terms.written_by <= now => {
                Replay::Broken { frames, request: stream.terms.request.clone() }
            }
            false => Replay::Open(frames),
        }
    }

    fn get(&self, key: &StreamKey, now: Timestamp) -> Option<&Stream> {
        self.entries.get(key).filter(|stream| stream.terms.expires_at > now)
    }

    fn add(&mut self, key: &StreamKey, part: &Part, limits: &MemoryLimits) {
        if let Some(stream) = self.entries.get_mut(key) {
            let before = stream.bytes;
            stream.add(part);
            self.bytes += stream.bytes - before;
        }
        if self.bytes > limits.bytes {
            self.make_room(key, limits.bytes_after_eviction());
        }
    }

    /// Removes streams until all take no more than `most` bytes: the oldest that are complete first, then the oldest. The
    /// one that is being written stays: its size is limited by that of a response.
    fn make_room(&mut self, written: &StreamKey, most: usize) {
        let others = self.entries.iter().filter(|(key, _)| *key != written);
        let mut others: Vec<_> = others
            .map(|(key, stream)| (!stream.finished, stream.terms.expires_at, stream.bytes, key.clone()))
            .collect();
        others.sort_unstable_by_key(|(is_open, expires_at, ..)| (*is_open, *expires_at));
        let mut removed = 0;
        for (_, _, bytes, key) in others {
            if self.bytes <= most {
                break;
            }
            self.entries.remove(&key);
            self.bytes -= bytes;
            removed += 1;
        }
        tracing::warn!(removed, "stored replies were removed to make room for others in memory");
    }

    pub(in crate::store::memory) fn end(&mut self, session: &SessionId) {
        self.retain(|key, _| key.session != *session);
    }

    pub(in crate::store::memory) fn sweep(&mut self, now: Timestamp) {
        self.retain(|_, stream| stream.terms.expires_at > now);
    }

    fn retain(&mut self, is_kept: impl Fn(&StreamKey, &Stream) -> bool) {
        self.entries.retain(|key, stream| is_kept(key, stream));
        self.bytes = self.entries.values().map(|stream| stream.bytes).sum();
    }
}
