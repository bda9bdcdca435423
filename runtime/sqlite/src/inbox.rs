//! Client messages, in the order in which they were put.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use mcp_lambda_core::{
    error::StoreError,
    session::{ClientMessage, InboxKey, InboxStore, SessionId},
};
use rusqlite::{Transaction, params};

use crate::{
    columns::{millis, rows, time},
    sessions::is_live,
    store::SqliteStore,
};

/// Most messages that one session keeps, and their total size in bytes. A client that sends more pushes its oldest out.
const MAX_MESSAGES: usize = 1_000;
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// How long a message of a session that has ended is kept: the calls that it stops poll every two seconds.
const KEPT_AFTER_END: Duration = Duration::from_secs(20);

/// Removes the messages before the newest ones that fit. The newest one stays, whatever its size.
fn remove_oldest(transaction: &Transaction<'_>, session: &str) -> rusqlite::Result<usize> {
    transaction
        .prepare_cached(
            "DELETE FROM inbox WHERE position IN (
                 SELECT position FROM (
                     SELECT position, row_number() OVER newest AS count, sum(length(body)) OVER newest AS bytes
                     FROM inbox WHERE session = ?
                     WINDOW newest AS (ORDER BY position DESC)
                 ) WHERE count > ? OR (bytes > ? AND count > 1)
             )",
        )?
        .execute(params![session, rows(MAX_MESSAGES), rows(MAX_BYTES)])
}

#[async_trait]
impl InboxStore for SqliteStore {
    async fn put(&self, session: &SessionId, message: &ClientMessage) -> Result<(), StoreError> {
        let (session, message) = (session.clone(), message.clone());
        let write = move |transaction: &Transaction<'_>, now| {
            let (id, recipient, name) = (session.as_str(), message.to.key(), &message.name);
            let expires_at = match is_live(transaction, id, now)? {
                true => message.expires_at,
                false => message.expires_at.min(now.plus(KEPT_AFTER_END)),
            };
            transaction
                .prepare_cached(
                    "DELETE FROM inbox WHERE session = ? AND recipient = ? AND name = ? AND expires <= ?",
                )?
                .execute(params![id, recipient, name, millis(now)])?;
            transaction
                .prepare_cached(
                    "INSERT OR IGNORE INTO inbox (session, recipient, name, body, expires)
                     VALUES (?, ?, ?, ?, ?)",
                )?
                .execute(params![id, recipient, name, &*message.body, millis(expires_at)])?;
            let (count, bytes) = transaction
                .prepare_cached(
                    "SELECT count(*), coalesce(sum(length(body)), 0) FROM inbox WHERE session = ?",
                )?
                .query_row([id], |row| Ok((row.get::<_, usize>(0)?, row.get::<_, usize>(1)?)))?;
            if count > MAX_MESSAGES || (bytes > MAX_BYTES && count > 1) {
                remove_oldest(transaction, id)?;
            }
            Ok(())
        };
        self.database.write(write).await
    }

    async fn read(&self, session: &SessionId, to: &[InboxKey]) -> Result<Vec<ClientMessage>, StoreError> {
        let (session, to) = (session.clone(), to.to_vec());
        let read = move |transaction: &Transaction<'_>, now| {
            let mut statement = transaction.prepare_cached(
                "SELECT position, name, body, expires FROM inbox
                 WHERE session = ? AND recipient = ? AND expires > ?",
            )?;
            let mut messages = Vec::new();
            for key in &to {
                let found =
                    statement.query_map(params![session.as_str(), key.key(), millis(now)], |row| {
                        let body = Bytes::from(row.get::<_, Vec<u8>>("body")?);
                        let name: String = row.get("name")?;
                        let message = ClientMessage::new(key.clone(), name, body, time(row, "expires")?);
                        Ok((row.get::<_, i64>("position")?, message))
                    })?;
                for found in found {
                    messages.push(found?);
                }
            }
            messages.sort_by_key(|(position, _)| *position);
            Ok(messages.into_iter().map(|(_, message)| message).collect())
        };
        self.database.read(read).await
    }

    async fn discard(&self, session: &SessionId, messages: &[ClientMessage]) -> Result<(), StoreError> {
        let session = session.clone();
        let names: Vec<_> = messages.iter().map(|message| (message.to.key(), message.name.clone())).collect();
        let write = move |transaction: &Transaction<'_>, _| {
            let mut statement = transaction
                .prepare_cached("DELETE FROM inbox WHERE session = ? AND recipient = ? AND name = ?")?;
            for (recipient, name) in &names {
                statement.execute(params![session.as_str(), recipient, name])?;
            }
            Ok(())
        };
        self.database.write(write).await
    }
}
