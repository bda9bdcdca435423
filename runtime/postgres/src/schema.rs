//! The tables, and their versions.

use mcp_lambda_core::{config::PostgresUrl, random, time::Clock};

use crate::{
    address::Address,
    columns::{Text, get, params},
    database::{Database, Statements},
    error::{Failure, OpenError},
    store::PostgresLimits,
};

/// The steps from each version of the tables to the next one. A step that was released is not changed any more.
const STEPS: [&str; 1] = [include_str!("schema.sql")];
/// The lock of those who migrate: `MCPL`.
const LOCK: i64 = 0x4d43_504c;

/// What [`migrate`] has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Migrated {
    /// The version of the tables before. 0: there were none.
    pub from: i64,
    /// Their version now.
    pub to: i64,
}

/// Makes the tables of a server in a database, or brings those of an earlier version to this one. Tables of this version stay as
/// they are. Of several callers at a time one does it, and the others wait. The user needs the privilege CREATE on the schema.
///
/// # Errors
///
/// [`OpenError`] if the database cannot be used, or has tables of a later version.
pub async fn migrate(url: &PostgresUrl) -> Result<Migrated, OpenError> {
    let limits = PostgresLimits { connections: 1, ..PostgresLimits::default() };
    let database = Database::new(Address::of(url)?, Clock::system(), limits)?;
    let known = STEPS.len() as i64;
    let from = steps(&database, known).await.map_err(|failure| unusable(&database, &failure))?;
    if from > known {
        return Err(OpenError::Newer { database: database.shown().to_owned(), found: from, known });
    }
    Ok(Migrated { from, to: known })
}

/// Runs the steps that are missing, and returns the version before.
async fn steps(database: &Database, known: i64) -> Result<i64, Failure> {
    let mut connection = database.connection().await?;
    let transaction = connection.begin().await?;
    transaction.rows("SELECT pg_advisory_xact_lock($1)", params![LOCK]).await?;
    let found = version(&transaction).await?.unwrap_or(0);
    if found >= known {
        return Ok(found);
    }
    for step in &STEPS[usize::try_from(found).unwrap_or(0)..] {
        transaction.run(step).await?;
    }
    transaction.run("CREATE TABLE IF NOT EXISTS mcp_version (version BIGINT PRIMARY KEY)").await?;
    transaction.run("DELETE FROM mcp_version").await?;
    transaction.changed("INSERT INTO mcp_version (version) VALUES ($1)", params![known]).await?;
    let key: &[u8] = &random::key();
    transaction
        .changed(
            "INSERT INTO mcp_keys (name, bytes) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
            params![Text("requestState"), key],
        )
        .await?;
    transaction.commit().await?;
    Ok(found)
}

/// The version of the tables. `None`: there are none.
async fn version(on: &impl Statements) -> Result<Option<i64>, Failure> {
    let found = on.row("SELECT to_regclass('mcp_version') IS NOT NULL AS found", &[]).await?;
    match found.map(|row| get::<bool>(&row, "found")).transpose()? {
        Some(true) => {}
        _ => return Ok(None),
    }
    let row = on.row("SELECT version FROM mcp_version", &[]).await?;
    row.map(|row| get(&row, "version")).transpose()
}

/// Refuses a database whose tables are not those of this version, and returns the key of `requestState`.
pub(crate) async fn check(database: &Database) -> Result<Vec<u8>, OpenError> {
    let shown = database.shown().to_owned();
    let known = STEPS.len() as i64;
    let connection = database.connection().await.map_err(|failure| unusable(database, &failure))?;
    match version(&connection).await.map_err(|failure| unusable(database, &failure))? {
        None | Some(0) => return Err(OpenError::Missing { database: shown }),
        Some(found) if found < known => return Err(OpenError::Older { database: shown, found, known }),
        Some(found) if found > known => return Err(OpenError::Newer { database: shown, found, known }),
        Some(_) => {}
    }
    let key = connection
        .row("SELECT bytes FROM mcp_keys WHERE name = $1", params![Text("requestState")])
        .await
        .and_then(|row| row.map(|row| get(&row, "bytes")).transpose())
        .map_err(|failure| unusable(database, &failure))?;
    key.ok_or(OpenError::Missing { database: shown })
}

fn unusable(database: &Database, failure: &Failure) -> OpenError {
    OpenError::Unusable { database: database.shown().to_owned(), advice: failure.text() }
}
