//! Replies that can be replayed.

use async_trait::async_trait;

use super::store::MemoryStore;
use crate::{
    error::StoreError,
    stream::{Part, Replay, StreamKey, StreamStore, StreamTerms},
};

#[async_trait]
impl StreamStore for MemoryStore {
    fn largest_part(&self) -> usize {
        usize::MAX
    }

    async fn open(&self, key: &StreamKey, terms: &StreamTerms, part: &Part) -> Result<(), StoreError> {
        let (mut data, _) = self.data();
        data.streams.open(key, terms, part, &self.limits);
        Ok(())
    }

    async fn append(&self, key: &StreamKey, _: &StreamTerms, part: &Part) -> Result<(), StoreError> {
        let (mut data, now) = self.data();
        data.streams.append(key, part, now, &self.limits)
    }

    async fn read(&self, key: &StreamKey, after: u64) -> Result<Replay, StoreError> {
        let (data, now) = self.data();
        Ok(data.streams.read(key, after, now))
    }
}
