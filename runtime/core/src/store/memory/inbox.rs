//! Client messages, in the order in which they were put.

use async_trait::async_trait;

use super::{data::inbox::*, store::MemoryStore};
use crate::{
    error::StoreError,
    ids::SessionId,
    session::{ClientMessage, InboxKey, InboxStore},
};

#[async_trait]
impl InboxStore for MemoryStore {
    async fn put(&self, session: &SessionId, message: &ClientMessage) -> Result<(), StoreError> {
        let (mut data, _) = self.data();
        let messages = data.inbox.0.entry(session.clone()).or_default();
        if !messages.iter().any(|known| is_same(known, message)) {
            messages.push(message.clone());
        }
        Ok(())
    }

    async fn read(&self, session: &SessionId, to: &[InboxKey]) -> Result<Vec<ClientMessage>, StoreError> {
        let (data, now) = self.data();
        let messages = data.inbox.0.get(session).into_iter().flatten();
        Ok(messages.filter(|message| to.contains(&message.to) && message.expires_at > now).cloned().collect())
    }

    async fn discard(&self, session: &SessionId, messages: &[ClientMessage]) -> Result<(), StoreError> {
        let (mut data, _) = self.data();
        if let Some(kept) = data.inbox.0.get_mut(session) {
            kept.retain(|known| !messages.iter().any(|discarded| is_same(known, discarded)));
        }
        Ok(())
    }
}
