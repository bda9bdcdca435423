//! The store: a database and its limits.

use std::{sync::Arc, time::Duration};

use mcp_lambda_core::{
    config::{Config, PostgresUrl},
    error::StoreError,
    keys::NamedKey,
    store::{Stores, WakeUp},
    time::Clock,
};

use crate::{
    address::Address,
    database::Database,
    error::OpenError,
    listener::{Listener, WakeUps},
    queue::PostgresQueue,
    schema,
};

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
/// use mcp_lambda_core::time::Clock;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let url = "postgres://mcp@localhost/mcp".parse()?;
/// mcp_lambda_postgres::migrate(&url).await?;
/// let store = PostgresStore::connect(&url, Clock::system(), PostgresLimits::default()).await?;
/// let stores = store.listening().stores();
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct PostgresStore {
    pub(crate) database: Arc<Database>,
    state_key: Vec<u8>,
    wake_ups: WakeUps,
    /// Listens as long as the store is used.
    _listener: Option<Listener>,
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
        Ok(Self { database, state_key, wake_ups: WakeUps::default(), _listener: None })
    }

    /// Listens for notifications of other servers, on one more connection, which is made anew when it is lost: events and client
    /// messages are read at once then instead of at the next poll. Where notifications do not arrive, as behind `PgBouncer` in
    /// transaction mode, they are polled as without this. For processes that run all the time.
    #[must_use]
    pub fn listening(mut self) -> Self {
        self.wake_ups = WakeUps { events: WakeUp::new(), messages: WakeUp::new() };
        self._listener = Some(Listener::start(Arc::clone(&self.database), self.wake_ups.clone()));
        self
    }

    /// All stores of a server.
    #[must_use]
    pub fn stores(self) -> Stores {
        let WakeUps { events, messages } = self.wake_ups.clone();
        Stores::of(self).with_wake_ups(events, messages)
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
