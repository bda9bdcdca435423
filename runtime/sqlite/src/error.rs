//! Errors of SQLite, as those of a store.

use std::path::{Path, PathBuf};

use mcp_lambda_core::error::StoreError;
use rusqlite::{Error as SqliteError, ErrorCode};

/// Why a file cannot be a store. The text names the file, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The folder of the file cannot be made, or the file cannot be written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        source: std::io::Error,
    },
    /// The file holds something else.
    #[error("{} is no database of this server: name another file, or move this one away", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A later version of the server has written the file.
    #[error("{} was written by a later version of this server (its tables have version {found}, this one knows {known}): run that version, or name another file", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version of its tables.
        found: i64,
        /// The version that this server writes.
        known: i64,
    },
    /// SQLite refuses the file.
    #[error("{}: {}", path.display(), advice(source))]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// The error of SQLite.
        #[source]
        source: SqliteError,
    },
}

impl OpenError {
    pub(crate) fn of(path: &Path, source: SqliteError) -> Self {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::Foreign { path },
            _ => Self::Sqlite { path, source },
        }
    }
}

/// What an error of SQLite means to a person.
fn advice(error: &SqliteError) -> String {
    let advice = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt) => {
            "the database is damaged: move the file and those beside it that end in -wal and -shm away, and start again without their state"
        }
        Some(ErrorCode::DiskFull) => "the disk is full: make room on it",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another process has kept the database locked: end it, or name another file"
        }
        Some(ErrorCode::CannotOpen) => {
            "the file cannot be opened: name one in a folder that can be written to"
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            "the file cannot be written to: change its permissions, or name another file"
        }
        Some(ErrorCode::SystemIoFailure) => "the file cannot be read or written: look at its disk",
        _ => return error.to_string(),
    };
    format!("{advice} ({error})")
}

/// An error of SQLite during a request, with the file.
#[derive(Debug, thiserror::Error)]
#[error("{}: {}", path.display(), advice(source))]
struct Failed {
    path: PathBuf,
    #[source]
    source: SqliteError,
}

/// Why a piece of work in the database has failed.
#[derive(Debug)]
pub(crate) enum Failure {
    Sqlite(SqliteError),
    Store(StoreError),
}

impl From<SqliteError> for Failure {
    fn from(error: SqliteError) -> Self {
        Self::Sqlite(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Failure {
    /// Whether the file may not grow any more.
    pub(crate) fn is_full(&self) -> bool {
        matches!(self, Self::Sqlite(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull))
    }

    pub(crate) fn into_store_error(self, path: &Path) -> StoreError {
        let source = match self {
            Self::Store(error) => return error,
            Self::Sqlite(SqliteError::FromSqlConversionFailure(column, _, problem)) => {
                return StoreError::Corrupt(format!("{}: column {column}: {problem}", path.display()));
            }
            Self::Sqlite(source) => source,
        };
        let code = source.sqlite_error_code();
        let failed = Box::new(Failed { path: path.to_owned(), source });
        match code {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                StoreError::Corrupt(failed.to_string())
            }
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => StoreError::Refused(failed),
            _ => StoreError::Unavailable(failed),
        }
    }
}
