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
        let (mut data, now) = self.data();
        if data.sessions.is_live(session, now) {
            data.inbox.put(session, message, &self.limits);
        } else {
            data.inbox.put_ended(session, message, now, &self.limits);
        }
        Ok(())
    }

    async fn read(&self, session: &SessionId, to: &[InboxKey]) -> Result<Vec<ClientMessage>, StoreError> {
        let (data, now) = self.data();
        Ok(data.inbox.read(session, to, now))
    }

    async fn discard(&self, session: &SessionId, messages: &[ClientMessage]) -> Result<(), StoreError> {
        let (mut data, _) = self.data();
        data.inbox.discard(session, messages);
        Ok(())
    }
}
