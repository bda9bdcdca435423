//! Everything in two DynamoDB tables: state that is kept, and events that soon expire.
//!
//! ```text
//! state table
//! SESSION#<id>           META                    what initialize settled
//! SESSION#<id>           STATE#<key>             a tool's state, rev
//! SESSION#<id>           SUB#<uri>               a resource the session wants to hear of
//! SESSION#<id>           MAIL#<address>#<name>   a letter for a running call
//! HANDLE#<owner>#<name>  STATE#<key>             state behind a handle, rev
//! SERVER                 STATE#tools             which tools are switched on or off, rev
//! OWNER#<principal>      SESSION#<time>#<id>     listing
//! OWNER#<principal>      SLOTS                   the streams a caller holds
//!
//! event table
//! HEAD#<scope>           HEAD                    v: the last place of a scope
//! LOG#<scope>            <20 digits>             an event, or that there is none
//! LOG#global#<copy>      <20 digits>             the same again, where EVENT_FANOUT_REPLICAS asks for it
//! TOPICS                 =<uri>                  a topic that has events
//! TOPIC#=<uri>           <20 digits>             an event of it
//! TOPICS#<scope>, TOPIC#<scope>#=<uri>           the same for a caller's own
//! SEEN#<scope>#<id>      SEEN                    the place a source's event got
//! STREAM#<session>       <stream>#<20 digits>    messages of a reply, up to this one; 0 opens it
//! ```
//!
//! `expires` (milliseconds) is compared on every read, `ttl` (seconds) only lets DynamoDB delete in its own time. Every
//! write that depends on what was read is conditional. Nothing is scanned.

mod client;
mod error;
mod event_keys;
mod inbox;
mod item;
mod log;
mod read;
mod sessions;
mod slots;
mod streams;
mod tables;
mod transact;
mod write;

use std::sync::Arc;

use aws_sdk_dynamodb::Client;

pub use crate::sdk::{http_client, retries, sdk_config, timeouts};
/// What AWS's SDK clients are made from.
pub use aws_config::SdkConfig;
/// The SDK, in the version this store uses.
pub use aws_sdk_dynamodb as sdk;
pub use client::client;
pub use tables::{TableShape, create_tables, table_shapes};

use crate::sdk::{AwsSdk, LazyClient};
use mcp_lambda_core::{error::StoreError, random, time::Clock};

/// A transaction takes 100 items, and an event is up to four of them besides its copies.
const MOST_COPIES: usize = 90;

/// A store in DynamoDB. Clones share one client.
#[derive(Clone)]
pub struct DynamoStore {
    client: Arc<LazyClient<Client>>,
    state: Arc<str>,
    events: Arc<str>,
    clock: Clock,
    fanout: write::Fanout,
}

impl DynamoStore {
    /// A store in two existing tables. Nothing is asked of DynamoDB until the first request needs it.
    #[must_use]
    pub fn new(client: Client, state_table: &str, event_table: &str, clock: Clock) -> Self {
        Self::with(LazyClient::Given(client), state_table, event_table, clock)
    }

    /// The same with a client that is made when the first request needs it.
    pub fn deferred(aws: AwsSdk, state_table: &str, event_table: &str, clock: Clock) -> Self {
        Self::with(LazyClient::deferred(aws, client), state_table, event_table, clock)
    }

    fn with(client: LazyClient<Client>, state_table: &str, event_table: &str, clock: Clock) -> Self {
        Self {
            client: Arc::new(client),
            state: state_table.into(),
            events: event_table.into(),
            clock,
            fanout: write::Fanout::default(),
        }
    }

    async fn client(&self) -> Result<&Client, StoreError> {
        self.client.get().await
    }

    /// Writes what everybody hears in `replicas` places, and reads it from one of them, chosen at random: a partition
    /// bears so many readers and no more. Every writer and reader of a table has to be set to the same number.
    #[must_use]
    pub fn with_replicas(mut self, replicas: usize) -> Self {
        let copies = replicas.saturating_sub(1).min(MOST_COPIES);
        self.fanout = write::Fanout { copies, copy: random::below(copies + 1) };
        self
    }
}
