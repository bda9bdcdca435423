//! Events no ingress would send, and requests at the limits: each has an honest answer, and the environment lives on.

use bytes::Bytes;
use http::StatusCode;
use lambda_emulator::{Emulator, EnvironmentId, InvokeError};
use serde_json::{Value, json};

use crate::support::*;

/// 6 MB: the largest event Lambda accepts.
const LARGEST: usize = 6 * 1024 * 1024;

/// The answer to a hostile event, after showing that one line of the log names it and that the same
/// environment serves the next request.
async fn survived(emulator: &Emulator, event: impl Into<Bytes>) -> InvocationAnswer {
    let before = complaints(emulator);
    let answer = answer_of(emulator.invoke(event, None).await.unwrap()).await;
    let next = call("echo", json!({ "message": "on" })).send_to(emulator).await;
    assert_eq!(next.environment(), EnvironmentId(1), "after {answer:?}");
    assert_eq!(next.tool_text().await, "on");
    eventually("a log line", || complaints(emulator) > before).await;
    assert_eq!(complaints(emulator), before + 1, "after {answer:?}");
    answer
}

#[tokio::test]
async fn an_event_that_is_not_json_fails_its_invocation_alone() {
    let emulator = function().start().await.unwrap();
    let whole = fixture("function-url-post");
    let (half, _) = whole.split_at(whole.len() / 2);
    let mut not_utf8 = whole.clone().into_bytes();
    not_utf8[20] = 0xff;
    for event in [half.as_bytes(), &whole.as_bytes()[..1], &not_utf8, b"", b"{]", b"\0\0\0"] {
        let (kind, text) = survived(&emulator, Bytes::copy_from_slice(event)).await.error();
        assert_eq!(kind, "InvalidEvent", "{text}");
        assert!(text.starts_with("the event is not "), "{text}");
    }
    for deep in ["[".repeat(100_000), r#"{"a":"#.repeat(100_000)] {
        assert_eq!(survived(&emulator, deep).await.error().0, "InvalidEvent");
    }
}

#[tokio::test]
async fn an_event_that_is_no_object_is_refused() {
    let emulator = function().start().await.unwrap();
    for event in ["null", "[]", "42", r#""text""#, "true", " [{}] "] {
        let (kind, text) = survived(&emulator, event).await.error();
        assert_eq!(
            (kind.as_str(), text.as_str()),
            ("InvalidEvent", "the event is not a JSON object"),
            "{event}"
        );
    }
}

#[tokio::test]
async fn an_http_event_with_fields_of_wrong_types_is_refused() {
    let emulator = function().start().await.unwrap();
    for (place, value) in [
        ("/body", json!(42)),
        ("/body", json!({ "jsonrpc": "2.0" })),
        ("/headers", json!("accept: */*")),
        ("/headers/accept", json!(["*/*"])),
        ("/rawPath", json!(["/mcp"])),
        ("/isBase64Encoded", json!("false")),
        ("/requestContext", json!(7)),
        ("/requestContext/http", json!("POST /mcp")),
        ("/requestContext/http/method", Value::Null),
    ] {
        let event = edited("function-url-post", |event| *event.pointer_mut(place).unwrap() = value.clone());
        let (kind, text) = survived(&emulator, event).await.error();
        assert_eq!(kind, "InvalidEvent", "{place} = {value}: {text}");
        assert!(text.starts_with("the event is an HTTP request that cannot be read"), "{text}");
    }
}

#[tokio::test]
async fn an_event_with_the_name_of_a_role_and_nothing_of_it_is_unknown() {
    let emulator = function().start().await.unwrap();
    for event in [
        "{}",
        r#"{"Records":[]}"#,
        r#"{"Records":{}}"#,
        r#"{"Records":[7]}"#,
        r#"{"Records":[{"eventSource":"aws:s3"}]}"#,
        r#"{"requestContext":{}}"#,
        r#"{"requestContext":null,"httpMethod":"GET"}"#,
        r#"{"type":"REQUEST"}"#,
        r#"{"detail-type":"Scheduled Event"}"#,
        r#"{"source":"another plugin"}"#,
    ] {
        let (kind, _) = survived(&emulator, event).await.error();
        assert_eq!(kind, "UnknownEvent", "{event}");
    }
}

