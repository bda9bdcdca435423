//! Sessions and their resource subscriptions.

// SEP-2577 deprecates logging, sampling and roots; clients of the session era use them until they are gone.
#![allow(deprecated)]

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
use tokio_postgres::Row;

use crate::{
    columns::{
        Text, get, json, key, millis, params, parsed, parsed_or_none, rows, session_scope, text, time,
    },
    database::{Database, Statements},
    error::Failure,
    store::PostgresStore,
};

fn record(row: &Row) -> Result<SessionRecord, Failure> {
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

/// Refuses what needs a session that is not live.
pub(crate) async fn check_live(on: &impl Statements, id: &str, now: Timestamp) -> Result<(), Failure> {
    let statement = "SELECT 1 FROM mcp_sessions WHERE id = $1 AND expires > $2";
    live(on.row(statement, params![Text(id), millis(now)]).await?.is_some())
}

/// The same, and keeps the session from ending and others from changing it until the transaction ends.
pub(crate) async fn lock_live(on: &impl Statements, id: &str, now: Timestamp) -> Result<(), Failure> {
    let statement = "SELECT 1 FROM mcp_sessions WHERE id = $1 AND expires > $2 FOR UPDATE";
    live(on.row(statement, params![Text(id), millis(now)]).await?.is_some())
}

fn live(is_live: bool) -> Result<(), Failure> {
    if is_live { Ok(()) } else { Err(StoreError::NotFound.into()) }
}

/// Removes a session, if it expires until then, and all that belongs to it.
pub(crate) async fn end(database: &Database, id: &str, until: Timestamp) -> Result<(), Failure> {
    let mut connection = database.connection().await?;
    let transaction = connection.begin().await?;
    // First of all: it waits for the transactions that keep the session from ending, and what they have written is seen then.
    let ended = transaction
        .changed("DELETE FROM mcp_sessions WHERE id = $1 AND expires <= $2", params![Text(id), millis(until)])
        .await?;
    if ended == 0 && until < Timestamp::MAX {
        return transaction.undo().await;
    }
    remove_belongings(&transaction, id).await?;
    transaction.commit().await
}

async fn remove_belongings(on: &impl Statements, id: &str) -> Result<(), Failure> {
    let statement = "
        WITH subscriptions AS (DELETE FROM mcp_subscriptions WHERE session = $1),
             inbox AS (DELETE FROM mcp_inbox WHERE session = $1),
             messages AS (DELETE FROM mcp_messages WHERE session = $1),
             streams AS (DELETE FROM mcp_streams WHERE session = $1),
             state AS (DELETE FROM mcp_state WHERE scope = $2),
             events AS (DELETE FROM mcp_events WHERE scope = $2),
             source_ids AS (DELETE FROM mcp_source_ids WHERE scope = $2)
        DELETE FROM mcp_scopes WHERE scope = $2";
    on.changed(statement, params![Text(id), Text(&session_scope(id))]).await.map(drop)
}

impl PostgresStore {
    /// Adds a session, unless its id is taken, and returns the sessions that are too many of its principal. `None`: the id is
    /// taken.
    async fn add_session(&self, session: &SessionRecord) -> Result<Option<Vec<String>>, Failure> {
        let owner = session.owner.key();
        let others = self.database.limits().sessions_per_principal.saturating_sub(1);
        let log_level = session.log_level.as_ref().map(json).transpose()?;
        let (client, heard_from) =
            (session.client.to_json(), session.heard_from.as_ref().map(LogCursor::to_string));
        // All parts of the statement see what was there before it: the session that is added is none of the surplus ones.
        let statement = "
            WITH added AS (
                INSERT INTO mcp_sessions
                    (id, owner_key, owner, version, client, log_level, listener, heard_from, created, expires)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO NOTHING RETURNING id
            )
            SELECT id, TRUE AS added FROM added
            UNION ALL
            (SELECT id, FALSE FROM mcp_sessions WHERE owner_key = $2
             ORDER BY expires DESC, created DESC, id OFFSET $11)";
        let connection = self.database.connection().await?;
        let found = connection
            .rows(
                statement,
                params![
                    Text(session.id.as_str()),
                    Text(&key(owner)),
                    Text(owner),
                    Text(session.version.as_str()),
                    Text(&client),
                    log_level.as_deref().map(Text),
                    session.listener.as_ref().map(|listener| Text(listener.as_str())),
                    heard_from.as_deref().map(Text),
                    millis(session.created_at),
                    millis(session.expires_at),
                    rows(others),
                ],
            )
            .await?;
        let (mut is_added, mut surplus) = (false, Vec::new());
        for row in &found {
            match get(row, "added")? {
                true => is_added = true,
                false => surplus.push(text(row, "id")?),
            }
        }
        Ok(is_added.then_some(surplus))
    }
}

#[async_trait]
impl SessionStore for PostgresStore {
    async fn create(&self, session: &SessionRecord) -> Result<(), StoreError> {
        self.database
            .write(|| async {
                let surplus = match self.add_session(session).await? {
                    Some(surplus) => surplus,
                    None => {
                        end(&self.database, session.id.as_str(), self.database.now()).await?;
                        self.add_session(session).await?.ok_or(StoreError::Conflict)?
                    }
                };
                for id in surplus {
                    end(&self.database, &id, Timestamp::MAX).await?;
                }
                Ok(())
            })
            .await
    }

    async fn load(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        self.database
            .read(|| async {
                let connection = self.database.connection().await?;
                let statement = "SELECT * FROM mcp_sessions WHERE id = $1 AND expires > $2";
                let values = params![Text(id.as_str()), millis(self.database.now())];
                connection.row(statement, values).await?.as_ref().map(record).transpose()
            })
            .await
    }

    async fn set_log_level(&self, id: &SessionId, level: LoggingLevel) -> Result<(), StoreError> {
        let level = json(&level)?;
        self.database
            .write(|| async {
                let connection = self.database.connection().await?;
                let statement = "UPDATE mcp_sessions SET log_level = $1 WHERE id = $2 AND expires > $3";
                let values = params![Text(&level), Text(id.as_str()), millis(self.database.now())];
                live(connection.changed(statement, values).await? == 1)
            })
            .await
    }

    async fn claim(
        &self,
        id: &SessionId,
        owner: &Principal,
        listener: &StreamId,
        heard_from: Option<&LogCursor>,
    ) -> Result<Option<SessionRecord>, StoreError> {
        let heard_from = heard_from.map(LogCursor::to_string);
        self.database
            .write(|| async {
                let connection = self.database.connection().await?;
                let statement = "
                    UPDATE mcp_sessions SET listener = $1, heard_from = coalesce(heard_from, $2)
                    WHERE id = $3 AND owner = $4 AND expires > $5 RETURNING *";
                let values = params![
                    Text(listener.as_str()),
                    heard_from.as_deref().map(Text),
                    Text(id.as_str()),
                    Text(owner.key()),
                    millis(self.database.now()),
                ];
                connection.row(statement, values).await?.as_ref().map(record).transpose()
            })
            .await
    }

    async fn pass_on(
        &self,
        id: &SessionId,
        expected: Option<&StreamId>,
        next: Option<&StreamId>,
    ) -> Result<bool, StoreError> {
        let stream = |id: Option<&'_ StreamId>| id.map(|id| id.as_str().to_owned());
        let (expected, next) = (stream(expected), stream(next));
        self.database
            .write(|| async {
                let connection = self.database.connection().await?;
                let statement = "
                    UPDATE mcp_sessions SET listener = $1
                    WHERE id = $2 AND listener IS NOT DISTINCT FROM $3 AND expires > $4";
                let values = params![
                    next.as_deref().map(Text),
                    Text(id.as_str()),
                    expected.as_deref().map(Text),
                    millis(self.database.now()),
                ];
                Ok(connection.changed(statement, values).await? == 1)
            })
            .await
    }

    async fn touch(&self, id: &SessionId, expires_at: Timestamp) -> Result<(), StoreError> {
        self.database
            .write(|| async {
                let connection = self.database.connection().await?;
                let statement = "UPDATE mcp_sessions SET expires = $1 WHERE id = $2 AND expires > $3";
                let values = params![millis(expires_at), Text(id.as_str()), millis(self.database.now())];
                live(connection.changed(statement, values).await? == 1)
            })
            .await
    }

    async fn end(&self, id: &SessionId) -> Result<(), StoreError> {
        self.database.write(|| end(&self.database, id.as_str(), Timestamp::MAX)).await
    }

    async fn list(&self, owner: &Principal, limit: usize) -> Result<Vec<SessionRecord>, StoreError> {
        self.database
            .read(|| async {
                let connection = self.database.connection().await?;
                let statement = "
                    SELECT * FROM mcp_sessions WHERE owner_key = $1 AND expires > $2
                    ORDER BY created DESC, id LIMIT $3";
                let values = params![Text(&key(owner.key())), millis(self.database.now()), rows(limit)];
                connection.rows(statement, values).await?.iter().map(record).collect()
            })
            .await
    }

    async fn subscribe(&self, id: &SessionId, uri: &str, limit: usize) -> Result<(), StoreError> {
        self.database
            .write(|| async {
                let mut connection = self.database.connection().await?;
                let transaction = connection.begin().await?;
                lock_live(&transaction, id.as_str(), self.database.now()).await?;
                let uri_key = key(uri);
                let statement = "
                    INSERT INTO mcp_subscriptions (session, uri_key, uri)
                    SELECT $1, $2, $3
                    WHERE (SELECT count(*) FROM mcp_subscriptions WHERE session = $1 AND uri_key <> $2) < $4
                    ON CONFLICT (session, uri_key) DO UPDATE SET uri = excluded.uri";
                let values = params![Text(id.as_str()), Text(&uri_key), Text(uri), rows(limit)];
                if transaction.changed(statement, values).await? == 0 {
                    return Err(StoreError::Full { what: "subscriptions of a session", limit }.into());
                }
                transaction.commit().await
            })
            .await
    }

    async fn unsubscribe(&self, id: &SessionId, uri: &str) -> Result<(), StoreError> {
        self.database
            .write(|| async {
                let connection = self.database.connection().await?;
                check_live(&connection, id.as_str(), self.database.now()).await?;
                let statement = "DELETE FROM mcp_subscriptions WHERE session = $1 AND uri_key = $2";
                connection.changed(statement, params![Text(id.as_str()), Text(&key(uri))]).await.map(drop)
            })
            .await
    }

    async fn subscriptions(&self, id: &SessionId) -> Result<Vec<String>, StoreError> {
        self.database
            .read(|| async {
                let connection = self.database.connection().await?;
                let statement = "
                    SELECT uri FROM mcp_sessions LEFT JOIN mcp_subscriptions ON session = id
                    WHERE id = $1 AND expires > $2 ORDER BY uri";
                let found = connection
                    .rows(statement, params![Text(id.as_str()), millis(self.database.now())])
                    .await?;
                live(!found.is_empty())?;
                let uris = found.iter().map(|row| parsed_or_none(row, "uri", |uri| Some(uri.to_owned())));
                Ok(uris.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
            })
            .await
    }
}
