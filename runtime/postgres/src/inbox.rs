//! Client messages, in the order in which they were put.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use mcp_lambda_core::{
    error::StoreError,
    session::{ClientMessage, InboxKey, InboxStore, SessionId},
};

use crate::{
    columns::{Text, get, key, millis, params, rows, text, time},
    database::Statements,
    error::Failure,
    listener::{CHANNEL, Written},
    room::count_up,
    store::PostgresStore,
};

/// Most messages that one session keeps, and their total size in bytes. A client that sends more pushes its oldest out.
const MAX_MESSAGES: usize = 1_000;
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// How long a message of a session that has ended is kept: the calls that it stops poll every two seconds.
const KEPT_AFTER_END: Duration = Duration::from_secs(20);

/// Removes the messages before the newest ones that fit. The newest one stays, whatever its size.
const REMOVE_OLDEST: &str = "
    DELETE FROM mcp_inbox WHERE session = $1 AND position IN (
        SELECT position FROM (
            SELECT position, row_number() OVER newest AS count, sum(length(body)) OVER newest AS bytes
            FROM mcp_inbox WHERE session = $1 WINDOW newest AS (ORDER BY position DESC)
        ) AS message WHERE count > $2 OR (bytes > $3 AND count > 1)
    )";

impl PostgresStore {
    async fn put_message(&self, session: &str, message: &ClientMessage) -> Result<(), Failure> {
        let now = self.database.now();
        let (recipient, name) = (key(&message.to.key()), key(&message.name));
        let mut connection = self.database.connection().await?;
        let transaction = connection.begin().await?;
        let statement = "SELECT 1 FROM mcp_sessions WHERE id = $1 AND expires > $2 FOR UPDATE";
        let is_live = transaction.row(statement, params![Text(session), millis(now)]).await?.is_some();
        let expires_at = match is_live {
            true => message.expires_at,
            false => message.expires_at.min(now.plus(KEPT_AFTER_END)),
        };
        let position = count_up(&transaction, &format!("inbox:{session}"), now).await?;
        let statement = "
            INSERT INTO mcp_inbox (session, recipient, name_key, name, position, body, expires)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (session, recipient, name_key) DO UPDATE
                SET position = excluded.position, body = excluded.body, expires = excluded.expires
                WHERE mcp_inbox.expires <= $8";
        let body = &*message.body;
        let values = params![
            Text(session),
            Text(&recipient),
            Text(&name),
            Text(&message.name),
            position,
            body,
            millis(expires_at),
            millis(now),
        ];
        if transaction.changed(statement, values).await? == 1 {
            let statement = format!("SELECT pg_notify({CHANNEL}, $1)");
            let payload = Written::Message(session).payload(&self.database);
            transaction.rows(&statement, params![Text(&payload)]).await?;
        }
        // Sizes are looked at for messages that are not small; small ones reach the count first.
        if body.len() > MAX_BYTES / MAX_MESSAGES || position > rows(MAX_MESSAGES) {
            let values = params![Text(session), rows(MAX_MESSAGES), rows(MAX_BYTES)];
            transaction.changed(REMOVE_OLDEST, values).await?;
        }
        transaction.commit().await
    }
}

#[async_trait]
impl InboxStore for PostgresStore {
    async fn put(&self, session: &SessionId, message: &ClientMessage) -> Result<(), StoreError> {
        self.database.write(|| self.put_message(session.as_str(), message)).await
    }

    async fn read(&self, session: &SessionId, to: &[InboxKey]) -> Result<Vec<ClientMessage>, StoreError> {
        let keys: Vec<_> = to.iter().map(|to| key(&to.key())).collect();
        self.database
            .read(|| async {
                let recipients: Vec<_> = keys.iter().map(|key| Text(key)).collect();
                let connection = self.database.connection().await?;
                let statement = "
                    SELECT recipient, name, body, expires FROM mcp_inbox
                    WHERE session = $1 AND recipient = ANY($2) AND expires > $3 ORDER BY position";
                let values = params![Text(session.as_str()), recipients, millis(self.database.now())];
                let mut messages = Vec::new();
                for row in connection.rows(statement, values).await? {
                    let recipient = text(&row, "recipient")?;
                    let Some(index) = keys.iter().position(|key| *key == recipient) else { continue };
                    let body = Bytes::from(get::<Vec<u8>>(&row, "body")?);
                    messages.push(ClientMessage::new(
                        to[index].clone(),
                        text(&row, "name")?,
                        body,
                        time(&row, "expires")?,
                    ));
                }
                Ok(messages)
            })
            .await
    }

    async fn discard(&self, session: &SessionId, messages: &[ClientMessage]) -> Result<(), StoreError> {
        let keys: Vec<_> =
            messages.iter().map(|message| (key(&message.to.key()), key(&message.name))).collect();
        self.database
            .write(|| async {
                let recipients: Vec<_> = keys.iter().map(|(recipient, _)| Text(recipient)).collect();
                let names: Vec<_> = keys.iter().map(|(_, name)| Text(name)).collect();
                let connection = self.database.connection().await?;
                let statement = "
                    DELETE FROM mcp_inbox WHERE session = $1 AND (recipient, name_key) IN
                        (SELECT recipient, name_key FROM unnest($2, $3) AS message (recipient, name_key))";
                let values = params![Text(session.as_str()), recipients, names];
                connection.changed(statement, values).await.map(drop)
            })
            .await
    }
}
