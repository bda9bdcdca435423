//! What is tried again, and what is not.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::{
    connect, connect_with,
    messages::result,
    next,
    scripted::{Reply, Scripted},
};

fn call(method: &str) -> String {
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": { "name": "a" } }).to_string()
}

/// A server that answers `first` so many times.
async fn failing(times: usize, first: impl Fn() -> Option<Reply> + Send + Sync + 'static) -> Scripted {
    let count = AtomicUsize::new(0);
    Scripted::start(move |one| {
        if count.fetch_add(1, Ordering::SeqCst) < times {
            return first();
        }
        Some(Reply::json(result(one, &json!({}))))
    })
    .await
}

#[tokio::test]
async fn a_request_that_repeats_nothing_is_sent_again_when_its_connection_breaks() {
    let server = failing(1, || None).await;
    let mut connection = connect(&server.url);
    connection.send(call("tools/list")).await.unwrap();
    assert!(next(&mut connection).await["result"].is_object());
    assert_eq!(server.methods().len(), 2);
}

/// The tool may have run.
#[tokio::test]
async fn a_call_of_a_tool_is_not_sent_again_when_its_connection_breaks() {
    let server = failing(1, || None).await;
    let mut connection = connect(&server.url);
    connection.send(call("tools/call")).await.unwrap();
    let response = next(&mut connection).await;
    assert_eq!(response["error"]["data"]["reason"], "unreachable", "{response}");
    assert_eq!(server.methods().len(), 1);
}

#[tokio::test]
async fn a_throttled_call_is_sent_again() {
    let server = failing(2, || Some(Reply::status(429).header("retry-after", "0"))).await;
    let mut connection = connect(&server.url);
    connection.send(call("tools/call")).await.unwrap();
    assert!(next(&mut connection).await["result"].is_object());
    assert_eq!(server.methods().len(), 3);
}

#[tokio::test]
async fn a_server_that_is_busy_gets_again_only_what_repeats_nothing() {
    for (method, requests) in [("tools/list", 2), ("tools/call", 1)] {
        let server = failing(1, || Some(Reply::status(503))).await;
        let mut connection = connect(&server.url);
        connection.send(call(method)).await.unwrap();
        let response = next(&mut connection).await;
        assert_eq!(response.get("error").is_none(), requests == 2, "{response}");
        assert_eq!(server.methods().len(), requests);
    }
}

#[tokio::test]
async fn a_server_that_is_away_is_an_error_which_says_so() {
    let url = Scripted::start(|_| None).await.url.clone();
    let mut connection =
        connect_with(&url, |limits| limits.retry_for = std::time::Duration::from_millis(300));
    connection.send(call("tools/call")).await.unwrap();
    let response = next(&mut connection).await;
    assert_eq!(response["error"]["data"], json!({ "client": "mcp-lambda", "reason": "unreachable" }));
    let text = response["error"]["message"].as_str().unwrap();
    assert!(text.starts_with(&format!("cannot reach {url}")), "{text}");
}

#[tokio::test]
async fn a_response_that_is_no_message_is_an_error_with_its_begin() {
    for (status, body, expected) in [
        (200, "<html>welcome</html>", "HTTP 200 OK: <html>welcome</html>"),
        (404, "not here", "mcp-lambda-server serves MCP at /mcp"),
        (403, "{\"Message\":\"Forbidden\"}", "--auth sigv4"),
        (502, "", "HTTP 502"),
    ] {
        let server = Scripted::start(move |_| Some(Reply::json(body).with_status(status))).await;
        let mut connection = connect(&server.url);
        connection.send(call("tools/call")).await.unwrap();
        let text = next(&mut connection).await["error"]["message"].as_str().unwrap().to_owned();
        assert!(text.contains(expected), "{text}");
    }
}
