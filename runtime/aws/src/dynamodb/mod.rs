//! A store in two DynamoDB tables: a state table that is kept, and an event table with short-lived items.
//!
//! [`DynamoStore`] implements every store trait of the server. Usually it is created from the environment, when
//! `SESSION_TABLE_NAME` and `EVENT_TABLE_NAME` are set; a program that configures the SDK itself passes one to
//! `Builder::stores`:
//!
//! ```no_run
//! use mcp_lambda_server::{Clock, Stores, config::TlsRoots, dynamodb};
//!
//! # async fn stores() -> Result<Stores, Box<dyn std::error::Error>> {
//! let config = dynamodb::sdk_config(TlsRoots::Amazon).await?;
//! let store = dynamodb::DynamoStore::new(dynamodb::client(&config), "state", "events", Clock::system());
//! let stores = Stores::of(store);
//! # Ok(stores)
//! # }
//! ```

// `keys` documents the items of both tables. `expires` (milliseconds) is compared on every read, `ttl` (seconds) only
// lets DynamoDB delete items in its own time. Every write that depends on a read is conditional. No table is scanned.

mod append;
mod batch;
mod error;
mod event_keys;
mod inbox;
mod item;
mod keys;
mod log;
mod read;
mod sessions;
mod state;
mod stream_leases;
mod streams;
mod subscriptions;
mod tables;
mod task_slots;
mod tasks;
mod write;

use std::{fmt, sync::Arc};

use aws_sdk_dynamodb::Client;

pub use crate::sdk::{http_client, retries, sdk_config, timeouts};
/// Configuration of the AWS SDK clients.
pub use aws_config::SdkConfig;
/// The SDK, in the version that this store uses.
pub use aws_sdk_dynamodb as sdk;
pub use tables::{TableShape, create_tables, table_shapes};

use crate::{
    TraceHeader,
    sdk::{AwsSdk, LazyClient},
};
use mcp_lambda_core::{error::StoreError, random, time::Clock};

/// Largest number of additional replicas. A transaction takes 100 items, and an event is up to four of them besides its
/// replicas.
const MAX_ADDITIONAL_REPLICAS: usize = 90;

/// Creates a DynamoDB client. This opens no connection.
#[must_use]
pub fn client(config: &SdkConfig) -> Client {
    let config = aws_sdk_dynamodb::config::Builder::from(config).interceptor(TraceHeader::new());
    Client::from_conf(config.build())
}

/// A store in DynamoDB. Clones share one client.
#[derive(Clone)]
pub struct DynamoStore {
    client: Arc<LazyClient<Client>>,
    state: Arc<str>,
    events: Arc<str>,
    clock: Clock,
    replicas: Replicas,
}

/// The replicas of the global scope's log.
#[derive(Debug, Clone, Copy, Default)]
struct Replicas {
    /// Number of replicas besides replica 0.
    additional: usize,
    /// The replica that this process reads.
    read: usize,
}

impl DynamoStore {
    /// Creates a store in two existing tables. It sends no request before the first one of the server that needs it.
    #[must_use]
    pub fn new(client: Client, state_table: &str, event_table: &str, clock: Clock) -> Self {
        Self::with(LazyClient::Given(client), state_table, event_table, clock)
    }

    /// Creates a store as [`DynamoStore::new`] does, but creates the client for its first request.
    #[must_use]
    pub fn deferred(aws: AwsSdk, state_table: &str, event_table: &str, clock: Clock) -> Self {
        Self::with(LazyClient::deferred(aws, client), state_table, event_table, clock)
    }

    fn with(client: LazyClient<Client>, state_table: &str, event_table: &str, clock: Clock) -> Self {
        Self {
            client: Arc::new(client),
            state: state_table.into(),
            events: event_table.into(),
            clock,
            replicas: Replicas::default(),
        }
    }

    async fn client(&self) -> Result<&Client, StoreError> {
        self.client.get().await
    }

    /// Sets the number of replicas to which events of the global scope are written, from 1 to 91. Default: 1.
    ///
    /// Each replica is a partition of its own, and this store reads a random one of them: a partition serves a limited
    /// number of readers. All processes that use a table must set the same number.
    #[must_use]
    pub fn with_replicas(mut self, replicas: usize) -> Self {
        let additional = replicas.saturating_sub(1).min(MAX_ADDITIONAL_REPLICAS);
        self.replicas = Replicas { additional, read: random::below(additional + 1) };
        self
    }
}

impl fmt::Debug for DynamoStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamoStore")
            .field("state", &self.state)
            .field("events", &self.events)
            .field("replicas", &self.replicas)
            .finish_non_exhaustive()
    }
}
