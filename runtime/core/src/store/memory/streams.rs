//! Replies that can be replayed.

use std::collections::HashMap;

use async_trait::async_trait;
use bytes::Bytes;

use super::MemoryStore;
use crate::{
    error::StoreError,
    ids::SessionId,
    stream::{Part, Replay, StoredFrame, StreamKey, StreamStore, StreamTerms},
    time::Timestamp,
};

#[derive(Default)]
pub(super) struct Streams(HashMap<StreamKey, Stream>);

struct Stream {
    messages: Vec<Bytes>,
    finished: bool,
    terms: StreamTerms,
}

impl Stream {
    /// Adds the messages of a part that are not stored. Nothing if a message before them is missing.
    fn add(&mut self, part: &Part) {
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
    pub(super) fn end(&mut self, session: &SessionId) {
        self.0.retain(|key, _| key.session != *session);
    }

    pub(super) fn sweep(&mut self, now: Timestamp) {
        self.0.retain(|_, stream| stream.terms.expires_at > now);
    }
}

#[async_trait]
impl StreamStore for MemoryStore {
    fn largest_part(&self) -> usize {
        usize::MAX
    }

    async fn open(&self, key: &StreamKey, terms: &StreamTerms, part: &Part) -> Result<(), StoreError> {
        let (mut data, _) = self.data();
        let stream = data.streams.0.entry(key.clone()).or_insert_with(|| Stream {
            messages: Vec::new(),
            finished: false,
            terms: terms.clone(),
        });
        stream.add(part);
        Ok(())
    }

    async fn append(&self, key: &StreamKey, _: &StreamTerms, part: &Part) -> Result<(), StoreError> {
        let (mut data, now) = self.data();
        let stream = data.streams.0.get_mut(key).filter(|stream| stream.terms.expires_at > now);
        stream.ok_or(StoreError::NotFound)?.add(part);
        Ok(())
    }

    async fn read(&self, key: &StreamKey, after: u64) -> Result<Replay, StoreError> {
        let (data, now) = self.data();
        let Some(stream) = data.streams.0.get(key).filter(|stream| stream.terms.expires_at > now) else {
            return Ok(Replay::Unknown);
        };
        let numbered = stream.messages.iter().zip(1..).filter(|(_, seq)| *seq > after);
        let frames = numbered.map(|(json, seq)| StoredFrame { seq, json: json.clone() }).collect();
        Ok(match stream.finished {
            true => Replay::Finished(frames),
            false if stream.terms.written_by <= now => {
                Replay::Broken { frames, request: stream.terms.request.clone() }
            }
            false => Replay::Open(frames),
        })
    }
}
