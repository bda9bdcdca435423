//! Everything in two DynamoDB tables: state that is kept, and events that soon expire.
//!
//! ```text
//! state table
//! SESSION#<id>           META                    what initialize settled
//! SESSION#<id>           STATE#<key>             a tool's state, rev
//! SESSION#<id>           SUB#<uri>               a resource the session wants to hear of
//! SESSION#<id>           MAIL#<address>#<name>   a letter for a running call
//! HANDLE#<owner>#<name>  STATE#<key>             state behind a handle, rev
//! OWNER#<principal>      SESSION#<time>#<id>     listing
//! OWNER#<principal>      SLOTS                   the streams a caller holds
//!
//! event table
//! HEAD#<scope>           HEAD                    v: the last place of a scope
//! LOG#<scope>            <20 digits>             an event, or that there is none
//! LOG#global#<copy>      <20 digits>             the same again, where EVENT_FANOUT_REPLICAS asks for it
//! TOPICS                 =<uri>                  a topic that has events
//! TOPIC#=<uri>           <20 digits>             an event of it
//! SEEN#<scope>#<id>      SEEN                    the place a source's event got
//! STREAM#<session>       <stream>#<20 digits>    a message of a reply; 0 opens it, `end` finishes it
//! ```
//!
//! `expires` (milliseconds) is compared on every read, `ttl` (seconds) only lets DynamoDB delete in its own time. Every
//! write that depends on what was read is conditional. Nothing is scanned.

mod client;
mod error;
mod item;
mod log;
mod mail;
mod sessions;
mod slots;
mod streams;
mod tables;
mod topics;
mod write;

use std::sync::Arc;

use aws_sdk_dynamodb::{Client, types::AttributeValue};

pub use crate::store::aws::{http_client, sdk_config};
/// The SDK, in the version this store uses.
pub use aws_sdk_dynamodb as sdk;
pub use client::client;
pub use tables::{TableShape, create_tables, table_shapes};

use crate::{clock::Clock, error::StoreError, random};

/// A transaction takes 100 items, and an event is up to four of them besides its copies.
const MOST_COPIES: usize = 90;

/// A store in DynamoDB. Clones share one client.
#[derive(Clone)]
pub struct DynamoStore {
    client: Client,
    state: Arc<str>,
    events: Arc<str>,
    clock: Clock,
    fanout: write::Fanout,
}

impl DynamoStore {
    /// A store in two existing tables. Nothing is asked of DynamoDB until the first request needs it.
    #[must_use]
    pub fn new(client: Client, state_table: &str, event_table: &str, clock: Clock) -> Self {
        Self {
            client,
            state: state_table.into(),
            events: event_table.into(),
            clock,
            fanout: write::Fanout::default(),
        }
    }

    /// Writes what everybody hears in `replicas` places, and reads it from one of them, chosen at random: a partition
    /// bears so many readers and no more. Every writer and reader of a table has to be set to the same number.
    #[must_use]
    pub fn with_replicas(mut self, replicas: usize) -> Self {
        let copies = replicas.saturating_sub(1).min(MOST_COPIES);
        self.fanout = write::Fanout { copies, copy: random::below(copies + 1) };
        self
    }

    /// Every item below a key whose sort key starts with `prefix`, page by page.
    async fn query(&self, table: &str, pk: &str, prefix: &str) -> Result<Vec<item::Item>, StoreError> {
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let page = self
                .client
                .query()
                .table_name(table)
                .consistent_read(true)
                .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
                .expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()))
                .expression_attribute_values(":prefix", AttributeValue::S(prefix.to_owned()))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| error::failed("Query", table, &error))?;
            items.extend(page.items.unwrap_or_default().into_iter().map(item::Item));
            match page.last_evaluated_key {
                Some(key) if !key.is_empty() => start = Some(key),
                _ => return Ok(items),
            }
        }
    }
}
