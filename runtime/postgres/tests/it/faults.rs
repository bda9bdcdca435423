//! A database that fails, connections that are cut, and many writers at a time.

use std::sync::Arc;

use mcp_lambda_core::{
    events::{Appended, EventLog, Scope},
    session::{SessionStore, StateScope, StateStore},
};
use mcp_lambda_postgres::{PostgresLimits, PostgresStore, migrate};
use serde_json::json;
use test_support::{
    postgres::{self, PostgresServer},
    waiting::eventually,
};
use tokio::task::JoinSet;

use crate::support::{append, causes, clock, event, open, session, tables, written};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_killed_has_lost_nothing_that_it_has_acknowledged_and_doubled_nothing() {
    let (server, clock) = (PostgresServer::durable(), clock());
    let url = server.schema().await.parse().expect("a URL");
    migrate(&url).await.expect("tables");
    let store = Arc::new(open(&url, &clock).await);
    let mut writers = JoinSet::new();
    let acknowledged = Arc::new(std::sync::Mutex::new(Vec::new()));
    for number in 0..8 {
        let (store, clock, acknowledged) = (Arc::clone(&store), clock.clone(), Arc::clone(&acknowledged));
        writers.spawn(async move {
            for count in 0.. {
                let data = json!(format!("{number}-{count}"));
                match append(&store, &Scope::Global, &event(&clock, &data)).await {
                    Ok(Appended::At(seq)) => acknowledged.lock().expect("a lock").push(seq),
                    Ok(other) => panic!("{other:?}"),
                    Err(error) => {
                        assert!(error.is_retryable(), "{error:?}");
                        return;
                    }
                }
            }
        });
    }
    eventually("some are written", || acknowledged.lock().expect("a lock").len() >= 300).await;
    server.kill().await;
    writers.join_all().await;
    server.restart();

    let found = written(&store).await;
    let head = store.heads(&[Scope::Global]).await.expect("the same pool reads again")[0];
    assert_eq!(found, (1..=head).collect::<Vec<_>>(), "neither a gap nor a number given twice");
    assert!(acknowledged.lock().expect("a lock").iter().all(|seq| found.contains(seq)));
    let events = EventLog::read(&*store, &Scope::Global, 0, usize::MAX).await.expect("read");
    let mut texts: Vec<_> = events.iter().map(|event| format!("{:?}", event.event)).collect();
    let all = texts.len();
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), all, "each was written once");
    append(&store, &Scope::Global, &event(&clock, &json!("after"))).await.expect("it goes on");
}

#[tokio::test]
async fn a_connection_that_the_database_has_ended_is_replaced() {
    let (url, clock) = (tables().await, clock());
    let mut limits = PostgresLimits::default();
    limits.connections = 1;
    let named = format!("{}&application_name=ended", url.expose()).parse().expect("a URL");
    let store = PostgresStore::connect(&named, clock.clone(), limits).await.expect("a database");
    let record = session("ada", &clock);
    store.create(&record).await.expect("created");
    let beside = postgres::connect(url.expose()).await;
    for _ in 0..3 {
        end_connections(&beside).await;
        assert!(store.load(&record.id).await.expect("a read is repeated").is_some());
        end_connections(&beside).await;
        // What was lost is known before the next write: it uses another connection.
        let mut writes = 0;
        while let Err(error) = store.touch(&record.id, record.expires_at).await {
            writes += 1;
            assert!(error.is_retryable() && writes < 10, "{}", causes(&error));
        }
    }
}

/// Ends the connections of a store, which names itself in its URL.
async fn end_connections(beside: &tokio_postgres::Client) {
    let statement = "
        SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE application_name = 'ended'";
    let ended: i64 = beside.query_one(statement, &[]).await.expect("it answers").get(0);
    assert_eq!(ended, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_writers_through_eight_servers_lose_no_write() {
    let (url, clock) = (tables().await, clock());
    let mut stores = Vec::new();
    for _ in 0..8 {
        stores.push(Arc::new(open(&url, &clock).await));
    }
    let mut writers = JoinSet::new();
    for number in 0..1_000_usize {
        let (store, clock) = (Arc::clone(&stores[number % stores.len()]), clock.clone());
        writers.spawn(async move { append(&store, &Scope::Global, &event(&clock, &json!(number))).await });
    }
    let mut seqs = Vec::new();
    while let Some(done) = writers.join_next().await {
        match done.expect("it ends") {
            Ok(Appended::At(seq)) => seqs.push(seq),
            other => panic!("not appended: {other:?}"),
        }
    }
    seqs.sort_unstable();
    assert_eq!(seqs, (1..=1_000).collect::<Vec<_>>());
}

#[tokio::test]
async fn work_that_a_deadlock_has_undone_is_done_again() {
    let (url, clock) = (tables().await, clock());
    let store = open(&url, &clock).await;
    let record = session("ada", &clock);
    store.create(&record).await.expect("created");
    let scope = StateScope::Session(record.id.clone());
    store.put_state(&scope, "k", &json!(1), 0, clock.now()).await.expect("written");
    let mut beside = postgres::connect(url.expose()).await;
    // The other one holds the value and wants the session; the store holds the session and wants the value.
    let other = beside.transaction().await.expect("a transaction");
    other
        .execute("SET LOCAL deadlock_timeout = '60s'", &[])
        .await
        .expect("the store is the one that is undone");
    other.execute("UPDATE mcp_state SET rev = rev", &[]).await.expect("held");
    let value = json!(2);
    let write = store.put_state(&scope, "k", &value, 1, clock.now());
    let want = async {
        other.execute("UPDATE mcp_sessions SET created = created", &[]).await.expect("held too");
        other.commit().await.expect("committed");
    };
    let (written, ()) = tokio::join!(write, want);
    assert_eq!(written.expect("written at last"), 2);
}
