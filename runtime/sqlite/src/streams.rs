//! Replies that can be replayed.

use async_trait::async_trait;
use bytes::Bytes;
use mcp_lambda_core::{
    error::StoreError,
    stream::{Part, Replay, StoredFrame, StreamKey, StreamStore, StreamTerms},
    time::Timestamp,
};
use rusqlite::{Error as SqliteError, OptionalExtension, Transaction, params};

use crate::{
    columns::{json, millis, number, parsed_or_none, time},
    error::Failure,
    store::SqliteStore,
};

/// The row of a live stream.
fn row_of(
    transaction: &Transaction<'_>,
    key: &StreamKey,
    now: Timestamp,
) -> Result<Option<i64>, SqliteError> {
    transaction
        .prepare_cached("SELECT id FROM streams WHERE session = ? AND stream = ? AND expires > ?")?
        .query_row(params![key.session.as_str(), key.stream.as_str(), millis(now)], |row| row.get("id"))
        .optional()
}

/// Adds the messages of a part that are not stored. Nothing if a message before them is missing.
fn add(transaction: &Transaction<'_>, row: i64, part: &Part) -> Result<(), Failure> {
    let stored = transaction
        .prepare_cached("SELECT coalesce(max(seq), 0) FROM messages WHERE stream = ?")?
        .query_row([row], |row| row.get::<_, u64>(0))?;
    if part.first > stored + 1 {
        return Ok(());
    }
    let mut insert =
        transaction.prepare_cached("INSERT INTO messages (stream, seq, json) VALUES (?, ?, ?)")?;
    for (message, seq) in part.messages.iter().zip(part.first..).filter(|(_, seq)| *seq > stored) {
        insert.execute(params![row, number(seq), &**message])?;
    }
    if part.last {
        transaction.prepare_cached("UPDATE streams SET finished = 1 WHERE id = ?")?.execute([row])?;
    }
    Ok(())
}

#[async_trait]
impl StreamStore for SqliteStore {
    fn largest_part(&self) -> usize {
        usize::MAX
    }

    async fn open(&self, key: &StreamKey, terms: &StreamTerms, part: &Part) -> Result<(), StoreError> {
        let (key, terms, part) = (key.clone(), terms.clone(), part.clone());
        let write = move |transaction: &Transaction<'_>, now| {
            let row = match row_of(transaction, &key, now)? {
                Some(row) => row,
                None => transaction
                    .prepare_cached(
                        "INSERT OR REPLACE INTO streams (session, stream, request, written_by, expires, finished)
                         VALUES (?, ?, ?, ?, ?, 0) RETURNING id",
                    )?
                    .query_row(
                        params![
                            key.session.as_str(),
                            key.stream.as_str(),
                            terms.request.as_ref().map(json).transpose()?,
                            millis(terms.written_by),
                            millis(terms.expires_at),
                        ],
                        |row| row.get("id"),
                    )?,
            };
            add(transaction, row, &part)
        };
        self.database.write(write).await
    }

    async fn append(&self, key: &StreamKey, _: &StreamTerms, part: &Part) -> Result<(), StoreError> {
        let (key, part) = (key.clone(), part.clone());
        let write = move |transaction: &Transaction<'_>, now| {
            let row = row_of(transaction, &key, now)?.ok_or(StoreError::NotFound)?;
            add(transaction, row, &part)
        };
        self.database.write(write).await
    }

    async fn read(&self, key: &StreamKey, after: u64) -> Result<Replay, StoreError> {
        let key = key.clone();
        let read = move |transaction: &Transaction<'_>, now| {
            let stream = transaction
                .prepare_cached(
                    "SELECT id, request, written_by, finished FROM streams
                     WHERE session = ? AND stream = ? AND expires > ?",
                )?
                .query_row(params![key.session.as_str(), key.stream.as_str(), millis(now)], |row| {
                    let request = parsed_or_none(row, "request", |id| serde_json::from_str(id).ok())?;
                    let (written_by, finished) = (time(row, "written_by")?, row.get::<_, bool>("finished")?);
                    Ok((row.get::<_, i64>("id")?, request, written_by, finished))
                })
                .optional()?;
            let Some((row, request, written_by, finished)) = stream else { return Ok(Replay::Unknown) };
            let mut statement = transaction
                .prepare_cached("SELECT seq, json FROM messages WHERE stream = ? AND seq > ? ORDER BY seq")?;
            let frames = statement.query_map(params![row, number(after)], |row| {
                Ok(StoredFrame { seq: row.get("seq")?, json: Bytes::from(row.get::<_, Vec<u8>>("json")?) })
            })?;
            let frames = frames.collect::<Result<_, _>>()?;
            Ok(match finished {
                true => Replay::Finished(frames),
                false if written_by <= now => Replay::Broken { frames, request },
                false => Replay::Open(frames),
            })
        };
        self.database.read(read).await
    }
}
