//! Letters, in the order they were posted.

use std::collections::HashMap;

use async_trait::async_trait;

use super::MemoryStore;
use crate::{
    error::StoreError,
    session::{ClientMessage, InboxKey, InboxStore, SessionId},
    time::Timestamp,
};

#[derive(Default)]
pub(super) struct Letters(HashMap<SessionId, Vec<ClientMessage>>);

impl Letters {
    pub(super) fn end(&mut self, session: &SessionId) {
        self.0.remove(session);
    }

    pub(super) fn sweep(&mut self, now: Timestamp) {
        for letters in self.0.values_mut() {
            letters.retain(|mail| mail.expires_at > now);
        }
        self.0.retain(|_, letters| !letters.is_empty());
    }
}

#[async_trait]
impl InboxStore for MemoryStore {
    async fn post(&self, session: &SessionId, mail: &ClientMessage) -> Result<(), StoreError> {
        let (mut data, _) = self.data();
        let letters = data.mail.0.entry(session.clone()).or_default();
        if !letters.iter().any(|known| known.to == mail.to && known.name == mail.name) {
            letters.push(mail.clone());
        }
        Ok(())
    }

    async fn read(&self, session: &SessionId, to: &[InboxKey]) -> Result<Vec<ClientMessage>, StoreError> {
        let (data, now) = self.data();
        let letters = data.mail.0.get(session).into_iter().flatten();
        Ok(letters.filter(|mail| to.contains(&mail.to) && mail.expires_at > now).cloned().collect())
    }

    async fn discard(&self, session: &SessionId, mail: &[ClientMessage]) -> Result<(), StoreError> {
        let (mut data, _) = self.data();
        if let Some(letters) = data.mail.0.get_mut(session) {
            letters.retain(|known| !mail.iter().any(|gone| gone.to == known.to && gone.name == known.name));
        }
        Ok(())
    }
}
