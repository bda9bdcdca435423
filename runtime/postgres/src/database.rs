//! The connections to a database, and how work is done on them.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};
use mcp_lambda_core::{
    error::StoreError,
    random,
    time::{Clock, Timestamp},
};
use tokio::time::{sleep, timeout};
use tokio_postgres::{
    Config, Error as PostgresError, Row,
    types::{ToSql, Type},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{
    address::Address,
    columns::Column,
    error::{Failure, OpenError},
    store::PostgresLimits,
};

/// The longest time for which a piece of work waits for a connection, and again for each answer.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// How often work is done that other work has undone.
const ATTEMPTS: u32 = 12;
/// The pause before the second attempt; it doubles, up to the longest one.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// A database.
pub(crate) struct Database {
    pool: Pool,
    pub(crate) clock: Clock,
    limits: PostgresLimits,
    shown: String,
    /// The name of this process in notifications.
    pub(crate) process: String,
    /// Where the database is, for a connection outside the pool.
    pub(crate) address: (Config, MakeRustlsConnect),
    /// When this process removes expired items next.
    pub(crate) next_sweep: Mutex<Timestamp>,
}

impl Database {
    pub(crate) fn new(address: Address, clock: Clock, limits: PostgresLimits) -> Result<Self, OpenError> {
        let Address { config, tls, shown } = address;
        let fast = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let address = (config.clone(), tls.clone());
        let pool = Pool::builder(Manager::from_config(config, tls, fast))
            .max_size(limits.connections.max(1))
            .wait_timeout(Some(LONGEST_WAIT))
            .create_timeout(Some(LONGEST_WAIT))
            .recycle_timeout(Some(LONGEST_WAIT))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| OpenError::Url(format!("{shown}: {error}")))?;
        let next_sweep = Mutex::new(Timestamp::from_millis(0));
        Ok(Self { pool, clock, limits, shown, process: random::token(), address, next_sweep })
    }

    pub(crate) fn limits(&self) -> PostgresLimits {
        self.limits
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// Runs work that changes something. It is run again if other work at the same time has undone it; not if the connection
    /// was lost, as it may have been done.
    pub(crate) async fn write<T, Work: Future<Output = Result<T, Failure>>>(
        &self,
        work: impl Fn() -> Work,
    ) -> Result<T, StoreError> {
        self.sweep_if_due().await;
        self.attempt(work, |failure| failure.is_conflict()).await
    }

    /// Runs work that reads. It is run again if the connection was lost.
    pub(crate) async fn read<T, Work: Future<Output = Result<T, Failure>>>(
        &self,
        work: impl Fn() -> Work,
    ) -> Result<T, StoreError> {
        self.attempt(work, |failure| failure.is_conflict() || failure.is_disconnect()).await
    }

    async fn attempt<T, Work: Future<Output = Result<T, Failure>>>(
        &self,
        work: impl Fn() -> Work,
        is_repeated: impl Fn(&Failure) -> bool,
    ) -> Result<T, StoreError> {
        let mut pause = FIRST_PAUSE;
        for _ in 1..ATTEMPTS {
            match work().await {
                Err(failure) if is_repeated(&failure) => {
                    // A database that cannot be reached is not asked again and again.
                    if failure.is_disconnect() && pause > FIRST_PAUSE * 2 {
                        return Err(failure.into_store_error(&self.shown));
                    }
                    sleep(random::jitter(pause)).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                done => return done.map_err(|failure| failure.into_store_error(&self.shown)),
            }
        }
        work().await.map_err(|failure| failure.into_store_error(&self.shown))
    }

    /// A connection of the pool.
    pub(crate) async fn connection(&self) -> Result<Connection, Failure> {
        let object = self.pool.get().await.map_err(|error| Failure::of_pool(error, LONGEST_WAIT))?;
        Ok(Connection { object: Some(object), is_silent: AtomicBool::new(false) })
    }

    /// The moment of the next sweep of this process.
    pub(crate) fn next_sweep(&self) -> std::sync::MutexGuard<'_, Timestamp> {
        self.next_sweep.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where statements run: a connection, each statement in a transaction of its own, or a transaction.
pub(crate) trait Statements: Sync {
    /// Runs a statement and returns its rows.
    fn rows(
        &self,
        statement: &str,
        values: &[&dyn Column],
    ) -> impl Future<Output = Result<Vec<Row>, Failure>> + Send;

    /// Runs a statement and returns the number of rows that it has changed.
    fn changed(
        &self,
        statement: &str,
        values: &[&dyn Column],
    ) -> impl Future<Output = Result<u64, Failure>> + Send;

    /// Runs a statement that returns one row at most.
    fn row(
        &self,
        statement: &str,
        values: &[&dyn Column],
    ) -> impl Future<Output = Result<Option<Row>, Failure>> + Send {
        async { Ok(self.rows(statement, values).await?.into_iter().next()) }
    }
}

/// A connection of the pool. One that does not answer in time does not return to it.
pub(crate) struct Connection {
    object: Option<Object>,
    is_silent: AtomicBool,
}

impl Connection {
    /// Begins a transaction. Dropped without a commit, it has done nothing.
    pub(crate) async fn begin(&mut self) -> Result<Transaction<'_>, Failure> {
        let is_silent = &self.is_silent;
        let object = self.object.as_mut().ok_or(Failure::Silent(LONGEST_WAIT))?;
        let begun = in_time(object.transaction(), is_silent).await?;
        Ok(Transaction { begun, is_silent })
    }

    fn object(&self) -> Result<&Object, Failure> {
        self.object.as_ref().ok_or(Failure::Silent(LONGEST_WAIT))
    }
}

impl Statements for Connection {
    async fn rows(&self, statement: &str, values: &[&dyn Column]) -> Result<Vec<Row>, Failure> {
        in_time(self.object()?.query_typed(statement, &typed(values)), &self.is_silent).await
    }

    async fn changed(&self, statement: &str, values: &[&dyn Column]) -> Result<u64, Failure> {
        in_time(self.object()?.execute_typed(statement, &typed(values)), &self.is_silent).await
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.is_silent.load(Ordering::Relaxed) {
            self.object.take().map(Object::take);
        }
    }
}

/// A transaction.
pub(crate) struct Transaction<'a> {
    begun: deadpool_postgres::Transaction<'a>,
    is_silent: &'a AtomicBool,
}

impl Transaction<'_> {
    pub(crate) async fn commit(self) -> Result<(), Failure> {
        in_time(self.begun.commit(), self.is_silent).await
    }

    /// Undoes everything.
    pub(crate) async fn undo(self) -> Result<(), Failure> {
        in_time(self.begun.rollback(), self.is_silent).await
    }

    /// Runs statements without values.
    pub(crate) async fn run(&self, statements: &str) -> Result<(), Failure> {
        in_time(self.begun.batch_execute(statements), self.is_silent).await
    }
}

impl Statements for Transaction<'_> {
    async fn rows(&self, statement: &str, values: &[&dyn Column]) -> Result<Vec<Row>, Failure> {
        in_time(self.begun.query_typed(statement, &typed(values)), self.is_silent).await
    }

    async fn changed(&self, statement: &str, values: &[&dyn Column]) -> Result<u64, Failure> {
        in_time(self.begun.execute_typed(statement, &typed(values)), self.is_silent).await
    }
}

fn typed<'a>(values: &[&'a dyn Column]) -> Vec<(&'a (dyn ToSql + Sync), Type)> {
    values.iter().map(|value| value.typed()).collect()
}

async fn in_time<T>(
    answer: impl Future<Output = Result<T, PostgresError>>,
    is_silent: &AtomicBool,
) -> Result<T, Failure> {
    match timeout(LONGEST_WAIT, answer).await {
        Ok(answer) => Ok(answer?),
        Err(_) => {
            is_silent.store(true, Ordering::Relaxed);
            Err(Failure::Silent(LONGEST_WAIT))
        }
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("url", &self.shown).finish_non_exhaustive()
    }
}
