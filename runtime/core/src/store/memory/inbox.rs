//! Client messages, in the order in which they were put.

use std::collections::HashMap;

use async_trait::async_trait;

use super::MemoryStore;
use crate::{
    error::StoreError,
    ids::SessionId,
    session::{ClientMessage, InboxKey, InboxStore},
    time::Timestamp,
};

#[derive(Default)]
pub(super) struct Messages(HashMap<SessionId, Vec<ClientMessage>>);

impl Messages {
    pub(super) fn end(&mut self, session: &SessionId) {
        self.0.remove(session);
    }

    pub(super) fn sweep(&mut self, now: Timestamp) {
        for messages in self.0.values_mut() {
            messages.retain(|message| message.expires_at > now);
        }
        self.0.retain(|_, messages| !messages.is_empty());
    }
}

fn is_same(one: &ClientMessage, other: &ClientMessage) -> bool {
    one.to == other.to && one.name == other.name
}

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
