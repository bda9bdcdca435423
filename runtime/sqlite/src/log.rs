//! The event log. A transaction assigns a sequence number and writes the event, so it has no gaps.

use std::time::Duration;

use async_trait::async_trait;
use mcp_lambda_core::{
    error::StoreError,
    events::{
        Appended, Event, EventKey, EventLog, LoggedEvent, NewEvent, NewestEvents, NewestLimits, Scope,
        ScopeEnd,
    },
};
use rusqlite::{Error as SqliteError, OptionalExtension, Row, Transaction, params};

use crate::{
    columns::{self, json, millis, number, parsed, rows, time},
    store::{SqliteStore, check_size},
};

/// How long the id of a source is kept at least: longer than any source repeats a delivery.
const DEDUP_TTL: Duration = Duration::from_secs(24 * 60 * 60);
/// How long the head of a session or principal is kept after its last event: longer than events and streams live.
const HEAD_TTL: Duration = Duration::from_secs(31 * 24 * 60 * 60);
/// The number of events, and of ids of sources, of a scope that the log keeps.
const MOST_EVENTS: u64 = 10_000;
const MOST_SOURCE_IDS: u64 = 100_000;

fn logged(row: &Row<'_>) -> Result<LoggedEvent, SqliteError> {
    let event = parsed(row, "event", |json| serde_json::from_str(json).ok())?;
    Ok(LoggedEvent { seq: row.get("seq")?, event, at: time(row, "at")? })
}

fn head(transaction: &Transaction<'_>, scope: &str) -> Result<u64, SqliteError> {
    let head = transaction
        .prepare_cached("SELECT head FROM scopes WHERE scope = ?")?
        .query_row([scope], |row| row.get("head"))
        .optional()?;
    Ok(head.unwrap_or(0))
}

