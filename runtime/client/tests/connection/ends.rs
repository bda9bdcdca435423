//! The end of a connection.

use std::{sync::Mutex, time::Duration};

use bytes::Bytes;
use serde_json::json;

use crate::{
    SOON, connect, connect_with, next,
    scripted::{Reply, Scripted},
};

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}"#;

const LISTEN: &str = r#"{"jsonrpc":"2.0","id":2,"method":"subscriptions/listen","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#;

#[tokio::test]
async fn a_running_call_is_answered_after_the_last_message_of_the_client() {
    let (stream, reply) = Reply::stream();
    let reply = Mutex::new(Some(reply));
    let server = Scripted::start(move |_| reply.lock().unwrap().take()).await;
    let mut connection = connect(&server.url);
    connection.send(CALL).await.unwrap();
    server.until(|arrived| !arrived.is_empty()).await;
    connection.finish();
    assert!(connection.send(CALL).await.is_err());
    stream.send(Ok(Bytes::from("data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n\n"))).unwrap();
    assert_eq!(next(&mut connection).await["id"], 1);
    assert!(tokio::time::timeout(SOON, connection.receive()).await.expect("in time").is_none());
}

#[tokio::test]
async fn a_call_that_does_not_end_is_closed_after_its_time() {
    let (stream, reply) = Reply::stream();
    let reply = Mutex::new(Some(reply));
    let server = Scripted::start(move |_| reply.lock().unwrap().take()).await;
    let mut connection = connect_with(&server.url, |limits| limits.finish = Duration::from_millis(50));
    connection.send(CALL).await.unwrap();
    server.until(|arrived| !arrived.is_empty()).await;
    tokio::time::timeout(SOON, connection.close()).await.expect("in time");
    let end = tokio::time::Instant::now() + SOON;
    while stream.send(Ok(Bytes::from(": x\n\n"))).is_ok() {
        assert!(tokio::time::Instant::now() < end, "the response stays open");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_listen_stream_ends_with_the_last_message_of_the_client_and_a_call_goes_on() {
    let (listen, of_listen) = Reply::stream();
    let (call, of_call) = Reply::stream();
    let replies = Mutex::new(vec![of_call, of_listen]);
    let server = Scripted::start(move |_| replies.lock().unwrap().pop()).await;
    let mut connection = connect_with(&server.url, |limits| limits.finish = Duration::from_secs(600));
    connection.send(LISTEN).await.unwrap();
    server.until(|arrived| arrived.len() == 1).await;
    connection.send(CALL).await.unwrap();
    server.until(|arrived| arrived.len() == 2).await;
    connection.finish();
    let end = tokio::time::Instant::now() + SOON;
    while listen.send(Ok(Bytes::from(": x\n\n"))).is_ok() {
        assert!(tokio::time::Instant::now() < end, "the listen stream stays open");
        tokio::task::yield_now().await;
    }
    call.send(Ok(Bytes::from("data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n\n"))).unwrap();
    assert_eq!(next(&mut connection).await["id"], 1);
    assert!(tokio::time::timeout(SOON, connection.receive()).await.expect("in time").is_none());
}

/// A transport of rmcp has types; what does not fit them is an error of its request.
#[tokio::test]
async fn rmcp_gets_an_error_for_a_response_that_has_another_form() {
    use rmcp::{RoleClient, transport::Transport};

    let strange = json!({ "jsonrpc": "1.0", "id": 1, "result": {} }).to_string();
    let server = Scripted::start(move |_| Some(Reply::json(strange.clone()))).await;
    let mut connection = connect(&server.url);
    connection.send(CALL).await.unwrap();
    let message = Transport::<RoleClient>::receive(&mut connection);
    let message = tokio::time::timeout(SOON, message).await.expect("in time").expect("a message");
    let json = serde_json::to_value(message).unwrap();
    assert_eq!((&json["id"], &json["error"]["code"]), (&json!(1), &json!(-32603)), "{json}");
}
