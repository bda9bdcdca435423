//! The connections to a file: one that writes, and some that read beside it.
//!
//! SQLite blocks its thread: each piece of work runs on the threads that tokio has for this. Of one process one piece of work
//! writes at a time, and of several processes SQLite lets one at a time; readers wait for neither.

use std::{
    fs::{self, OpenOptions},
    io::ErrorKind,
    path::Path,
    sync::{Arc, Mutex as StdMutex, PoisonError},
    time::Duration,
};

use mcp_lambda_core::{
    error::StoreError,
    random,
    time::{Clock, Timestamp},
};
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior, params};
use tokio::{
    sync::{Mutex, Semaphore},
    time::timeout,
};

use crate::{
    error::{Failure, OpenError},
    room, schema,
    store::SqliteLimits,
};

/// The longest time for which a piece of work waits for the one before it in this process, and again for those of other
/// processes.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// The connections that read at a time.
const READERS: usize = 4;
/// Bytes of a page, the unit in which SQLite allocates.
const PAGE: usize = 4096;
/// Statements that a connection keeps compiled: all that this crate has.
const STATEMENTS: usize = 96;

/// A file of SQLite.
pub(crate) struct Database {
    path: Arc<Path>,
    clock: Clock,
    limits: SqliteLimits,
    /// The key of `requestState`.
    pub(crate) state_key: Vec<u8>,
    writer: Arc<Mutex<Writer>>,
    readers: Arc<Readers>,
}

struct Writer {
    connection: Connection,
    /// When expired items were last removed.
    swept: Option<Timestamp>,
}

struct Readers {
    idle: StdMutex<Vec<Connection>>,
    free: Arc<Semaphore>,
}

impl Database {
    pub(crate) fn open(path: &Path, clock: Clock, limits: SqliteLimits) -> Result<Self, OpenError> {
        make_private(path).map_err(|source| OpenError::Io { path: path.to_owned(), source })?;
        let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let failed = |error| OpenError::of(path, error);
        schema::check_own(&connection, path)?;
        use_wal(&connection, path)?;
        connection.pragma_update(None, "synchronous", "NORMAL").map_err(failed)?;
        connection.pragma_update(None, "foreign_keys", true).map_err(failed)?;
        let pages = (limits.bytes / PAGE).max(1) as i64;
        connection.pragma_update(None, "max_page_count", pages).map_err(failed)?;
        schema::migrate(&mut connection, path)?;
        let state_key = Self::key(&mut connection, "requestState").map_err(failed)?;
        let readers = Readers { idle: StdMutex::default(), free: Arc::new(Semaphore::new(READERS)) };
        Ok(Self {
            path: path.into(),
            clock,
            limits,
            state_key,
            writer: Arc::new(Mutex::new(Writer { connection, swept: None })),
            readers: Arc::new(readers),
        })
    }

    /// The key of a name, which is made with the file: all processes that share the file have the same one.
    fn key(connection: &mut Connection, name: &str) -> rusqlite::Result<Vec<u8>> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute(
            "INSERT OR IGNORE INTO keys (name, bytes) VALUES (?, ?)",
            params![name, random::key()],
        )?;
        let key = transaction.query_row("SELECT bytes FROM keys WHERE name = ?", [name], |row| row.get(0))?;
        transaction.commit()?;
        Ok(key)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn limits(&self) -> SqliteLimits {
        self.limits
    }

