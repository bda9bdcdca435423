//! The store: a database and its limits.

use std::path::Path;

use mcp_lambda_core::{config::Config, error::StoreError, keys::NamedKey, time::Clock};

use crate::{database::Database, error::OpenError};

/// The largest value, message or event, as JSON and in bytes: as in every store.
pub(crate) use mcp_lambda_core::store::LARGEST_VALUE;

/// The limits of a [`SqliteStore`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SqliteLimits {
    /// The number of sessions of one principal; the one that would expire first ends for another one. Default: 1000.
    pub sessions_per_principal: usize,
    /// The size of the file, in bytes. When it is reached, the oldest stored replies and events go. Default: 1 GiB.
    pub bytes: usize,
}

impl SqliteLimits {
    /// The limits of a configuration: `MCP_SESSIONS_PER_PRINCIPAL` and `MCP_STORE_MB`.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self { sessions_per_principal: config.sessions.per_principal, bytes: config.store_bytes }
    }
}

impl Default for SqliteLimits {
    fn default() -> Self {
        Self::of(&Config::default())
    }
}

/// Stores in one file of SQLite: sessions, state, messages of clients, replies, counts of streams, tasks and events.
///
/// Processes on one machine may share a file. It has to be on a local disk: the write-ahead log of SQLite needs memory that all
/// processes share, which network file systems do not have (<https://sqlite.org/wal.html>, read 2026-11-28). A write is on
/// the disk, or in the hands of the operating system: it survives the end of the process, however it ends, and a machine that
/// loses power may lose the writes of the last moment, never a part of one.
///
/// ```
/// use mcp_lambda_sqlite::{SqliteLimits, SqliteStore};
/// use mcp_lambda_core::{store::Stores, time::Clock};
///
/// # let folder = std::env::temp_dir().join(format!("mcp-lambda-sqlite-{}", std::process::id()));
/// let path = folder.join("server.db");
/// let stores = Stores::of(SqliteStore::open(&path, Clock::system(), SqliteLimits::default())?);
/// # drop(stores);
/// # std::fs::remove_dir_all(folder).ok();
/// # Ok::<(), mcp_lambda_sqlite::OpenError>(())
/// ```
#[derive(Debug)]
pub struct SqliteStore {
    pub(crate) database: Database,
}

impl SqliteStore {
    /// Opens a file, and makes it and its folder if they do not exist: for this user alone.
    ///
    /// # Errors
    ///
    /// [`OpenError`] if the file cannot be written, is no database of this server, is damaged, or was written by a later
    /// version.
    pub fn open(path: &Path, clock: Clock, limits: SqliteLimits) -> Result<Self, OpenError> {
        Ok(Self { database: Database::open(path, clock, limits)? })
    }

    /// The key of `requestState` that was made with the file, for servers without configured keys: a client can go on with its
    /// state after a restart, and at another process that shares the file.
    #[must_use]
    pub fn state_key(&self) -> NamedKey {
        NamedKey::new("file", self.database.state_key.as_slice())
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.database.path()
    }
}

/// Refuses text that no store takes.
pub(crate) fn check_size(json: &str) -> Result<(), StoreError> {
    if json.len() > LARGEST_VALUE {
        return Err(StoreError::TooLarge { size: json.len(), limit: LARGEST_VALUE });
    }
    Ok(())
}
