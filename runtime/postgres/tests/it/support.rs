//! Stores in a schema of their own, and what they keep.

use std::time::Duration;

use mcp_lambda_core::{
    auth::Principal,
    config::PostgresUrl,
    error::StoreError,
    events::{Appended, EventLog, NewEvent, Scope},
    protocol::SessionVersion,
    session::{SessionClient, SessionId, SessionRecord},
    time::{Clock, Timestamp},
};
use mcp_lambda_postgres::{PostgresLimits, PostgresStore, migrate};
use serde_json::json;
use test_support::postgres;

pub(crate) const TTL: Duration = Duration::from_secs(600);

pub(crate) fn clock() -> Clock {
    Clock::manual(Timestamp::from_millis(1_800_000_000_000))
}

/// The URL of a schema with tables.
pub(crate) async fn tables() -> PostgresUrl {
    let url = postgres::schema().await.parse().expect("a URL");
    migrate(&url).await.expect("tables");
    url
}

pub(crate) async fn open(url: &PostgresUrl, clock: &Clock) -> PostgresStore {
    open_with(url, clock, PostgresLimits::default()).await
}

pub(crate) async fn open_with(url: &PostgresUrl, clock: &Clock, limits: PostgresLimits) -> PostgresStore {
    PostgresStore::connect(url, clock.clone(), limits).await.expect("a database with tables")
}

/// The text of the refusal of a database.
pub(crate) async fn refusal(url: &str) -> String {
    let url = url.parse().expect("a URL");
    let refused = PostgresStore::connect(&url, clock(), PostgresLimits::default()).await;
    refused.map(drop).expect_err("no usable database").to_string()
}

pub(crate) fn session(owner: &str, clock: &Clock) -> SessionRecord {
    let owner = Principal::new("https://issuer.example", owner);
    let (now, id) = (clock.now(), SessionId::random());
    SessionRecord::new(id, owner, SessionVersion::V2025_11_25, SessionClient::default(), now, now.plus(TTL))
}

pub(crate) fn event(clock: &Clock, data: &serde_json::Value) -> NewEvent {
    let event = serde_json::from_value(json!({ "type": "message", "level": "info", "data": data }));
    let now = clock.now();
    NewEvent::new(event.expect("an event"), now, now.plus(TTL))
}

pub(crate) async fn append(
    store: &PostgresStore,
    scope: &Scope,
    event: &NewEvent,
) -> Result<Appended, StoreError> {
    EventLog::append(store, scope, event).await
}

/// The sequence numbers of the global events.
pub(crate) async fn written(store: &PostgresStore) -> Vec<u64> {
    let events = EventLog::read(store, &Scope::Global, 0, usize::MAX).await.expect("read");
    events.iter().map(|event| event.seq).collect()
}

/// The text of an error, with its causes.
pub(crate) fn causes(error: &StoreError) -> String {
    mcp_lambda_core::error::Causes(error).to_string()
}
