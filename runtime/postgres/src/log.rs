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
use tokio_postgres::Row;

use crate::{
    columns::{self, Text, count, get, json, key, millis, number, params, parsed, rows, text, time},
    database::Statements,
    error::Failure,
    listener::{CHANNEL, Written},
    store::{PostgresStore, check_size},
};

/// How long the id of a source is kept at least: longer than any source repeats a delivery.
const DEDUP_TTL: Duration = Duration::from_secs(24 * 60 * 60);
/// How long the head of a session or principal is kept after its last event: longer than events and streams live.
const HEAD_TTL: Duration = Duration::from_secs(31 * 24 * 60 * 60);
/// The number of events, and of ids of sources, of a scope that the log keeps.
const MOST_EVENTS: u64 = 10_000;
const MOST_SOURCE_IDS: u64 = 100_000;
/// Events of a key that one statement reads.
const PAGE: i64 = 100;

fn logged(row: &Row) -> Result<LoggedEvent, Failure> {
    let event = parsed(row, "event", |json| serde_json::from_str(json).ok())?;
    Ok(LoggedEvent { seq: count(row, "seq")?, event, at: time(row, "at")? })
}

impl PostgresStore {
    async fn append_event(&self, of: &Scope, event: &NewEvent) -> Result<Appended, Failure> {
        let (now, scope) = (self.database.now(), columns::scope(of));
        let head_expiry = (*of != Scope::Global).then(|| millis(event.expires_at.plus(HEAD_TTL)));
        let mut connection = self.database.connection().await?;
        let transaction = connection.begin().await?;
        // The row of the scope is kept from other writers until the transaction ends.
        let statement = "
            INSERT INTO mcp_scopes (scope, head, expires) VALUES ($1, 1, $2)
            ON CONFLICT (scope) DO UPDATE SET head = mcp_scopes.head + 1, expires = excluded.expires
            RETURNING head";
        let head = transaction.row(statement, params![Text(&scope), head_expiry]).await?;
        let seq = head.map_or(Ok(0), |row| count(&row, "head"))?;
        if let Some(source_id) = &event.source_id {
            let source_id = key(source_id);
            let statement = "
                INSERT INTO mcp_source_ids (scope, source_id, seq, expires) VALUES ($1, $2, $3, $4)
                ON CONFLICT (scope, source_id) DO UPDATE SET seq = excluded.seq, expires = excluded.expires
                WHERE mcp_source_ids.expires <= $5";
            let expires_at = millis(event.expires_at.max(now.plus(DEDUP_TTL)));
            let values = params![Text(&scope), Text(&source_id), number(seq), expires_at, millis(now)];
            if transaction.changed(statement, values).await? == 0 {
                let statement = "SELECT seq FROM mcp_source_ids WHERE scope = $1 AND source_id = $2";
                let known = transaction.row(statement, params![Text(&scope), Text(&source_id)]).await?;
                let known = known.map(|row| count(&row, "seq")).transpose()?.ok_or(StoreError::Conflict)?;
                transaction.undo().await?;
                return Ok(Appended::Already(known));
            }
        }
        let event_key = event.event.key().filter(|_| of.has_event_keys());
        let mut stored = event.event.clone();
        if let (Event::Global { is_first, .. }, Some(key)) = (&mut stored, &event_key) {
            let statement = "
                SELECT 1 FROM mcp_events WHERE scope = $1 AND source = $2 AND kind = $3 AND expires > $4 LIMIT 1";
            let values = params![Text(&scope), Text(key.source()), Text(key.kind()), millis(now)];
            *is_first = transaction.row(statement, values).await?.is_none();
        }
        let statement = format!(
            "WITH event AS (
                INSERT INTO mcp_events (scope, seq, event, source, kind, at, expires)
                VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING 1
             )
             SELECT pg_notify({CHANNEL}, $8) FROM event"
        );
        let values = params![
            Text(&scope),
            number(seq),
            Text(&json(&stored)?),
            event_key.as_ref().map(|key| Text(key.source())),
            event_key.as_ref().map(|key| Text(key.kind())),
            millis(event.at),
            millis(event.expires_at),
            Text(&Written::Event.payload(&self.database)),
        ];
        transaction.rows(&statement, values).await?;
        for (statement, most) in [
            ("DELETE FROM mcp_events WHERE scope = $1 AND seq <= $2", MOST_EVENTS),
            ("DELETE FROM mcp_source_ids WHERE scope = $1 AND seq <= $2", MOST_SOURCE_IDS),
        ] {
            // Once for many: each time all of a scope are looked at that have no index by this number.
            if seq > most && seq.is_multiple_of(most / 100) {
                transaction.changed(statement, params![Text(&scope), number(seq - most)]).await?;
            }
        }
        transaction.commit().await?;
        Ok(Appended::At(seq))
    }
}

