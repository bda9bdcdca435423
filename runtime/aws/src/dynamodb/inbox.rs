//! Client messages for running calls.

use async_trait::async_trait;
use bytes::Bytes;

use super::{
    DynamoStore,
    item::{Item, check_size, millis, text},
    keys,
};
use mcp_lambda_core::{
    error::StoreError,
    session::{ClientMessage, InboxKey, InboxStore, SessionId},
};

#[async_trait]
impl InboxStore for DynamoStore {
    async fn put(&self, session: &SessionId, message: &ClientMessage) -> Result<(), StoreError> {
        let body = std::str::from_utf8(&message.body)
            .map_err(|_| StoreError::Corrupt("the body of a client message is not UTF-8".into()))?;
        check_size(body)?;
        let item = Item::new(keys::session(session), keys::message(message))
            .with("name", text(&message.name))
            .with("body", text(body))
            .with("received", millis(self.clock.now()))
            .expiring(message.expires_at);
        self.put_once(&self.state, item).await
    }

    async fn read(&self, session: &SessionId, to: &[InboxKey]) -> Result<Vec<ClientMessage>, StoreError> {
        // A query for each recipient: a call pays nothing for messages that its client has sent to others.
        let pk = keys::session(session);
        let prefixes: Vec<_> = to.iter().map(keys::inbox).collect();
        let queries = prefixes.iter().map(|prefix| self.query(&self.state, &pk, prefix));
        let found = futures::future::try_join_all(queries).await?;
        let now = self.clock.now();
        let mut messages = Vec::new();
        for (to, items) in to.iter().zip(&found) {
            for item in items {
                if item.is_live(now)? {
                    messages.push((item.number("received")?, message(to, item)?));
                }
            }
        }
        messages.sort_by_key(|(received, _)| *received);
        Ok(messages.into_iter().map(|(_, message)| message).collect())
    }

    async fn discard(&self, session: &SessionId, messages: &[ClientMessage]) -> Result<(), StoreError> {
        let pk = keys::session(session);
        let keys = messages.iter().map(|message| Item::new(&*pk, keys::message(message)).key()).collect();
        self.delete_all(&self.state, keys).await
    }
}

fn message(to: &InboxKey, item: &Item) -> Result<ClientMessage, StoreError> {
    let body = Bytes::copy_from_slice(item.text("body")?.as_bytes());
    Ok(ClientMessage::new(to.clone(), item.text("name")?, body, item.time("expires")?))
}
