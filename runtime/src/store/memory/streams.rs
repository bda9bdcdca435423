//! Replayable replies.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use bytes::Bytes;

use super::MemoryStore;
use crate::{
    clock::Timestamp,
    error::StoreError,
    session::SessionId,
    stream::{Replay, StoredFrame, StreamKey, StreamStore},
};

#[derive(Default)]
pub(super) struct Streams(HashMap<StreamKey, Stream>);

struct Stream {
    frames: BTreeMap<u64, Bytes>,
    finished: bool,
    expires_at: Timestamp,
}

impl Streams {
    pub(super) fn end(&mut self, session: &SessionId) {
        self.0.retain(|key, _| key.session != *session);
    }

    pub(super) fn sweep(&mut self, now: Timestamp) {
        self.0.retain(|_, stream| stream.expires_at > now);
    }
}

#[async_trait]
impl StreamStore for MemoryStore {
    async fn open(&self, key: &StreamKey, expires_at: Timestamp) -> Result<(), StoreError> {
        let (mut data, _) = self.data();
        data.streams.0.entry(key.clone()).or_insert_with(|| Stream {
            frames: BTreeMap::new(),
            finished: false,
            expires_at,
        });
        Ok(())
    }

    async fn append(
        &self,
        key: &StreamKey,
        frames: &[StoredFrame],
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        let (mut data, now) = self.data();
        let stream = data.streams.0.get_mut(key).filter(|stream| stream.expires_at > now);
        let stream = stream.ok_or(StoreError::NotFound)?;
        stream.expires_at = stream.expires_at.max(expires_at);
        for frame in frames {
            stream.frames.entry(frame.seq).or_insert_with(|| frame.json.clone());
        }
        Ok(())
    }

    async fn finish(&self, key: &StreamKey) -> Result<(), StoreError> {
        let (mut data, _) = self.data();
        if let Some(stream) = data.streams.0.get_mut(key) {
            stream.finished = true;
        }
        Ok(())
    }

    async fn read(&self, key: &StreamKey, after: u64) -> Result<Replay, StoreError> {
        let (data, now) = self.data();
        let Some(stream) = data.streams.0.get(key).filter(|stream| stream.expires_at > now) else {
            return Ok(Replay::Unknown);
        };
        let frames = stream
            .frames
            .range(after.saturating_add(1)..)
            .map(|(seq, json)| StoredFrame { seq: *seq, json: json.clone() })
            .collect();
        Ok(if stream.finished { Replay::Finished(frames) } else { Replay::Open(frames) })
    }
}
