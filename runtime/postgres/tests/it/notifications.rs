//! What other servers write is heard of, and where it is not, nothing else changes.

use std::time::Duration;

use bytes::Bytes;
use mcp_lambda_core::{
    events::Scope,
    session::{ClientMessage, InboxKey, InboxStore, SessionStore},
    store::Wakened,
};
use serde_json::json;
use test_support::postgres;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    task::JoinSet,
    time::timeout,
};

use crate::support::{TTL, append, clock, event, open, session, tables, written};

/// Whether it is woken soon.
async fn is_woken(waiter: &mut Wakened, name: &str) -> bool {
    timeout(Duration::from_millis(200), waiter.by(name)).await.is_ok()
}

#[tokio::test]
async fn events_and_messages_of_other_servers_wake_a_server_that_listens_also_after_a_lost_connection() {
    let (url, clock) = (tables().await, clock());
    let named = format!("{}&application_name=listener", url.expose()).parse().expect("a URL");
    let listening = open(&named, &clock).await.listening().stores();
    let other = open(&url, &clock).await;
    let record = session("ada", &clock);
    other.create(&record).await.expect("created");
    let (mut events, mut messages) = (listening.event_wake_up.listen(), listening.message_wake_up.listen());
    let beside = postgres::connect(url.expose()).await;
    for round in 0..3 {
        // It listens some time after its start, and after it has lost its connection.
        while !is_woken(&mut events, "").await {
            append(&other, &Scope::Global, &event(&clock, &json!(round))).await.expect("appended");
        }
        loop {
            let (name, body) = (random_name(), Bytes::from_static(b"{}"));
            let message = ClientMessage::new(InboxKey::Session, name, body, clock.now().plus(TTL));
            other.put(&record.id, &message).await.expect("put");
            if is_woken(&mut messages, record.id.as_str()).await {
                break;
            }
        }
        let statement = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE application_name = 'listener'";
        beside.query_one(statement, &[]).await.expect("ended");
    }
}

fn random_name() -> String {
    mcp_lambda_core::session::SessionId::random().to_string()
}

#[tokio::test]
async fn behind_a_pooler_that_passes_no_notifications_on_everything_else_works() {
    let (url, clock) = (tables().await, clock());
    let (pooler, folder) =
        (TcpListener::bind("127.0.0.1:0").await.expect("a port"), postgres::folder(url.expose()));
    let address = pooler.local_addr().expect("its address");
    let mut task = JoinSet::new();
    task.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((client, _)) = pooler.accept().await {
            connections.spawn(pass_on(client, format!("{folder}/.s.PGSQL.5432")));
        }
    });
    let rest = url.expose().split_once('&').expect("settings").1;
    let through = format!("postgres://{address}/postgres?{rest}").parse().expect("a URL");
    let pooled = open(&through, &clock).await.listening();
    append(&pooled, &Scope::Global, &event(&clock, &json!(1))).await.expect("appended");
    let other = open(&url, &clock).await;
    append(&other, &Scope::Global, &event(&clock, &json!(2))).await.expect("appended");
    assert_eq!(written(&pooled).await, [1, 2]);
    let stores = pooled.stores();
    let mut events = stores.event_wake_up.listen();
    append(&other, &Scope::Global, &event(&clock, &json!(3))).await.expect("appended");
    assert!(!is_woken(&mut events, "").await, "nothing arrives");
}

/// Passes messages on between a client and the database, but for notifications.
async fn pass_on(client: TcpStream, socket: String) {
    let database = tokio::net::UnixStream::connect(socket).await.expect("the database");
    let (mut from_client, to_client) = client.into_split();
    let (from_database, mut to_database) = database.into_split();
    let forth = async move {
        let _ = tokio::io::copy(&mut from_client, &mut to_database).await;
        drop::<OwnedReadHalf>(from_client);
    };
    tokio::join!(forth, back(from_database, to_client));
}

/// The messages of the protocol have a letter and a length: <https://www.postgresql.org/docs/current/protocol-message-formats.html>
/// (read 2026-11-28).
async fn back(mut database: tokio::net::unix::OwnedReadHalf, mut client: OwnedWriteHalf) {
    let mut head = [0; 5];
    while database.read_exact(&mut head).await.is_ok() {
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize - 4;
        let mut body = vec![0; length];
        if database.read_exact(&mut body).await.is_err() {
            return;
        }
        let is_passed_on = head[0] != b'A';
        if is_passed_on && client.write_all(&[&head[..], &body].concat()).await.is_err() {
            return;
        }
    }
}
