//! Sessions and their resource subscriptions.

// SEP-2577 deprecates logging, sampling and roots; clients of the session era use them until they are gone.
#![allow(deprecated)]

use std::sync::Arc;

use async_trait::async_trait;
use mcp_lambda_core::{
    auth::Principal,
    error::StoreError,
    protocol::SessionVersion,
    session::{SessionClient, SessionId, SessionRecord, SessionStore},
    stream::{LogCursor, StreamId},
    time::Timestamp,
};
use rmcp::model::LoggingLevel;
use rusqlite::{Error as SqliteError, OptionalExtension, Row, Transaction, named_params, params};

use crate::{
    columns::{json, millis, parsed, parsed_or_none, rows, session_scope, time},
    error::Failure,
    store::SqliteStore,
};

fn record(row: &Row<'_>) -> Result<SessionRecord, SqliteError> {
    let mut record = SessionRecord::new(
        parsed(row, "id", |id| id.parse().ok())?,
        parsed(row, "owner", |owner| Some(Principal::from_key(owner)))?,
        parsed(row, "version", SessionVersion::parse)?,
        parsed(row, "client", SessionClient::from_json)?,
        time(row, "created")?,
        time(row, "expires")?,
    );
    record.log_level = parsed_or_none(row, "log_level", |level| serde_json::from_str(level).ok())?;
    record.listener = parsed_or_none(row, "listener", |listener| listener.parse().ok())?;
    record.heard_from = parsed_or_none(row, "heard_from", |cursor| cursor.parse().ok())?;
    Ok(record)
}

/// A live session.
fn live(
    transaction: &Transaction<'_>,
    id: &str,
    now: Timestamp,
) -> Result<Option<SessionRecord>, SqliteError> {
    transaction
        .prepare_cached("SELECT * FROM sessions WHERE id = ? AND expires > ?")?
        .query_row(params![id, millis(now)], record)
        .optional()
}

/// Whether a session is live.
pub(crate) fn is_live(transaction: &Transaction<'_>, id: &str, now: Timestamp) -> Result<bool, SqliteError> {
    transaction
        .prepare_cached("SELECT 1 FROM sessions WHERE id = ? AND expires > ?")?
        .exists(params![id, millis(now)])
}

/// Refuses what needs a session that is not live.
pub(crate) fn check_live(transaction: &Transaction<'_>, id: &str, now: Timestamp) -> Result<(), Failure> {
    if is_live(transaction, id, now)? { Ok(()) } else { Err(StoreError::NotFound.into()) }
}

/// Removes a session and all that belongs to it.
pub(crate) fn end(transaction: &Transaction<'_>, id: &str) -> Result<(), SqliteError> {
    let scope = session_scope(id);
    for (statement, key) in [
        ("DELETE FROM sessions WHERE id = ?", id),
        ("DELETE FROM subscriptions WHERE session = ?", id),
        ("DELETE FROM inbox WHERE session = ?", id),
        ("DELETE FROM streams WHERE session = ?", id),
        ("DELETE FROM state WHERE scope = ?", &scope),
        ("DELETE FROM events WHERE scope = ?", &scope),
        ("DELETE FROM source_ids WHERE scope = ?", &scope),
        ("DELETE FROM scopes WHERE scope = ?", &scope),
    ] {
        transaction.prepare_cached(statement)?.execute([key])?;
    }
    Ok(())
}

/// Ends the sessions of a principal that expire first, until it has no more than the limit.
fn make_room_for(transaction: &Transaction<'_>, owner: &str, limit: usize) -> Result<(), SqliteError> {
    let mut oldest = transaction.prepare_cached(
        "SELECT id FROM sessions WHERE owner = ? ORDER BY expires DESC, created DESC, id LIMIT -1 OFFSET ?",
    )?;
    let ids: Result<Vec<String>, _> =
        oldest.query_map(params![owner, rows(limit)], |row| row.get("id"))?.collect();
    ids?.iter().try_for_each(|id| end(transaction, id))
}

