//! What is removed: expired items, and the oldest ones when the file may not grow any more.

use std::time::Duration;

use mcp_lambda_core::time::Timestamp;
use rusqlite::{Transaction, params};

use crate::{columns::millis, error::Failure, sessions};

/// The interval in which a process that writes removes expired items.
pub(crate) const SWEEP_INTERVAL: Duration = Duration::from_secs(60);
/// Items of a table that one piece of work removes: a request waits for it.
const BATCH: i64 = 500;
/// Sessions that one piece of work ends, with all that belongs to them.
const SESSIONS: i64 = 50;

/// Removes expired items. `false`: there are more.
pub(crate) fn sweep(transaction: &Transaction<'_>, now: Timestamp) -> Result<bool, Failure> {
    let mut is_done = true;
    for statement in [
        "DELETE FROM state WHERE rowid IN (SELECT rowid FROM state WHERE expires <= ? LIMIT ?)",
        "DELETE FROM inbox WHERE rowid IN (SELECT rowid FROM inbox WHERE expires <= ? LIMIT ?)",
        "DELETE FROM streams WHERE rowid IN (SELECT rowid FROM streams WHERE expires <= ? LIMIT ?)",
        "DELETE FROM stream_leases WHERE (owner, id) IN (SELECT owner, id FROM stream_leases WHERE expires <= ? LIMIT ?)",
        "DELETE FROM tasks WHERE rowid IN (SELECT rowid FROM tasks WHERE expires <= ? LIMIT ?)",
        "DELETE FROM events WHERE rowid IN (SELECT rowid FROM events WHERE expires <= ? LIMIT ?)",
        "DELETE FROM source_ids WHERE rowid IN (SELECT rowid FROM source_ids WHERE expires <= ? LIMIT ?)",
        "DELETE FROM scopes WHERE scope IN (SELECT scope FROM scopes WHERE expires <= ? LIMIT ?)",
    ] {
        let removed = transaction.prepare_cached(statement)?.execute(params![millis(now), BATCH])?;
        is_done &= removed < BATCH as usize;
    }
    let mut expired = transaction.prepare_cached("SELECT id FROM sessions WHERE expires <= ? LIMIT ?")?;
    let ids: Vec<String> =
        expired.query_map(params![millis(now), SESSIONS], |row| row.get("id"))?.collect::<Result<_, _>>()?;
    ids.iter().try_for_each(|id| sessions::end(transaction, id))?;
    Ok(is_done && ids.len() < SESSIONS as usize)
}

/// Makes room in a file that may not grow any more: a sixteenth of the stored replies that are complete and of the events
/// goes, the oldest first.
pub(crate) fn make(transaction: &Transaction<'_>, now: Timestamp) -> Result<(), Failure> {
    sweep(transaction, now)?;
    let mut removed = 0;
    for statement in [
        "DELETE FROM streams WHERE id IN (
             SELECT id FROM streams WHERE finished = 1 ORDER BY expires
             LIMIT (SELECT 1 + count(*) / 16 FROM streams WHERE finished = 1)
         )",
        "DELETE FROM events WHERE rowid IN (
             SELECT rowid FROM events ORDER BY expires LIMIT (SELECT 1 + count(*) / 16 FROM events)
         )",
    ] {
        removed += transaction.execute(statement, [])?;
    }
    tracing::warn!(removed, "stored replies and events were removed to make room for others (MCP_STORE_MB)");
    Ok(())
}