#[async_trait]
impl EventLog for SqliteStore {
    async fn append(&self, scope: &Scope, event: &NewEvent) -> Result<Appended, StoreError> {
        check_size(&json(&event.event)?)?;
        let (scope, event) = (scope.clone(), event.clone());
        let write = move |transaction: &Transaction<'_>, now| {
            let name = columns::scope(&scope);
            if let Some(source_id) = &event.source_id {
                let known = transaction
                    .prepare_cached(
                        "SELECT seq FROM source_ids WHERE scope = ? AND source_id = ? AND expires > ?",
                    )?
                    .query_row(params![name, source_id, millis(now)], |row| row.get("seq"))
                    .optional()?;
                if let Some(seq) = known {
                    return Ok(Appended::Already(seq));
                }
            }
            let head_expiry = (scope != Scope::Global).then(|| millis(event.expires_at.plus(HEAD_TTL)));
            let seq: u64 = transaction
                .prepare_cached(
                    "INSERT INTO scopes (scope, head, expires) VALUES (?, 1, ?)
                     ON CONFLICT (scope) DO UPDATE SET head = head + 1, expires = excluded.expires RETURNING head",
                )?
                .query_row(params![name, head_expiry], |row| row.get("head"))?;
            if let Some(source_id) = &event.source_id {
                let expires_at = event.expires_at.max(now.plus(DEDUP_TTL));
                transaction
                    .prepare_cached(
                        "INSERT OR REPLACE INTO source_ids (scope, source_id, seq, expires) VALUES (?, ?, ?, ?)",
                    )?
                    .execute(params![name, source_id, number(seq), millis(expires_at)])?;
            }
            let key = event.event.key().filter(|_| scope.has_event_keys());
            let mut stored = event.event.clone();
            if let (Event::Global { is_first, .. }, Some(key)) = (&mut stored, &key) {
                *is_first = !transaction
                    .prepare_cached(
                        "SELECT 1 FROM events WHERE scope = ? AND source = ? AND kind = ? AND expires > ?",
                    )?
                    .exists(params![name, key.source(), key.kind(), millis(now)])?;
            }
            transaction
                .prepare_cached(
                    "INSERT INTO events (scope, seq, event, source, kind, at, expires)
                     VALUES (?, ?, ?, ?, ?, ?, ?)",
                )?
                .execute(params![
                    name,
                    number(seq),
                    json(&stored)?,
                    key.as_ref().map(EventKey::source),
                    key.as_ref().map(EventKey::kind),
                    millis(event.at),
                    millis(event.expires_at),
                ])?;
            for (statement, most) in [
                ("DELETE FROM events WHERE scope = ? AND seq <= ?", MOST_EVENTS),
                ("DELETE FROM source_ids WHERE scope = ? AND seq <= ?", MOST_SOURCE_IDS),
            ] {
                // Once for many: each time all of a scope are looked at that have no index by this number.
                if seq > most && seq.is_multiple_of(most / 100) {
                    let oldest = number(seq - most);
                    transaction.prepare_cached(statement)?.execute(params![name, oldest])?;
                }
            }
            Ok(Appended::At(seq))
        };
        self.database.write(write).await
    }

    async fn heads(&self, scopes: &[Scope]) -> Result<Vec<u64>, StoreError> {
        let names: Vec<_> = scopes.iter().map(columns::scope).collect();
        let read = move |transaction: &Transaction<'_>, _| {
            let heads = names.iter().map(|name| head(transaction, name));
            Ok(heads.collect::<Result<_, _>>()?)
        };
        self.database.read(read).await
    }

    async fn ends(&self, scopes: &[Scope]) -> Result<Vec<ScopeEnd>, StoreError> {
        Ok(self.heads(scopes).await?.into_iter().map(|head| ScopeEnd { head, last_stable: head }).collect())
    }

    async fn read(&self, scope: &Scope, after: u64, limit: usize) -> Result<Vec<LoggedEvent>, StoreError> {
        let scope = columns::scope(scope);
        let read = move |transaction: &Transaction<'_>, now| {
            let mut statement = transaction.prepare_cached(
                "SELECT seq, event, at FROM events WHERE scope = ? AND seq > ? AND expires > ?
                 ORDER BY seq LIMIT ?",
            )?;
            let events =
                statement.query_map(params![scope, number(after), millis(now), rows(limit)], logged)?;
            Ok(events.collect::<Result<_, _>>()?)
        };
        self.database.read(read).await
    }

    async fn seal_gap(&self, scope: &Scope, after: u64) -> Result<u64, StoreError> {
        let scope = columns::scope(scope);
        let read = move |transaction: &Transaction<'_>, now| {
            let next = transaction
                .prepare_cached("SELECT min(seq) FROM events WHERE scope = ? AND seq > ? AND expires > ?")?
                .query_row(params![scope, number(after), millis(now)], |row| row.get::<_, Option<u64>>(0))?;
            let last = match next {
                Some(next) => next.saturating_sub(1),
                None => head(transaction, &scope)?,
            };
            Ok(last.max(after))
        };
        self.database.read(read).await
    }

    async fn event_keys(
        &self,
        scope: &Scope,
        after: Option<&EventKey>,
        limit: usize,
    ) -> Result<Vec<EventKey>, StoreError> {
        let (scope, after) = (columns::scope(scope), after.cloned());
        let read = move |transaction: &Transaction<'_>, now| {
            let after = after.as_ref().map_or(("", ""), |after| (after.source(), after.kind()));
            let mut statement = transaction.prepare_cached(
                "SELECT DISTINCT source, kind FROM events
                 WHERE scope = ? AND source IS NOT NULL AND (source, kind) > (?, ?) AND expires > ?
                 ORDER BY source, kind LIMIT ?",
            )?;
            let event_keys = statement
                .query_map(params![scope, after.0, after.1, millis(now), rows(limit)], |row| {
                    Ok(EventKey::new(&row.get::<_, String>("source")?, &row.get::<_, String>("kind")?))
                })?;
            Ok(event_keys.collect::<Result<_, _>>()?)
        };
        self.database.read(read).await
    }

    async fn newest(
        &self,
        scope: &Scope,
        key: &EventKey,
        limits: NewestLimits,
    ) -> Result<NewestEvents, StoreError> {
        let (scope, key) = (columns::scope(scope), key.clone());
        let read = move |transaction: &Transaction<'_>, now| {
            let mut statement = transaction.prepare_cached(
                "SELECT seq, event, at, length(CAST(event AS BLOB)) AS bytes FROM events
                 WHERE scope = ? AND source = ? AND kind = ? AND expires > ? ORDER BY seq DESC",
            )?;
            let events = statement
                .query_map(params![scope, key.source(), key.kind(), millis(now)], |row| {
                    Ok((logged(row)?, row.get::<_, usize>("bytes")?))
                })?;
            let mut newest = NewestEvents::default();
            for event in events {
                let (event, bytes) = event?;
                if !newest.push(&limits, event, bytes) {
                    break;
                }
            }
            Ok(newest)
        };
        self.database.read(read).await
    }
}