#[async_trait]
impl EventLog for PostgresStore {
    async fn append(&self, scope: &Scope, event: &NewEvent) -> Result<Appended, StoreError> {
        check_size(&json(&event.event)?)?;
        self.database.write(|| self.append_event(scope, event)).await
    }

    async fn heads(&self, scopes: &[Scope]) -> Result<Vec<u64>, StoreError> {
        let names: Vec<_> = scopes.iter().map(columns::scope).collect();
        self.database
            .read(|| async {
                let connection = self.database.connection().await?;
                let wanted: Vec<_> = names.iter().map(|name| Text(name)).collect();
                let statement = "SELECT scope, head FROM mcp_scopes WHERE scope = ANY($1)";
                let found = connection.rows(statement, params![wanted]).await?;
                let heads = found.iter().map(|row| Ok((text(row, "scope")?, count(row, "head")?)));
                let heads = heads.collect::<Result<std::collections::HashMap<_, _>, Failure>>()?;
                Ok(names.iter().map(|name| heads.get(name).copied().unwrap_or(0)).collect())
            })
            .await
    }

    async fn ends(&self, scopes: &[Scope]) -> Result<Vec<ScopeEnd>, StoreError> {
        Ok(self.heads(scopes).await?.into_iter().map(|head| ScopeEnd { head, last_stable: head }).collect())
    }

    async fn read(&self, scope: &Scope, after: u64, limit: usize) -> Result<Vec<LoggedEvent>, StoreError> {
        let scope = columns::scope(scope);
        self.database
            .read(|| async {
                let connection = self.database.connection().await?;
                let statement = "
                    SELECT seq, event, at FROM mcp_events WHERE scope = $1 AND seq > $2 AND expires > $3
                    ORDER BY seq LIMIT $4";
                let now = millis(self.database.now());
                let values = params![Text(&scope), number(after), now, rows(limit)];
                connection.rows(statement, values).await?.iter().map(logged).collect()
            })
            .await
    }

    async fn seal_gap(&self, scope: &Scope, after: u64) -> Result<u64, StoreError> {
        let scope = columns::scope(scope);
        self.database
            .read(|| async {
                let connection = self.database.connection().await?;
                let statement = "
                    SELECT coalesce(
                        (SELECT min(seq) - 1 FROM mcp_events WHERE scope = $1 AND seq > $2 AND expires > $3),
                        (SELECT head FROM mcp_scopes WHERE scope = $1),
                        0
                    ) AS last";
                let values = params![Text(&scope), number(after), millis(self.database.now())];
                let last = connection.row(statement, values).await?;
                Ok(last.map_or(Ok(0), |row| count(&row, "last"))?.max(after))
            })
            .await
    }

    async fn event_keys(
        &self,
        scope: &Scope,
        after: Option<&EventKey>,
        limit: usize,
    ) -> Result<Vec<EventKey>, StoreError> {
        let (scope, after) =
            (columns::scope(scope), after.map_or(("", ""), |key| (key.source(), key.kind())));
        self.database
            .read(|| async {
                let connection = self.database.connection().await?;
                let statement = "
                    SELECT DISTINCT source, kind FROM mcp_events
                    WHERE scope = $1 AND source IS NOT NULL AND (source, kind) > ($2, $3) AND expires > $4
                    ORDER BY source, kind LIMIT $5";
                let now = millis(self.database.now());
                let values = params![Text(&scope), Text(after.0), Text(after.1), now, rows(limit)];
                let found = connection.rows(statement, values).await?;
                found
                    .iter()
                    .map(|row| Ok(EventKey::new(&text(row, "source")?, &text(row, "kind")?)))
                    .collect()
            })
            .await
    }

    async fn newest(
        &self,
        scope: &Scope,
        key: &EventKey,
        limits: NewestLimits,
    ) -> Result<NewestEvents, StoreError> {
        let scope = columns::scope(scope);
        self.database
            .read(|| async {
                let connection = self.database.connection().await?;
                let statement = "
                    SELECT seq, event, at, octet_length(event)::BIGINT AS bytes FROM mcp_events
                    WHERE scope = $1 AND source = $2 AND kind = $3 AND expires > $4 AND seq < $5
                    ORDER BY seq DESC LIMIT $6";
                let (mut newest, mut before) = (NewestEvents::default(), i64::MAX);
                loop {
                    let now = millis(self.database.now());
                    let values =
                        params![Text(&scope), Text(key.source()), Text(key.kind()), now, before, PAGE];
                    let page = connection.rows(statement, values).await?;
                    for row in &page {
                        before = get(row, "seq")?;
                        let bytes = usize::try_from(count(row, "bytes")?).unwrap_or(usize::MAX);
                        if !newest.push(&limits, logged(row)?, bytes) {
                            return Ok(newest);
                        }
                    }
                    if page.len() < PAGE.unsigned_abs() as usize {
                        return Ok(newest);
                    }
                }
            })
            .await
    }
}
