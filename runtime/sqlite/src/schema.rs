//! The tables, and their versions.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::error::OpenError;

/// Marks the files of this server: `MCPL`.
const APPLICATION_ID: i64 = 0x4d43_504c;
/// The steps from each version of the tables to the next one. A step that was released is not changed any more.
const STEPS: [&str; 1] = [include_str!("schema.sql")];

/// Refuses a file that holds something else, before anything is written to it.
pub(crate) fn check_own(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let failed = |error| OpenError::of(path, error);
    // In this order: another process that makes the tables at this moment sets the id with them.
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(failed)?;
    let application: i64 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(failed)?;
    if application == APPLICATION_ID || tables == 0 {
        return Ok(());
    }
    Err(OpenError::Foreign { path: path.to_owned() })
}

/// Brings the tables of a file to the version of this server. Of several processes that start at a time one does it.
pub(crate) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let failed = |error| OpenError::of(path, error);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let found: i64 =
        transaction.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
    let known = STEPS.len() as i64;
    if found > known {
        return Err(OpenError::Newer { path: path.to_owned(), found, known });
    }
    if found == known {
        return Ok(());
    }
    for step in &STEPS[usize::try_from(found).unwrap_or(0)..] {
        transaction.execute_batch(step).map_err(failed)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
    transaction.pragma_update(None, "user_version", known).map_err(failed)?;
    transaction.commit().map_err(failed)
}
