//! Counts of open streams.

use async_trait::async_trait;

use super::store::MemoryStore;
use crate::{
    auth::Principal,
    error::StoreError,
    stream::{StreamLease, StreamLeaseStore},
};

#[async_trait]
impl StreamLeaseStore for MemoryStore {
    async fn acquire(&self, request: &StreamLease) -> Result<bool, StoreError> {
        let (mut data, now) = self.data();
        let held = data.stream_leases.0.entry(request.owner.clone()).or_default();
        held.retain(|_, expires_at| *expires_at > now);
        let fits = held.contains_key(&request.id) || held.len() < request.limit;
        if fits {
            held.insert(request.id.clone(), request.expires_at);
        }
        Ok(fits)
    }

    async fn release(&self, owner: &Principal, id: &str) -> Result<(), StoreError> {
        let (mut data, _) = self.data();
        if let Some(held) = data.stream_leases.0.get_mut(owner) {
            held.remove(id);
        }
        Ok(())
    }
}
