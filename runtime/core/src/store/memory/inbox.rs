//! Client messages, in the order in which they were put.

use async_trait::async_trait;

use super::store::MemoryStore;
use crate::{
    error::StoreError,
    ids::SessionId,
    session::{ClientMessage, InboxKey, InboxStore},
};

#[async_trait]
impl InboxStore for MemoryStore {
    async fn put(&self, session: &SessionId, message: &ClientMessage) -> Result<(), StoreError> {
        let (mut data, _) = self.data();
        data.inbox.0.entry(session.clone()).or_default().put(message);
        Ok(())
    }

    async fn read(&self, session: &SessionId, to: &[InboxKey]) -> Result<Vec<ClientMessage>, StoreError> {
        let (data, now) = self.data();
        Ok(data.inbox.0.get(session).map(|messages| messages.read(to, now)).unwrap_or_default())
    }

    async fn discard(&self, session: &SessionId, messages: &[ClientMessage]) -> Result<(), StoreError> {
        let (mut data, _) = self.data();
        if let Some(kept) = data.inbox.0.get_mut(session) {
            for message in messages {
                kept.discard(message);
            }
        }
        Ok(())
    }
}
