//! Errors of PostgreSQL, as those of a store.

use std::time::Duration;

use deadpool_postgres::{PoolError, TimeoutType};
use mcp_lambda_core::error::{Causes, StoreError};
use tokio_postgres::{Error as PostgresError, error::SqlState};

/// Why a database cannot be a store. The text names the database, without its password, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL cannot be used.
    #[error("{0}")]
    Url(String),
    /// The tables are missing.
    #[error("{database} has no tables of this server: run the program with the argument migrate")]
    Missing {
        /// The database.
        database: String,
    },
    /// The tables are those of an earlier version of the server.
    #[error(
        "{database} has tables of version {found}, and this server needs version {known}: run the program with the argument migrate"
    )]
    Older {
        /// The database.
        database: String,
        /// The version of its tables.
        found: i64,
        /// The version that this server writes.
        known: i64,
    },
    /// A later version of the server has made the tables.
    #[error(
        "{database} has tables of version {found}, and this server knows version {known}: run the version that made them, or name another database"
    )]
    Newer {
        /// The database.
        database: String,
        /// The version of its tables.
        found: i64,
        /// The version that this server writes.
        known: i64,
    },
    /// The database cannot be used.
    #[error("{database}: {advice}")]
    Unusable {
        /// The database.
        database: String,
        /// The cause, and what to do.
        advice: String,
    },
}

/// What an error of PostgreSQL means to a person.
fn advice(error: &PostgresError) -> String {
    let advice = match error.code() {
        Some(&(SqlState::INVALID_PASSWORD | SqlState::INVALID_AUTHORIZATION_SPECIFICATION)) => {
            "the database refuses the user or the password"
        }
        Some(&SqlState::INVALID_CATALOG_NAME) => "there is no such database: create it, or name another one",
        Some(&SqlState::INSUFFICIENT_PRIVILEGE) => {
            "the user may not do this: grant it what docs/stores.md lists"
        }
        Some(&SqlState::UNDEFINED_TABLE | &SqlState::UNDEFINED_COLUMN) => {
            "tables are missing: run the program with the argument migrate"
        }
        Some(&SqlState::TOO_MANY_CONNECTIONS) => {
            "the database takes no more connections: raise its max_connections, or lower MCP_STORE_CONNECTIONS"
        }
        Some(&SqlState::DISK_FULL) => "the disk of the database is full: make room on it",
        Some(&SqlState::READ_ONLY_SQL_TRANSACTION) => {
            "the database is read-only: name its primary, or add target_session_attrs=read-write to the URL"
        }
        Some(_) => return Causes(error).to_string(),
        None if error.is_closed() => "the connection was closed",
        None => "the database cannot be reached: is it running, and do host and port of MCP_STORE name it?",
    };
    format!("{advice} ({})", Causes(error))
}

/// An error of PostgreSQL during a request, with the database.
#[derive(Debug, thiserror::Error)]
#[error("{database}: {text}")]
struct Failed {
    database: String,
    text: String,
}

/// Why a piece of work in the database has failed.
#[derive(Debug)]
pub(crate) enum Failure {
    Postgres(PostgresError),
    Store(StoreError),
    /// There was no free connection for this long.
    Busy(Duration),
    /// The database has not answered for this long.
    Silent(Duration),
}

impl From<PostgresError> for Failure {
    fn from(error: PostgresError) -> Self {
        Self::Postgres(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Failure {
    pub(crate) fn of_pool(error: PoolError, wait: Duration) -> Self {
        match error {
            PoolError::Backend(error) => Self::Postgres(error),
            PoolError::Timeout(TimeoutType::Wait) | PoolError::Closed => Self::Busy(wait),
            PoolError::Timeout(_) | PoolError::PostCreateHook(_) | PoolError::NoRuntimeSpecified => {
                Self::Silent(wait)
            }
        }
    }

    /// Whether PostgreSQL has undone the work because of other work at the same time: it may be done again.
    pub(crate) fn is_conflict(&self) -> bool {
        let Self::Postgres(error) = self else { return false };
        matches!(
            error.code(),
            Some(
                &(SqlState::T_R_SERIALIZATION_FAILURE
                    | SqlState::T_R_DEADLOCK_DETECTED
                    | SqlState::UNIQUE_VIOLATION)
            )
        )
    }

    /// Whether the connection is lost, so that it is unknown whether work was done.
    pub(crate) fn is_disconnect(&self) -> bool {
        let Self::Postgres(error) = self else { return false };
        match error.code() {
            None => true,
            Some(code) => matches!(
                *code,
                SqlState::ADMIN_SHUTDOWN | SqlState::CRASH_SHUTDOWN | SqlState::CANNOT_CONNECT_NOW
            ),
        }
    }

    pub(crate) fn text(&self) -> String {
        match self {
            Self::Postgres(error) => advice(error),
            Self::Store(error) => Causes(error).to_string(),
            Self::Busy(wait) => {
                format!("other requests have used all connections for {wait:?} (MCP_STORE_CONNECTIONS)")
            }
            Self::Silent(wait) => format!("the database has not answered for {wait:?}"),
        }
    }

    pub(crate) fn into_store_error(self, database: &str) -> StoreError {
        let failed = |text| Box::new(Failed { database: database.to_owned(), text });
        let text = self.text();
        match self {
            Self::Store(error) => error,
            Self::Postgres(error) => match error.code() {
                Some(
                    &(SqlState::INSUFFICIENT_PRIVILEGE
                    | SqlState::UNDEFINED_TABLE
                    | SqlState::UNDEFINED_COLUMN
                    | SqlState::INVALID_PASSWORD
                    | SqlState::INVALID_AUTHORIZATION_SPECIFICATION
                    | SqlState::INVALID_CATALOG_NAME),
                ) => StoreError::Refused(failed(text)),
                Some(&SqlState::DATA_CORRUPTED | &SqlState::INDEX_CORRUPTED) => StoreError::Corrupt(text),
                _ => StoreError::Unavailable(failed(text)),
            },
            Self::Busy(_) | Self::Silent(_) => StoreError::Unavailable(failed(text)),
        }
    }
}