    /// Runs a piece of work that changes all that it says, or nothing. It is run again if the file has no room for it and
    /// room was made.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&Transaction<'_>, Timestamp) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        let waited = timeout(LONGEST_WAIT, Arc::clone(&self.writer).lock_owned()).await;
        let mut writer = waited.map_err(|_| self.busy())?;
        let (clock, limits) = (self.clock.clone(), self.limits);
        self.blocking(move || writer.write(&work, clock.now(), limits)).await
    }

    /// Runs a piece of work that reads, on one state of the database.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl Fn(&Transaction<'_>, Timestamp) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        let free = timeout(LONGEST_WAIT, Arc::clone(&self.readers.free).acquire_owned()).await;
        let permit = free.ok().and_then(Result::ok).ok_or_else(|| self.busy())?;
        let (clock, readers, path) = (self.clock.clone(), Arc::clone(&self.readers), Arc::clone(&self.path));
        self.blocking(move || {
            let _permit = permit;
            let idle = readers.idle().pop();
            let mut connection = match idle {
                Some(connection) => connection,
                None => reader(&path)?,
            };
            let read = connection
                .transaction()
                .map_err(Failure::from)
                .and_then(|transaction| work(&transaction, clock.now()));
            // One that has failed is not used again.
            if read.is_ok() {
                readers.idle().push(connection);
            }
            read
        })
        .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        match tokio::task::spawn_blocking(work).await {
            Ok(done) => done.map_err(|failure| failure.into_store_error(&self.path)),
            Err(ended) => Err(StoreError::Unavailable(Box::new(ended))),
        }
    }

    fn busy(&self) -> StoreError {
        let text =
            format!("{}: other requests have used the database for {LONGEST_WAIT:?}", self.path.display());
        StoreError::Unavailable(text.into())
    }
}

impl Readers {
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writer {
    fn write<T>(
        &mut self,
        work: &impl Fn(&Transaction<'_>, Timestamp) -> Result<T, Failure>,
        now: Timestamp,
        limits: SqliteLimits,
    ) -> Result<T, Failure> {
        if self.swept.is_none_or(|swept| swept.plus(room::SWEEP_INTERVAL) <= now) {
            let is_done = self.transact(&|transaction, now| room::sweep(transaction, now), now)?;
            self.swept = is_done.then_some(now);
        }
        match self.transact(work, now) {
            Err(failure) if failure.is_full() && self.is_at_limit()? => {
                self.transact(&|transaction, now| room::make(transaction, now), now)?;
                match self.transact(work, now) {
                    Err(failure) if failure.is_full() => {
                        let what = "bytes of the database (MCP_STORE_MB)";
                        Err(StoreError::Full { what, limit: limits.bytes }.into())
                    }
                    done => done,
                }
            }
            done => done,
        }
    }

    fn transact<T>(
        &mut self,
        work: &impl Fn(&Transaction<'_>, Timestamp) -> Result<T, Failure>,
        now: Timestamp,
    ) -> Result<T, Failure> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = work(&transaction, now)?;
        transaction.commit()?;
        Ok(done)
    }

    /// Whether the limit of this server, and not the disk, keeps the file from growing.
    fn is_at_limit(&self) -> Result<bool, Failure> {
        let number = |name: &str| self.connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        // A piece of work writes fewer pages than this.
        Ok(number("max_page_count")? - number("page_count")? < (16 * 1024 * 1024 / PAGE) as i64)
    }
}

/// Makes a file, and the folder for it, that other users of the machine cannot read.
fn make_private(path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn connect(path: &Path, access: OpenFlags) -> Result<Connection, OpenError> {
    // Without SQLITE_OPEN_URI: a path is a path, whatever letters it has.
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| OpenError::of(path, error))?;
    connection.busy_timeout(LONGEST_WAIT).map_err(|error| OpenError::of(path, error))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

fn reader(path: &Path) -> Result<Connection, Failure> {
    connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(|error| match error {
        OpenError::Sqlite { source, .. } => Failure::Sqlite(source),
        other => StoreError::Refused(Box::new(other)).into(),
    })
}

/// Sets the mode in which readers do not wait for a writer. The file keeps it.
#[expect(clippy::disallowed_methods, reason = "a file is opened before the server serves")]
fn use_wal(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    const TRIES: u32 = 100;
    let set =
        || connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0));
    for _ in 0..TRIES {
        match set() {
            // SQLite does not wait here while another process sets the mode.
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                std::thread::sleep(LONGEST_WAIT / TRIES);
            }
            Err(error) => return Err(OpenError::of(path, error)),
            Ok(_) => return Ok(()),
        }
    }
    set().map(|_| ()).map_err(|error| OpenError::of(path, error))
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("path", &self.path).finish_non_exhaustive()
    }
}
