//! Requests of 2026-07-28.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use serde_json::{Value, json};

use crate::{
    connect,
    messages::result,
    next,
    scripted::{Reply, Scripted},
};

fn request(id: u64, method: &str, mut params: Value) -> String {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {},
    });
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string()
}

#[tokio::test]
async fn headers_repeat_the_body() {
    let server = Scripted::start(|one| Some(Reply::json(result(one, &json!({}))))).await;
    let mut connection = connect(&server.url);
    connection.send(request(1, "tools/call", json!({ "name": "größe" }))).await.unwrap();
    next(&mut connection).await;
    let arrived = server.arrived();
    assert_eq!(arrived[0].header("mcp-protocol-version"), Some("2026-07-28"));
    assert_eq!(arrived[0].header("mcp-method"), Some("tools/call"));
    assert_eq!(arrived[0].header("mcp-name"), Some("=?base64?Z3LDtsOfZQ==?="));
    assert_eq!(arrived[0].header("mcp-session-id"), None);
    connection.close().await;
    assert_eq!(server.methods(), ["tools/call"], "there is no session to end, and no GET stream");
}

/// A client that speaks stdio knows nothing of headers, and may call a tool without having listed it.
#[tokio::test]
async fn a_missing_header_of_an_argument_is_found_in_the_list_of_tools() {
    let server = Scripted::start(|one| {
        let schema = json!({ "properties": { "region": { "type": "string", "x-mcp-header": "Region" } } });
        Some(match one.method().as_str() {
            "tools/list" if one.json()["params"]["cursor"].is_null() => {
                Reply::json(result(one, &json!({ "tools": [], "nextCursor": "two" })))
            }
            "tools/list" => {
                Reply::json(result(one, &json!({ "tools": [{ "name": "run", "inputSchema": schema }] })))
            }
            _ if one.header("mcp-param-region") == Some("eu") => {
                Reply::json(result(one, &json!({ "ok": true })))
            }
            _ => {
                let error = json!({ "code": -32020, "message": "Mcp-Param-Region is missing" });
                let error = json!({ "jsonrpc": "2.0", "id": one.json()["id"], "error": error });
                Reply::json(error.to_string()).with_status(400)
            }
        })
    })
    .await;
    let mut connection = connect(&server.url);
    for id in [1, 2] {
        let params = json!({ "name": "run", "arguments": { "region": "eu" } });
        connection.send(request(id, "tools/call", params)).await.unwrap();
        let response = next(&mut connection).await;
        assert_eq!((&response["id"], &response["result"]["ok"]), (&json!(id), &json!(true)), "{response}");
    }
    assert_eq!(server.methods(), ["tools/call", "tools/list", "tools/list", "tools/call", "tools/call"]);
}

#[tokio::test]
async fn a_header_that_stays_wrong_is_the_error_of_the_server() {
    let server = Scripted::start(|one| {
        if one.method() == "tools/list" {
            return Some(Reply::json(result(one, &json!({ "tools": [] }))));
        }
        let error = json!({ "jsonrpc": "2.0", "id": 1, "error": { "code": -32020, "message": "wrong" } });
        Some(Reply::json(error.to_string()).with_status(400))
    })
    .await;
    let mut connection = connect(&server.url);
    connection.send(request(1, "tools/call", json!({ "name": "run" }))).await.unwrap();
    assert_eq!(next(&mut connection).await["error"]["code"], -32020);
}

/// Closing the response is the cancellation of this revision.
#[tokio::test]
async fn a_cancelled_call_closes_its_response_and_is_not_answered() {
    let (call, reply) = Reply::stream();
    let reply = Mutex::new(Some(reply));
    let server = Scripted::start(move |one| match one.method().as_str() {
        "tools/call" => reply.lock().unwrap().take(),
        _ => Some(Reply::json(result(one, &json!({})))),
    })
    .await;
    let mut connection = connect(&server.url);
    connection.send(request(1, "tools/call", json!({ "name": "slow" }))).await.unwrap();
    let progress = "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}\n\n";
    call.send(Ok(Bytes::from(progress))).unwrap();
    next(&mut connection).await;
    let cancel =
        json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 1 } });
    connection.send(cancel.to_string()).await.unwrap();
    // The server notices when it writes.
    let end = tokio::time::Instant::now() + crate::SOON;
    while call.send(Ok(Bytes::from(": keep-alive\n\n"))).is_ok() {
        assert!(tokio::time::Instant::now() < end, "the response stays open");
        tokio::task::yield_now().await;
    }
    connection.send(request(2, "tools/list", json!({}))).await.unwrap();
    assert_eq!(next(&mut connection).await["id"], 2, "the cancelled call has no response");
    assert_eq!(server.methods(), ["tools/call", "tools/list"]);
}

#[tokio::test]
async fn a_stream_that_breaks_ends_the_call_which_is_not_sent_again() {
    let (stream, reply) = Reply::stream();
    let reply = Mutex::new(Some(reply));
    let server = Scripted::start(move |_| reply.lock().unwrap().take()).await;
    let mut connection = connect(&server.url);
    connection.send(request(1, "tools/call", json!({ "name": "a" }))).await.unwrap();
    let event = "id: 1\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}\n\n";
    stream.send(Ok(Bytes::from(event))).unwrap();
    assert_eq!(next(&mut connection).await["method"], "notifications/progress");
    stream.send(Err(std::io::Error::other("broken"))).unwrap();
    let response = next(&mut connection).await;
    assert_eq!(response["error"]["data"]["reason"], "unreachable", "{response}");
    assert_eq!(server.methods(), ["tools/call"]);
}

#[tokio::test]
async fn a_listen_stream_stays_open_and_both_eras_share_a_connection() {
    let (listen, reply) = Reply::stream();
    let reply = Mutex::new(Some(reply));
    let listening = AtomicBool::new(false);
    let server = Scripted::start(move |one| {
        if one.method() == "subscriptions/listen" && !listening.swap(true, Ordering::SeqCst) {
            return reply.lock().unwrap().take();
        }
        Some(Reply::json(result(one, &json!({}))))
    })
    .await;
    let mut connection = connect(&server.url);
    connection.send(request(1, "subscriptions/listen", json!({ "notifications": {} }))).await.unwrap();
    for number in 0..3 {
        let event = format!("data: {{\"jsonrpc\":\"2.0\",\"method\":\"notifications/{number}\"}}\n\n");
        listen.send(Ok(Bytes::from(event))).unwrap();
        assert_eq!(next(&mut connection).await["method"], format!("notifications/{number}"));
        connection
            .send(format!(r#"{{"jsonrpc":"2.0","id":{},"method":"ping"}}"#, number + 10))
            .await
            .unwrap();
        assert_eq!(next(&mut connection).await["id"], number + 10);
    }
}