#[async_trait]
impl SessionStore for SqliteStore {
    async fn create(&self, session: &SessionRecord) -> Result<(), StoreError> {
        let (session, limit) = (session.clone(), self.database.limits().sessions_per_principal);
        let write = move |transaction: &Transaction<'_>, now| {
            let id = session.id.as_str();
            if is_live(transaction, id, now)? {
                return Err(StoreError::Conflict.into());
            }
            end(transaction, id)?;
            // Before the new one is there: it may be the one that expires first.
            make_room_for(transaction, session.owner.key(), limit.saturating_sub(1))?;
            transaction
                .prepare_cached(
                    "INSERT INTO sessions (id, owner, version, client, log_level, listener, heard_from, created, expires)
                     VALUES (:id, :owner, :version, :client, :log_level, :listener, :heard_from, :created, :expires)",
                )?
                .execute(named_params! {
                    ":id": id,
                    ":owner": session.owner.key(),
                    ":version": session.version.as_str(),
                    ":client": session.client.to_json(),
                    ":log_level": session.log_level.as_ref().map(json).transpose()?,
                    ":listener": session.listener.as_ref().map(StreamId::as_str),
                    ":heard_from": session.heard_from.as_ref().map(LogCursor::to_string),
                    ":created": millis(session.created_at),
                    ":expires": millis(session.expires_at),
                })?;
            Ok(())
        };
        self.database.write(write).await
    }

    async fn load(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        let id = id.clone();
        self.database.read(move |transaction, now| Ok(live(transaction, id.as_str(), now)?)).await
    }

    async fn set_log_level(&self, id: &SessionId, level: LoggingLevel) -> Result<(), StoreError> {
        let id = id.clone();
        let write = move |transaction: &Transaction<'_>, now| {
            check_live(transaction, id.as_str(), now)?;
            transaction
                .prepare_cached("UPDATE sessions SET log_level = ? WHERE id = ?")?
                .execute(params![json(&level)?, id.as_str()])?;
            Ok(())
        };
        self.database.write(write).await
    }

    async fn claim(
        &self,
        id: &SessionId,
        owner: &Principal,
        listener: &StreamId,
        heard_from: Option<&LogCursor>,
    ) -> Result<Option<SessionRecord>, StoreError> {
        let (id, owner, listener) = (id.clone(), owner.clone(), listener.clone());
        let heard_from = heard_from.map(LogCursor::to_string);
        let write = move |transaction: &Transaction<'_>, now| {
            transaction
                .prepare_cached(
                    "UPDATE sessions SET listener = ?, heard_from = coalesce(heard_from, ?)
                     WHERE id = ? AND owner = ? AND expires > ? RETURNING *",
                )?
                .query_row(
                    params![listener.as_str(), heard_from, id.as_str(), owner.key(), millis(now)],
                    record,
                )
                .optional()
                .map_err(Failure::from)
        };
        self.database.write(write).await
    }

    async fn pass_on(
        &self,
        id: &SessionId,
        expected: Option<&StreamId>,
        next: Option<&StreamId>,
    ) -> Result<bool, StoreError> {
        let (id, expected, next) = (id.clone(), expected.cloned(), next.cloned());
        let write = move |transaction: &Transaction<'_>, now| {
            let (expected, next) =
                (expected.as_ref().map(StreamId::as_str), next.as_ref().map(StreamId::as_str));
            let changed = transaction
                .prepare_cached(
                    "UPDATE sessions SET listener = ? WHERE id = ? AND listener IS ? AND expires > ?",
                )?
                .execute(params![next, id.as_str(), expected, millis(now)])?;
            Ok(changed == 1)
        };
        self.database.write(write).await
    }

    async fn touch(&self, id: &SessionId, expires_at: Timestamp) -> Result<(), StoreError> {
        let id = id.clone();
        let write = move |transaction: &Transaction<'_>, now| {
            check_live(transaction, id.as_str(), now)?;
            transaction
                .prepare_cached("UPDATE sessions SET expires = ? WHERE id = ?")?
                .execute(params![millis(expires_at), id.as_str()])?;
            Ok(())
        };
        self.database.write(write).await
    }

    async fn end(&self, id: &SessionId) -> Result<(), StoreError> {
        let id = id.clone();
        self.database.write(move |transaction, _| Ok(end(transaction, id.as_str())?)).await
    }

    async fn list(&self, owner: &Principal, limit: usize) -> Result<Vec<SessionRecord>, StoreError> {
        let owner = owner.clone();
        let read = move |transaction: &Transaction<'_>, now| {
            let mut statement = transaction.prepare_cached(
                "SELECT * FROM sessions WHERE owner = ? AND expires > ? ORDER BY created DESC, id LIMIT ?",
            )?;
            let records = statement.query_map(params![owner.key(), millis(now), rows(limit)], record)?;
            Ok(records.collect::<Result<_, _>>()?)
        };
        self.database.read(read).await
    }

    async fn subscribe(&self, id: &SessionId, uri: &str, limit: usize) -> Result<(), StoreError> {
        let (id, uri): (_, Arc<str>) = (id.clone(), uri.into());
        let write = move |transaction: &Transaction<'_>, now| {
            let id = id.as_str();
            check_live(transaction, id, now)?;
            let others = transaction
                .prepare_cached("SELECT count(*) FROM subscriptions WHERE session = ? AND uri <> ?")?
                .query_row(params![id, uri], |row| row.get::<_, usize>(0))?;
            if others >= limit {
                return Err(StoreError::Full { what: "subscriptions of a session", limit }.into());
            }
            transaction
                .prepare_cached("INSERT OR IGNORE INTO subscriptions (session, uri) VALUES (?, ?)")?
                .execute(params![id, uri])?;
            Ok(())
        };
        self.database.write(write).await
    }

    async fn unsubscribe(&self, id: &SessionId, uri: &str) -> Result<(), StoreError> {
        let (id, uri): (_, Arc<str>) = (id.clone(), uri.into());
        let write = move |transaction: &Transaction<'_>, now| {
            check_live(transaction, id.as_str(), now)?;
            transaction
                .prepare_cached("DELETE FROM subscriptions WHERE session = ? AND uri = ?")?
                .execute(params![id.as_str(), uri])?;
            Ok(())
        };
        self.database.write(write).await
    }

    async fn subscriptions(&self, id: &SessionId) -> Result<Vec<String>, StoreError> {
        let id = id.clone();
        let read = move |transaction: &Transaction<'_>, now| {
            check_live(transaction, id.as_str(), now)?;
            let mut statement =
                transaction.prepare_cached("SELECT uri FROM subscriptions WHERE session = ? ORDER BY uri")?;
            let uris = statement.query_map([id.as_str()], |row| row.get("uri"))?;
            Ok(uris.collect::<Result<_, _>>()?)
        };
        self.database.read(read).await
    }
}
