//! Replies that can be replayed.

use async_trait::async_trait;

use super::{data::streams::*, store::MemoryStore};
use crate::{
    error::StoreError,
    stream::{Part, Replay, StoredFrame, StreamKey, StreamStore, StreamTerms},
};

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
