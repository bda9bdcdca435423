//! The texts of a server that can serve no more connections, or whose store fails. The table is the third one of
//! `refusals.md`.

use std::fmt::Write as _;

use mcp_lambda_server::{
    Clock, Stores,
    config::TlsRoots,
    dynamodb::{DynamoStore, http_client, retries, sdk},
};
use serde_json::json;
use test_support::{
    McpRequest, call,
    dynamodb::configured,
    environments, environments_with,
    request::initialize_request,
    session::{NEWEST, request},
    socket::RunningServer,
    stateless,
};

use super::refusals::{HEAD, check, line};

/// A valid id of a session.
const SESSION: &str = "0123456789abcdef0123456789abcdef";

/// A connection beyond `MCP_CONNECTIONS`, while none can end for it.
async fn full(table: &mut String) {
    let world = environments_with(1, |config| config.connections.limit = 1);
    let listening = RunningServer::start(world.at(0)).await;
    let mut open = listening.connect().await;
    let listen = stateless("subscriptions/listen", json!({ "notifications": { "toolsListChanged": true } }));
    assert_eq!(open.send(&listen).await.status, 200);
    let mut refused = listening.connect().await;
    let head = refused.send(&call("echo", json!({ "message": "hi" }))).await;
    let error = refused.body(&head).await["error"].clone();
    let text = error["message"].as_str().expect("a text");
    let what = "a connection too many, while all serve requests";
    writeln!(table, "| {what} | {} | {} | {text} |", head.status, error["code"]).expect("a text");
}

/// Each use of a store that does not answer.
async fn without_store(table: &mut String) {
    let unused =
        std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let config = configured(&format!("http://{unused}"), http_client(TlsRoots::Amazon).expect("TLS"));
    let client = sdk::Client::from_conf(config.retry_config(retries()).build());
    let stores = Stores::of(DynamoStore::new(client, "state", "events", Clock::system()));
    let world = environments::world(1, |_| {}, |builder| builder.stores(stores.clone()));
    let ping = request(1, "ping", json!({}));
    for (what, post) in [
        ("initialize, while the store does not answer", initialize_request(NEWEST, json!({}))),
        (
            "a request of a session, while the store does not answer",
            McpRequest::session(SESSION, NEWEST, &ping),
        ),
    ] {
        line(table, what, post.send(world.at(0)).await).await;
    }
}

#[tokio::test]
async fn every_refusal_of_a_server_that_cannot_serve_has_its_text() {
    let mut table = HEAD.to_owned();
    full(&mut table).await;
    without_store(&mut table).await;
    check("Servers", &table);
}
