//! What is kept for how many, and what is removed.

use std::time::Duration;

use bytes::Bytes;
use mcp_lambda_core::{
    auth::Principal,
    error::StoreError,
    events::{EventLog, Scope},
    session::{ClientMessage, InboxKey, InboxStore, SessionStore, StateScope, StateStore},
};
use mcp_lambda_postgres::PostgresLimits;
use serde_json::json;
use test_support::postgres;

use crate::support::{TTL, append, causes, clock, event, open, open_with, session, tables};

#[tokio::test]
async fn a_principal_has_so_many_sessions_and_the_one_that_expires_first_ends() {
    let (url, clock) = (tables().await, clock());
    let mut limits = PostgresLimits::default();
    limits.sessions_per_principal = 2;
    let store = open_with(&url, &clock, limits).await;
    let (first, second, other) = (session("ada", &clock), session("ada", &clock), session("bob", &clock));
    for record in [&first, &second, &other] {
        store.create(record).await.expect("created");
    }
    store.touch(&first.id, clock.now().plus(2 * TTL)).await.expect("used");
    let third = session("ada", &clock);
    store.create(&third).await.expect("created");
    let mut live = Vec::new();
    for record in [&first, &second, &third, &other] {
        live.push(store.load(&record.id).await.expect("read").is_some());
    }
    assert_eq!(live, [true, false, true, true]);
}

#[tokio::test]
async fn a_session_has_so_many_messages_and_values() {
    let (url, clock) = (tables().await, clock());
    let (store, record) = (open(&url, &clock).await, session("ada", &clock));
    store.create(&record).await.expect("created");
    for number in 0..1_002 {
        let body = Bytes::from(number.to_string());
        let message =
            ClientMessage::new(InboxKey::Session, format!("m{number}"), body, clock.now().plus(TTL));
        store.put(&record.id, &message).await.expect("put");
    }
    let messages = InboxStore::read(&store, &record.id, &[InboxKey::Session]).await.expect("read");
    assert_eq!((messages.len(), &*messages[0].name), (1_000, "m2"));

    let handle = StateScope::Handle { owner: "ada".into(), handle: "h".into() };
    for scope in [StateScope::Session(record.id.clone()), handle] {
        let expires_at = clock.now().plus(TTL);
        for number in 0..1_000 {
            store.put_state(&scope, &format!("k{number}"), &json!(1), 0, expires_at).await.expect("written");
        }
        let refused = store.put_state(&scope, "one more", &json!(1), 0, expires_at).await;
        assert!(matches!(refused, Err(StoreError::Full { limit: 1_000, .. })), "{refused:?}");
        store.put_state(&scope, "k7", &json!(2), 1, expires_at).await.expect("a change needs no room");
        let refused = store.put_state(&scope, "k8", &json!(2), 0, expires_at).await;
        assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    }
}

#[tokio::test]
async fn large_messages_push_the_oldest_ones_out() {
    let (url, clock) = (tables().await, clock());
    let (store, record) = (open(&url, &clock).await, session("ada", &clock));
    store.create(&record).await.expect("created");
    let body = Bytes::from(vec![b'x'; 390 * 1024]);
    for number in 0..50 {
        let name = format!("m{number}");
        let message = ClientMessage::new(InboxKey::Session, name, body.clone(), clock.now().plus(TTL));
        store.put(&record.id, &message).await.expect("put");
    }
    let messages = InboxStore::read(&store, &record.id, &[InboxKey::Session]).await.expect("read");
    assert_eq!((messages.len(), &*messages[0].name), (42, "m8"), "16 MiB");
}

#[tokio::test]
async fn a_scope_keeps_so_many_events() {
    let (url, clock) = (tables().await, clock());
    let store = open(&url, &clock).await;
    let scope = Scope::Principal(Principal::new("https://issuer.example", "ada"));
    let event = event(&clock, &json!("x")).with_source_id(Some("first".into()));
    append(&store, &scope, &event).await.expect("appended");
    // As if as many had been appended as a scope keeps, but for one.
    let beside = postgres::connect(url.expose()).await;
    beside.execute("UPDATE mcp_scopes SET head = 10099", &[]).await.expect("a head");
    append(&store, &scope, &event.with_source_id(None)).await.expect("appended");
    let events = EventLog::read(&store, &scope, 0, 9).await.expect("read");
    assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), [10_100]);
}

#[tokio::test]
async fn expired_items_are_removed_while_others_are_written() {
    let (url, clock) = (tables().await, clock());
    let store = open(&url, &clock).await;
    for number in 0..120 {
        let record = session("ada", &clock);
        store.create(&record).await.expect("created");
        store.subscribe(&record.id, "event://a/b", 9).await.expect("subscribed");
        append(&store, &Scope::Session(record.id.clone()), &event(&clock, &json!(number)))
            .await
            .expect("appended");
    }
    clock.advance(TTL + Duration::from_millis(1));
    // Each write removes a part, so that none waits for all.
    for _ in 0..4 {
        store.create(&session("bob", &clock)).await.expect("created");
    }
    let beside = postgres::connect(url.expose()).await;
    let mut left = Vec::new();
    for table in ["mcp_sessions", "mcp_subscriptions", "mcp_events", "mcp_scopes"] {
        let statement = format!("SELECT count(*) FROM {table}");
        left.push(beside.query_one(&statement, &[]).await.expect("a count").get::<_, i64>(0));
    }
    assert_eq!(left, [4, 0, 0, 0]);
}

#[tokio::test]
async fn a_write_waits_so_long_for_a_lock_and_its_connection_is_given_up() {
    let (url, clock) = (tables().await, clock());
    let mut limits = PostgresLimits::default();
    limits.connections = 1;
    let store = open_with(&url, &clock, limits).await;
    let record = session("ada", &clock);
    store.create(&record).await.expect("created");
    let mut beside = postgres::connect(url.expose()).await;
    let lock = beside.transaction().await.expect("a transaction");
    lock.execute("SELECT 1 FROM mcp_sessions FOR UPDATE", &[]).await.expect("locked");
    tokio::time::pause();
    let refused = store.touch(&record.id, record.expires_at).await.expect_err("the row is locked");
    tokio::time::resume();
    assert!(causes(&refused).contains("the database has not answered for 5s"), "{}", causes(&refused));
    assert!(refused.is_retryable());
    lock.rollback().await.expect("unlocked");
    store.touch(&record.id, clock.now().plus(TTL)).await.expect("another connection is used");
}
