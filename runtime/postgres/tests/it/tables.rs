//! The tables: who makes them, and what is refused.

use mcp_lambda_core::{
    config::PostgresUrl,
    events::{Appended, EventLog, Scope},
    session::{SessionStore, StateScope, StateStore},
};
use mcp_lambda_postgres::{OpenError, PostgresLimits, PostgresStore, migrate};
use serde_json::json;
use test_support::postgres;
use tokio::task::JoinSet;

use crate::support::{append, clock, event, open, refusal, session, tables, written};

#[tokio::test]
async fn everything_is_there_for_another_server() {
    let (url, clock) = (tables().await, clock());
    let record = session("a\0da", &clock);
    let scope = StateScope::Session(record.id.clone());
    let first = open(&url, &clock).await;
    first.create(&record).await.expect("created");
    let long = format!("event://a/{}", "b".repeat(2_000));
    for uri in [long.as_str(), "event://\0/\u{1}"] {
        first.subscribe(&record.id, uri, 9).await.expect("subscribed");
    }
    first.put_state(&scope, "co\0unt", &json!("\0"), 0, clock.now()).await.expect("written");
    append(&first, &Scope::Global, &event(&clock, &json!("one\0"))).await.expect("appended");

    let second = open(&url, &clock).await;
    assert_eq!(second.load(&record.id).await.expect("read").expect("the session").owner, record.owner);
    let uris = second.subscriptions(&record.id).await.expect("read");
    assert_eq!(uris, ["event://\0/\u{1}", long.as_str()]);
    let value = second.state(&scope, "co\0unt").await.expect("read").expect("the value").value;
    assert_eq!(value, json!("\0"));
    assert_eq!(written(&second).await, [1]);
    assert_eq!(append(&second, &Scope::Global, &event(&clock, &json!(2))).await.ok(), Some(Appended::At(2)));
    assert_eq!(format!("{:?}", first.state_key()), format!("{:?}", second.state_key()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_that_migrate_one_makes_the_tables() {
    let url: PostgresUrl = postgres::schema().await.parse().expect("a URL");
    let mut migrations = JoinSet::new();
    for _ in 0..8 {
        let url = url.clone();
        migrations.spawn(async move { migrate(&url).await.expect("tables").from });
    }
    let mut before = migrations.join_all().await;
    before.sort_unstable();
    assert_eq!(before, [0, 1, 1, 1, 1, 1, 1, 1]);
    open(&url, &clock()).await;
}

#[tokio::test]
async fn a_database_without_tables_and_with_those_of_other_versions_is_refused_with_what_to_run() {
    let url = postgres::schema().await;
    let refused = refusal(&url).await;
    let missing =
        "postgres:///postgres has no tables of this server: run the program with the argument migrate";
    assert_eq!(refused, missing);

    let parsed: PostgresUrl = url.parse().expect("a URL");
    migrate(&parsed).await.expect("tables");
    let beside = postgres::connect(&url).await;
    beside.execute("UPDATE mcp_version SET version = 7", &[]).await.expect("another version");
    let refused = PostgresStore::connect(&parsed, clock(), PostgresLimits::default()).await;
    assert!(matches!(refused, Err(OpenError::Newer { found: 7, known: 1, .. })), "{refused:?}");
    let refused = migrate(&parsed).await.expect_err("later tables").to_string();
    assert!(refused.contains("run the version that made them"), "{refused}");
}

#[tokio::test]
async fn a_database_that_does_not_exist_or_cannot_be_reached_is_one_clear_sentence_without_the_password() {
    let url = postgres::schema().await;
    let refused = refusal(&url.replace("/postgres?", "/none?")).await;
    assert!(refused.starts_with("postgres:///none: there is no such database: create it"), "{refused}");

    let closed =
        std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
    let refused = refusal(&format!("postgres://mcp:secret@{closed}/mcp")).await;
    let expected = format!("postgres://{closed}/mcp: the database cannot be reached: is it running");
    assert!(refused.starts_with(&expected) && !refused.contains("secret"), "{refused}");
}

#[tokio::test]
async fn a_server_needs_no_more_than_to_read_and_write_the_tables() {
    let url = postgres::schema().await;
    migrate(&url.parse().expect("a URL")).await.expect("tables");
    let beside = postgres::connect(&url).await;
    let schema: String = beside.query_one("SELECT current_schema()::text", &[]).await.expect("a row").get(0);
    let grants = format!(
        "CREATE ROLE server_{schema} LOGIN;
         GRANT USAGE ON SCHEMA {schema} TO server_{schema};
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO server_{schema};
         CREATE ROLE stranger_{schema} LOGIN;
         GRANT USAGE ON SCHEMA {schema} TO stranger_{schema}"
    );
    beside.batch_execute(&grants).await.expect("roles");
    let of = |role: &str| url.replace("user=mcp", &format!("user={role}_{schema}"));
    let clock = clock();
    let store = open(&of("server").parse().expect("a URL"), &clock).await;
    let record = session("ada", &clock);
    store.create(&record).await.expect("created");
    append(&store, &Scope::Session(record.id.clone()), &event(&clock, &json!(1))).await.expect("appended");
    store.end(&record.id).await.expect("ended");
    assert_eq!(store.heads(&[Scope::Session(record.id)]).await.expect("read"), [0]);
    let refused = migrate(&of("server").parse().expect("a URL")).await;
    assert!(refused.is_ok_and(|migrated| migrated.from == migrated.to), "nothing is left to do");

    let refused = refusal(&of("stranger")).await;
    assert!(refused.contains("the user may not do this: grant it what docs/stores.md lists"), "{refused}");
}
