//! The store: a database and its limits.

use std::{sync::Arc, time::Duration};

use mcp_lambda_core::{
    config::{Config, PostgresUrl},
    error::StoreError,
    keys::NamedKey,
    time::Clock,
};

use crate::{address::Address, database::Database, error::OpenError, queue::PostgresQueue, schema};

/// The largest value, message or event, as JSON and in bytes: as in every store.
pub(crate) use mcp_lambda_core::store::LARGEST_VALUE;

/// The limits of a [`PostgresStore`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PostgresLimits {
    /// The number of sessions of one principal; the one that would expire first ends for another one. Default: 1000.
    pub sessions_per_principal: usize,
    /// The number of connections of this process. Default: 10.
    pub connections: usize,
}

impl PostgresLimits {
    /// The limits of a configuration: `MCP_SESSIONS_PER_PRINCIPAL` and `MCP_STORE_CONNECTIONS`.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self { sessions_per_principal: config.sessions.per_principal, connections: config.store_connections }
    }
}

impl Default for PostgresLimits {
    fn default() -> Self {
        Self::of(&Config::default())
    }
}

/// Stores in a database of `PostgreSQL`: sessions, state, messages of clients, replies, counts of streams, tasks and events.
///
/// Any number of processes share a database. Statements are plain and unnamed, and nothing is kept on a connection between two
/// transactions: a pooler such as `PgBouncer` may stand before the database, in transaction mode. Times are those of the
/// process.
///
/// ```no_run
/// use mcp_lambda_postgres::{PostgresLimits, PostgresStore};
/// use mcp_lambda_core::{store::Stores, time::Clock};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let url = "postgres://mcp@localhost/mcp".parse()?;
/// mcp_lambda_postgres::migrate(&url).await?;
/// let store = PostgresStore::connect(&url, Clock::system(), PostgresLimits::default()).await?;
/// let stores = Stores::of(store);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct PostgresStore {
    pub(crate) database: Arc<Database>,
    state_key: Vec<u8>,
}

impl PostgresStore {
    /// Connects to a database.
    ///
    /// # Errors
    ///
    /// [`OpenError`] if the database cannot be reached or used, or has no tables of this version.
    pub async fn connect(url: &PostgresUrl, clock: Clock, limits: PostgresLimits) -> Result<Self, OpenError> {
        let database = Arc::new(Database::new(Address::of(url)?, clock, limits)?);
        let state_key = schema::check(&database).await?;
        Ok(Self { database, state_key })
    }

    /// The key of `requestState` that was made with the tables, for servers without configured keys: all that share the database
    /// have the same one.
    #[must_use]
    pub fn state_key(&self) -> NamedKey {
        NamedKey::new("database", self.state_key.as_slice())
    }

    /// A queue for the tasks of this store, in the same database.
    #[must_use]
    pub fn task_queue(&self) -> PostgresQueue {
        PostgresQueue::new(Arc::clone(&self.database))
    }
}

/// How long a counter is kept after its last use: longer than anything that it counts.
pub(crate) const COUNTER_TTL: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// Refuses text that no store takes.
pub(crate) fn check_size(json: &str) -> Result<(), StoreError> {
    if json.len() > LARGEST_VALUE {
        return Err(StoreError::TooLarge { size: json.len(), limit: LARGEST_VALUE });
    }
    Ok(())
}
