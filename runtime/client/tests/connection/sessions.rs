//! Sessions of revisions up to 2025-11-25.

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use mcp_lambda::Connection;
use serde_json::json;

use crate::{
    connect,
    messages::result,
    next,
    scripted::{Arrived, Reply, Scripted},
};

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"vendor":1},"clientInfo":{"name":"test","version":"1"}}}"#;
const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;

/// Answers the handshake: the n-th session is `session-n`. Other requests are for the test.
fn handshake(one: &Arrived, sessions: &AtomicUsize) -> Option<Reply> {
    match one.method().as_str() {
        "initialize" => {
            let number = sessions.fetch_add(1, Ordering::SeqCst) + 1;
            let reply =
                Reply::json(result(one, &json!({ "protocolVersion": "2025-11-25", "capabilities": {} })));
            Some(reply.header("mcp-session-id", &format!("session-{number}")))
        }
        "notifications/initialized" => Some(Reply::status(202)),
        _ if one.http_method == "GET" => Some(Reply::status(405)),
        _ if one.http_method == "DELETE" => Some(Reply::status(204)),
        _ => None,
    }
}

async fn open(connection: &mut Connection) {
    connection.send(INITIALIZE).await.unwrap();
    assert_eq!(next(connection).await["id"], 0);
    connection.send(INITIALIZED).await.unwrap();
}

fn ok(one: &Arrived) -> Reply {
    Reply::json(result(one, &json!({})))
}

#[tokio::test]
async fn requests_name_the_session_and_the_revision_that_was_agreed_on() {
    let sessions = AtomicUsize::new(0);
    let server = Scripted::start(move |one| handshake(one, &sessions).or_else(|| Some(ok(one)))).await;
    let mut connection = connect(&server.url);
    open(&mut connection).await;
    connection.send(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).await.unwrap();
    assert_eq!(next(&mut connection).await["id"], 1);
    connection.close().await;
    let arrived = server.arrived();
    assert_eq!(arrived[0].header("mcp-session-id"), None);
    for one in &arrived[1..] {
        assert_eq!(one.header("mcp-session-id"), Some("session-1"), "{one:?}");
        assert_eq!(one.header("mcp-protocol-version"), Some("2025-11-25"), "{one:?}");
        assert_eq!(one.header("mcp-method"), None, "{one:?}");
    }
    assert_eq!(server.methods().last().map(String::as_str), Some("DELETE"));
}

/// A server forgets sessions: a restart, a time limit. Clients do not open them again by themselves.
#[tokio::test]
async fn a_forgotten_session_is_opened_again_and_the_client_notices_nothing() {
    let sessions = AtomicUsize::new(0);
    let server = Scripted::start(move |one| {
        let forgotten = one.header("mcp-session-id") == Some("session-1") && one.method() == "tools/call";
        if forgotten {
            return Some(Reply::status(404));
        }
        handshake(one, &sessions).or_else(|| Some(ok(one)))
    })
    .await;
    let mut connection = connect(&server.url);
    open(&mut connection).await;
    let level = r#"{"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"debug"}}"#;
    let subscribe = r#"{"jsonrpc":"2.0","id":2,"method":"resources/subscribe","params":{"uri":"a://b"}}"#;
    for (id, request) in [(1, level), (2, subscribe)] {
        connection.send(request).await.unwrap();
        assert_eq!(next(&mut connection).await["id"], id);
    }
    // Many calls notice it at once, and one session is opened.
    for id in 3..13 {
        let call = json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": { "name": "a" } });
        connection.send(call.to_string()).await.unwrap();
    }
    let mut ids: Vec<u64> = Vec::new();
    for _ in 3..13 {
        let response = next(&mut connection).await;
        assert!(response["result"].is_object(), "{response}");
        ids.push(response["id"].as_u64().unwrap());
    }
    ids.sort_unstable();
    assert_eq!(ids, (3..13).collect::<Vec<_>>());
    let methods = server.methods();
    let count = |wanted: &str| methods.iter().filter(|method| *method == wanted).count();
    assert_eq!((count("initialize"), count("notifications/initialized")), (2, 2), "{methods:?}");
    assert_eq!((count("logging/setLevel"), count("resources/subscribe")), (2, 2), "{methods:?}");
    let opened: Vec<_> = server.arrived().into_iter().filter(|one| one.method() == "initialize").collect();
    assert_eq!(opened[0].json()["params"], opened[1].json()["params"]);
}

