//! Letters.

use async_trait::async_trait;
use bytes::Bytes;

use super::{
    DynamoStore, error,
    item::{Item, fits, key_text, number, text},
};
use mcp_lambda_core::{
    error::StoreError,
    session::{ClientMessage, InboxKey, InboxStore, SessionId},
    time::Timestamp,
};

fn session_key(session: &SessionId) -> String {
    format!("SESSION#{session}")
}

/// The length keeps an address apart from one that it begins.
fn address_prefix(to: &InboxKey) -> String {
    let key = to.key();
    format!("MAIL#{}#{}#", key.len(), key_text(&key))
}

fn mail_key(mail: &ClientMessage) -> String {
    format!("{}{}", address_prefix(&mail.to), key_text(&mail.name))
}

#[async_trait]
impl InboxStore for DynamoStore {
    async fn post(&self, session: &SessionId, mail: &ClientMessage) -> Result<(), StoreError> {
        let body = std::str::from_utf8(&mail.body)
            .map_err(|_| StoreError::Corrupt("a letter's body is not text".into()))?;
        fits(body)?;
        let item = Item::new(session_key(session), mail_key(mail))
            .with("name", text(&mail.name))
            .with("body", text(body))
            .with("posted", number(self.clock.now().0))
            .expiring(mail.expires_at);
        let put = self
            .client()
            .await?
            .put_item()
            .table_name(&*self.state)
            .set_item(Some(item.0))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await;
        match put {
            Ok(_) => Ok(()),
            // The same letter again.
            Err(error)
                if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) =>
            {
                Ok(())
            }
            Err(error) => Err(error::failed("PutItem", &self.state, &error)),
        }
    }

    async fn read(&self, session: &SessionId, to: &[InboxKey]) -> Result<Vec<ClientMessage>, StoreError> {
        // One query for all addresses: a session has few letters, a call has two addresses.
        let items = self.query(&self.state, &session_key(session), "MAIL#").await?;
        let now = self.clock.now();
        let mut letters = Vec::new();
        for item in items {
            let sk = item.text("sk")?;
            let Some(to) = to.iter().find(|to| sk.starts_with(&address_prefix(to))) else { continue };
            if item.lives(now)? {
                letters.push((item.number("posted")?, letter(to, &item)?));
            }
        }
        letters.sort_by_key(|(posted, _)| *posted);
        Ok(letters.into_iter().map(|(_, mail)| mail).collect())
    }

    async fn discard(&self, session: &SessionId, mail: &[ClientMessage]) -> Result<(), StoreError> {
        let keys = mail.iter().map(|mail| Item::new(session_key(session), mail_key(mail)).key()).collect();
        self.delete_all(&self.state, keys).await
    }
}

fn letter(to: &InboxKey, item: &Item) -> Result<ClientMessage, StoreError> {
    Ok(ClientMessage {
        to: to.clone(),
        name: item.text("name")?.to_owned(),
        body: Bytes::copy_from_slice(item.text("body")?.as_bytes()),
        expires_at: Timestamp(item.number("expires")?),
    })
}
