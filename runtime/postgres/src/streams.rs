//! Replies that can be replayed.

use async_trait::async_trait;
use bytes::Bytes;
use mcp_lambda_core::{
    error::StoreError,
    stream::{Part, Replay, StoredFrame, StreamKey, StreamStore, StreamTerms},
    time::Timestamp,
};

use crate::{
    columns::{Text, count, get, json, millis, number, params, parsed_or_none, time},
    database::Statements,
    error::Failure,
    store::PostgresStore,
};

/// Adds the messages of a part that are not stored, to a live stream. Nothing if a message before them is missing.
const ADD: &str = "
    WITH stream AS (
        SELECT 1 FROM mcp_streams WHERE session = $1 AND stream = $2 AND expires > $3 FOR UPDATE
    ), stored AS (
        SELECT coalesce(max(seq), 0) AS last FROM mcp_messages WHERE session = $1 AND stream = $2
    ), added AS (
        INSERT INTO mcp_messages (session, stream, seq, json)
        SELECT $1, $2, part.seq, part.json FROM unnest($4, $5) AS part (seq, json), stored, stream
        WHERE part.seq > stored.last AND $6 <= stored.last + 1
    ), ended AS (
        UPDATE mcp_streams SET finished = TRUE FROM stored, stream
        WHERE mcp_streams.session = $1 AND mcp_streams.stream = $2 AND $7 AND $6 <= stored.last + 1
    )
    SELECT 1 FROM stream";

/// Adds the messages of a part. `false`: there is no such stream.
async fn add(on: &impl Statements, key: &StreamKey, part: &Part, now: Timestamp) -> Result<bool, Failure> {
    let seqs: Vec<_> = (part.first..).take(part.messages.len()).map(number).collect();
    let messages: Vec<&[u8]> = part.messages.iter().map(|message| &**message).collect();
    let values = params![
        Text(key.session.as_str()),
        Text(key.stream.as_str()),
        millis(now),
        seqs,
        messages,
        number(part.first),
        part.last,
    ];
    Ok(on.row(ADD, values).await?.is_some())
}

impl PostgresStore {
    async fn open_stream(&self, key: &StreamKey, terms: &StreamTerms, part: &Part) -> Result<(), Failure> {
        let now = self.database.now();
        let request = terms.request.as_ref().map(json).transpose()?;
        let mut connection = self.database.connection().await?;
        let transaction = connection.begin().await?;
        // What an expired stream of this id has left.
        let statement = "
            DELETE FROM mcp_messages WHERE session = $1 AND stream = $2 AND EXISTS
                (SELECT 1 FROM mcp_streams WHERE session = $1 AND stream = $2 AND expires <= $3)";
        let insert = "
            INSERT INTO mcp_streams (session, stream, request, written_by, expires, finished)
            VALUES ($1, $2, $3, $4, $5, FALSE)
            ON CONFLICT (session, stream) DO UPDATE
                SET request = excluded.request, written_by = excluded.written_by, expires = excluded.expires,
                    finished = FALSE
                WHERE mcp_streams.expires <= $6";
        let (session, stream) = (Text(key.session.as_str()), Text(key.stream.as_str()));
        transaction.changed(statement, params![session, stream, millis(now)]).await?;
        let values = params![
            session,
            stream,
            request.as_deref().map(Text),
            millis(terms.written_by),
            millis(terms.expires_at),
            millis(now),
        ];
        transaction.changed(insert, values).await?;
        add(&transaction, key, part, now).await?;
        transaction.commit().await
    }
}

#[async_trait]
impl StreamStore for PostgresStore {
    fn largest_part(&self) -> usize {
        usize::MAX
    }

    async fn open(&self, key: &StreamKey, terms: &StreamTerms, part: &Part) -> Result<(), StoreError> {
        self.database.write(|| self.open_stream(key, terms, part)).await
    }

    async fn append(&self, key: &StreamKey, _: &StreamTerms, part: &Part) -> Result<(), StoreError> {
        self.database
            .write(|| async {
                let connection = self.database.connection().await?;
                match add(&connection, key, part, self.database.now()).await? {
                    true => Ok(()),
                    false => Err(StoreError::NotFound.into()),
                }
            })
            .await
    }

    async fn read(&self, key: &StreamKey, after: u64) -> Result<Replay, StoreError> {
        self.database
            .read(|| async {
                let now = self.database.now();
                let connection = self.database.connection().await?;
                // In one statement: its parts see one state of the database.
                let statement = "
                    SELECT request, written_by, finished, seq, json
                    FROM mcp_streams LEFT JOIN mcp_messages
                        ON mcp_messages.session = $1 AND mcp_messages.stream = $2 AND seq > $4
                    WHERE mcp_streams.session = $1 AND mcp_streams.stream = $2 AND expires > $3 ORDER BY seq";
                let values = params![
                    Text(key.session.as_str()),
                    Text(key.stream.as_str()),
                    millis(now),
                    number(after),
                ];
                let found = connection.rows(statement, values).await?;
                let Some(stream) = found.first() else { return Ok(Replay::Unknown) };
                let request = parsed_or_none(stream, "request", |id| serde_json::from_str(id).ok())?;
                let (written_by, finished) = (time(stream, "written_by")?, get::<bool>(stream, "finished")?);
                let mut frames = Vec::with_capacity(found.len());
                for row in &found {
                    if let Some(json) = get::<Option<Vec<u8>>>(row, "json")? {
                        frames.push(StoredFrame { seq: count(row, "seq")?, json: Bytes::from(json) });
                    }
                }
                Ok(match finished {
                    true => Replay::Finished(frames),
                    false if written_by <= now => Replay::Broken { frames, request },
                    false => Replay::Open(frames),
                })
            })
            .await
    }
}