#[tokio::test]
async fn a_stream_that_breaks_is_resumed_after_its_last_event() {
    let sessions = AtomicUsize::new(0);
    let server = Scripted::start(move |one| {
        if one.method() == "tools/call" {
            let progress = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{}}"#;
            return Some(Reply::events(format!(
                "id: s.1\nretry: 10\ndata:\n\nid: s.2\ndata: {progress}\n\n"
            )));
        }
        if one.header("last-event-id") == Some("s.2") {
            return Some(Reply::events(
                "id: s.3\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"text\":\"done\"}}\n\n",
            ));
        }
        handshake(one, &sessions)
    })
    .await;
    let mut connection = connect(&server.url);
    open(&mut connection).await;
    connection.send(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"}}"#).await.unwrap();
    assert_eq!(next(&mut connection).await["method"], "notifications/progress");
    assert_eq!(next(&mut connection).await["result"]["text"], "done");
    let calls = server.methods().into_iter().filter(|method| method == "tools/call").count();
    assert_eq!(calls, 1, "the tool ran once");
}

/// Official clients take 405 as the end of a stream that can no longer be resumed.
#[tokio::test]
async fn a_stream_that_cannot_be_resumed_ends_the_call_with_an_error() {
    let sessions = AtomicUsize::new(0);
    let server = Scripted::start(move |one| match one.method().as_str() {
        "tools/call" => Some(Reply::events("id: s.1\nretry: 10\ndata:\n\n")),
        _ => handshake(one, &sessions),
    })
    .await;
    let mut connection = connect(&server.url);
    open(&mut connection).await;
    connection.send(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"}}"#).await.unwrap();
    let response = next(&mut connection).await;
    let text = response["error"]["message"].as_str().unwrap();
    assert!(text.contains("HTTP 405") && text.contains("when the stream was resumed"), "{text}");
}

#[tokio::test]
async fn messages_of_the_get_stream_arrive_and_it_goes_on_after_its_last_event() {
    let sessions = AtomicUsize::new(0);
    let (first, reply) = Reply::stream();
    let reply = Mutex::new(Some(reply));
    let server = Scripted::start(move |one| match (one.http_method.as_str(), one.header("last-event-id")) {
        ("GET", None) => reply.lock().unwrap().take().or_else(|| Some(Reply::status(405))),
        ("GET", Some("g.1")) => {
            Some(Reply::events("id: g.2\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/two\"}\n\n"))
        }
        ("GET", Some(_)) => Some(Reply::status(405)),
        _ => handshake(one, &sessions),
    })
    .await;
    let mut connection = connect(&server.url);
    open(&mut connection).await;
    let event = "id: g.1\nretry: 10\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/one\"}\n\n";
    first.send(Ok(Bytes::from(event))).unwrap();
    assert_eq!(next(&mut connection).await["method"], "notifications/one");
    first.send(Err(std::io::Error::other("broken"))).unwrap();
    assert_eq!(next(&mut connection).await["method"], "notifications/two");
}

#[tokio::test]
async fn a_cancellation_is_sent_and_a_question_of_the_server_is_answered() {
    let sessions = AtomicUsize::new(0);
    let (call, reply) = Reply::stream();
    let reply = Mutex::new(Some(reply));
    let server = Scripted::start(move |one| {
        if one.method() == "tools/call" {
            return reply.lock().unwrap().take();
        }
        handshake(one, &sessions).or_else(|| Some(Reply::status(202)))
    })
    .await;
    let mut connection = connect(&server.url);
    open(&mut connection).await;
    connection.send(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"}}"#).await.unwrap();
    let question = "data: {\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"roots/list\"}\n\n";
    call.send(Ok(Bytes::from(question))).unwrap();
    assert_eq!(next(&mut connection).await["method"], "roots/list");
    let answer = r#"{"jsonrpc":"2.0","id":9,"result":{"roots":[]}}"#;
    let cancel = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
    connection.send(answer).await.unwrap();
    connection.send(cancel).await.unwrap();
    let there = |body: &'static str| move |all: &[Arrived]| all.iter().any(|one| one.body == body.as_bytes());
    server.until(there(answer)).await;
    server.until(there(cancel)).await;
}