#[tokio::test]
async fn a_request_no_http_client_could_have_sent_is_a_bad_request() {
    let emulator = function().start().await.unwrap();
    for (change, text) in [
        (("/requestContext/http/method", json!("PO ST")), "the method \"PO ST\" is not an HTTP method"),
        (("/requestContext/http/method", json!("")), "the method \"\" is not an HTTP method"),
        (("/rawPath", json!("/mcp\r\nx: y")), "the path or query is not a URI"),
        (("/rawPath", json!("/mcp with spaces")), "the path or query is not a URI"),
        (("/rawQueryString", json!("a=\u{0}")), "the path or query is not a URI"),
    ] {
        let (place, value) = change;
        let event = edited("function-url-post", |event| *event.pointer_mut(place).unwrap() = value);
        let answer = survived(&emulator, event).await;
        assert_eq!(answer.status(), 400, "{place}");
        let error = answer.json()["error"].clone();
        assert_eq!(error["code"], -32600);
        assert!(error["message"].as_str().unwrap().contains(text), "{error}");
    }
    assert_eq!(logged(&emulator, "a request was refused"), 5);
}

#[tokio::test]
async fn a_body_that_is_not_base64_as_announced_is_a_bad_request() {
    let emulator = function().start().await.unwrap();
    let cut: fn(&str) -> String = |body| body[..body.len() - 3].to_owned();
    let spoiled: fn(&str) -> String = |body| format!("%{}", &body[1..]);
    let unpadded: fn(&str) -> String = |_| "aGVsbG8".to_owned();
    for change in [cut, spoiled, unpadded] {
        let event = edited("function-url-post-base64", |event| {
            event["body"] = change(event["body"].as_str().unwrap()).into();
        });
        let answer = survived(&emulator, event).await;
        assert_eq!(answer.status(), 400);
        let text = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(text.contains("marked as base64 and cannot be decoded"), "{text}");
    }
    // Base64 of bytes that are no UTF-8 is a body, and no JSON.
    let event = edited("function-url-post-base64", |event| event["body"] = "/wD+gA==".into());
    let answer = survived(&emulator, event).await;
    assert_eq!((answer.status(), &answer.json()["error"]["code"]), (400, &json!(-32700)));
}

/// A call with an event of exactly so many bytes.
fn event_of(bytes: usize) -> String {
    let padded = |padding: usize| {
        edited("function-url-post", |event| {
            let mut body: Value = serde_json::from_str(event["body"].as_str().unwrap()).unwrap();
            body["params"]["name"] = "pid".into();
            body["params"]["arguments"] = json!({ "padding": "x".repeat(padding) });
            event["body"] = body.to_string().into();
            event["headers"]["mcp-name"] = "pid".into();
        })
    };
    padded(bytes - padded(0).len())
}

#[tokio::test]
async fn an_event_of_6_mb_is_served_and_one_byte_more_is_never_seen() {
    let emulator = function().timeout(SOON).start().await.unwrap();
    let event = event_of(LARGEST);
    assert_eq!(event.len(), LARGEST);
    let answer = answer_of(emulator.invoke(event, None).await.unwrap()).await;
    let pid = emulator.environments()[0].pid.to_string();
    assert_eq!(answer.json()["result"]["content"][0]["text"], pid);

    let refused = emulator.invoke(event_of(LARGEST + 1), None).await.unwrap_err();
    assert_eq!(refused, InvokeError::PayloadTooLarge { limit: LARGEST });
    let reply = call("echo", json!({ "message": "x".repeat(LARGEST) })).send_to(&emulator).await;
    assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(emulator.environments()[0].invocations, 1);
}

#[tokio::test]
async fn a_body_of_the_configured_size_is_served_and_one_byte_more_is_refused() {
    let request = call("echo", json!({ "message": "x".repeat(1000) }));
    let limit = request.body.len();
    for (limit, status) in [(limit, StatusCode::OK), (limit - 1, StatusCode::PAYLOAD_TOO_LARGE)] {
        let emulator = function().env("MCP_MAX_BODY_BYTES", limit.to_string()).start().await.unwrap();
        let reply = request.clone().send_to(&emulator).await;
        assert_eq!(reply.status, status);
        let answer = reply.json().await;
        assert_eq!(answer["error"].is_null(), status == StatusCode::OK, "{answer}");
    }
}

#[tokio::test]
async fn a_client_context_that_cannot_be_read_fails_its_invocation_alone() {
    let emulator = function().start().await.unwrap();
    for (context, kind) in [
        (r#"{"custom":{"n":5}}"#, "UnknownEvent"),
        (r#"{"client":{}}"#, "UnknownEvent"),
        (r#"{"custom":null}"#, "UnknownEvent"),
        (r#"{"custom":"text"}"#, "InvalidClientContext"),
        (r#"{"custom":["bedrockAgentCoreToolName"]}"#, "InvalidClientContext"),
    ] {
        let answer = answer_of(emulator.invoke(fixture("agentcore"), Some(context)).await.unwrap()).await;
        assert_eq!(answer.error().0, kind, "{context}");
        let next = call("echo", json!({ "message": "on" })).send_to(&emulator).await;
        assert_eq!((next.environment(), next.tool_text().await), (EnvironmentId(1), "on".to_owned()));
    }
}
