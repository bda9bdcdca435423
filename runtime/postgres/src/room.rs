//! Counters, and the removal of expired items.

use std::time::Duration;

use mcp_lambda_core::time::Timestamp;

use crate::{
    columns::{Text, get, millis, params, text},
    database::{Database, Statements, Transaction},
    error::Failure,
    sessions,
    store::COUNTER_TTL,
};

/// The interval in which one of the processes that write removes expired items.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);
/// Items of a table that one statement removes: a request waits for it.
const BATCH: i64 = 500;
/// Sessions that one sweep ends, with all that belongs to them.
const SESSIONS: i64 = 50;

/// Counts a counter up, and keeps it from others until the transaction ends.
pub(crate) async fn count_up(
    transaction: &Transaction<'_>,
    name: &str,
    now: Timestamp,
) -> Result<i64, Failure> {
    let statement = "
        INSERT INTO mcp_counters (name, count, expires) VALUES ($1, 1, $2)
        ON CONFLICT (name) DO UPDATE SET count = mcp_counters.count + 1, expires = excluded.expires
        RETURNING count";
    let row = transaction.row(statement, params![Text(name), millis(now.plus(COUNTER_TTL))]).await?;
    row.map_or(Ok(0), |row| get(&row, "count"))
}

impl Database {
    /// Removes expired items if no process has done so for the interval. An error is no reason to refuse a write.
    pub(crate) async fn sweep_if_due(&self) {
        let now = self.now();
        {
            let mut next = self.next_sweep();
            if *next > now {
                return;
            }
            *next = now.plus(SWEEP_INTERVAL);
        }
        match self.sweep(now).await {
            Ok(true) => {}
            // There are more: the next write goes on.
            Ok(false) => *self.next_sweep() = now,
            Err(failure) => tracing::debug!(error = failure.text(), "expired items were not removed"),
        }
    }

    /// Removes expired items, unless another process has just done so. `false`: there are more.
    async fn sweep(&self, now: Timestamp) -> Result<bool, Failure> {
        let connection = self.connection().await?;
        let statement = "
            INSERT INTO mcp_counters (name, count, expires) VALUES ('sweep', 1, $1)
            ON CONFLICT (name) DO UPDATE SET count = mcp_counters.count + 1, expires = excluded.expires
            WHERE mcp_counters.expires <= $2";
        let values = params![millis(now.plus(SWEEP_INTERVAL)), millis(now)];
        if connection.changed(statement, values).await? == 0 {
            return Ok(true);
        }
        let mut is_done = true;
        for (table, key) in [
            ("mcp_state", "scope, name"),
            ("mcp_inbox", "session, recipient, name_key"),
            ("mcp_stream_leases", "owner, id"),
            ("mcp_tasks", "id"),
            ("mcp_events", "scope, seq"),
            ("mcp_source_ids", "scope, source_id"),
            ("mcp_scopes", "scope"),
            ("mcp_task_messages", "id"),
            ("mcp_counters", "name"),
        ] {
            // The expiry once more: an item may have been written anew since the inner statement has read it.
            let statement = format!(
                "DELETE FROM {table} WHERE expires <= $1 AND ({key}) IN
                     (SELECT {key} FROM {table} WHERE expires <= $1 ORDER BY expires LIMIT $2)"
            );
            let removed = connection.changed(&statement, params![millis(now), BATCH]).await?;
            is_done &= removed < BATCH.unsigned_abs();
        }
        let statement = "
            WITH expired AS (
                DELETE FROM mcp_streams WHERE expires <= $1 AND (session, stream) IN
                    (SELECT session, stream FROM mcp_streams WHERE expires <= $1 ORDER BY expires LIMIT $2)
                RETURNING session, stream
            ), messages AS (
                DELETE FROM mcp_messages USING expired
                WHERE mcp_messages.session = expired.session AND mcp_messages.stream = expired.stream
            )
            SELECT 1 FROM expired";
        let streams = connection.rows(statement, params![millis(now), SESSIONS]).await?;
        let statement = "SELECT id FROM mcp_sessions WHERE expires <= $1 ORDER BY expires LIMIT $2";
        let expired = connection.rows(statement, params![millis(now), SESSIONS]).await?;
        is_done &= streams.len().max(expired.len()) < SESSIONS.unsigned_abs() as usize;
        if !is_done {
            let statement = "UPDATE mcp_counters SET expires = $1 WHERE name = 'sweep'";
            connection.changed(statement, params![millis(now)]).await?;
        }
        drop(connection);
        for row in &expired {
            sessions::end(self, &text(row, "id")?, now).await?;
        }
        Ok(is_done)
    }
}
