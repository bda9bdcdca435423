//! One line for each request that is served, with the fields of `tests/contract/log.json`.

use std::{collections::BTreeSet, time::Duration};

use http::Method;
use lambda_emulator::Emulator;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::*;

const TRACE: &str = "Root=1-5e6722a7-cc56d6c46db7ae02d4da47e0;Parent=53995c3f42cd8ad8;Sampled=1";

/// What tracing adds to each line.
const EVERY_LINE: [&str; 4] = ["timestamp", "level", "message", "target"];

/// All lines of the log.
fn lines(emulator: &Emulator) -> Vec<Value> {
    let all = emulator.environments().into_iter().flat_map(|one| emulator.logs(one.id));
    all.filter_map(|line| serde_json::from_str(&line).ok()).collect()
}

/// The lines of requests.
fn served(emulator: &Emulator) -> Vec<Value> {
    lines(emulator).into_iter().filter(|line| line["message"] == "served").collect()
}

/// The line of the newest request, when there are `count`.
async fn line(emulator: &Emulator, count: usize) -> Value {
    eventually("the line", || served(emulator).len() >= count).await;
    let lines = served(emulator);
    assert_eq!(lines.len(), count, "{lines:#?}");
    lines.last().unwrap().clone()
}

fn contract() -> BTreeSet<String> {
    let contract: Value = serde_json::from_str(include_str!("../../../contract/log.json")).unwrap();
    contract["fields"].as_object().unwrap().keys().cloned().collect()
}

/// The contract with the construct: its saved queries and its dashboard read these fields.
#[tokio::test]
async fn a_call_is_one_line_with_the_fields_of_the_contract_and_no_others() {
    let emulator = function().start().await.unwrap();
    let request = call("echo", json!({ "message": "hi" })).header("x-amzn-trace-id", TRACE);
    let reply = request.send_to(&emulator).await;
    let bytes = reply.bytes().await.len();
    let line = line(&emulator, 1).await;
    let fields: BTreeSet<String> =
        line.as_object().unwrap().keys().filter(|key| !EVERY_LINE.contains(&key.as_str())).cloned().collect();
    let unknown: Vec<_> = fields.difference(&contract()).cloned().collect();
    assert_eq!(unknown, [""; 0], "{line}");
    assert_eq!(line["level"], "INFO");
    let timestamp = line["timestamp"].as_str().unwrap();
    assert!(timestamp.contains('T') && timestamp.ends_with('Z'), "{timestamp}");
    let expected = json!({
        "traceId": "1-5e6722a7-cc56d6c46db7ae02d4da47e0",
        "method": "tools/call", "tool": "echo", "era": "stateless", "httpMethod": "POST",
        "status": 200, "isError": false, "streamed": false, "bytes": bytes, "coldStart": true,
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&line[field], value, "{field} of {line}");
    }
    assert_eq!(line["requestId"].as_str().unwrap().len(), 36, "{line}");
    assert!(line["durationMs"].as_f64().unwrap() > 0.0, "{line}");
    for absent in ["code", "session", "ended", "reason", "prompt", "resource", "path"] {
        assert!(line.get(absent).is_none(), "{absent} of {line}");
    }
}

#[tokio::test]
async fn a_line_names_its_session_by_a_hash_and_its_client() {
    let emulator = function().start().await.unwrap();
    let session = initialize(&emulator).await;
    let opened = line(&emulator, 1).await;
    tool(&session, "echo", json!({ "message": "hi" })).send_to(&emulator).await.bytes().await;
    let called = line(&emulator, 2).await;
    let hash = Sha256::digest(session.as_bytes());
    let hash: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    for (line, method) in [(&opened, "initialize"), (&called, "tools/call")] {
        assert_eq!((&line["session"], &line["method"]), (&json!(hash), &json!(method)), "{line}");
        assert_eq!(line["era"], "session");
        assert!(line["client"].is_string() && line["clientVersion"].is_string(), "{line}");
    }
    let all = lines(&emulator);
    assert!(!all.iter().any(|line| line.to_string().contains(&session)), "the id itself is a secret");
}

/// Refused before it is read, by the protocol, by the handler, and by the tool: each is one line.
#[tokio::test]
async fn a_request_that_is_refused_has_its_line_and_the_reason() {
    let emulator = function().env("MCP_MAX_BODY_BYTES", "10000").start().await.unwrap();
    let cases = [
        (
            McpRequest::of(Method::PUT),
            json!({ "status": 405, "code": -32600, "httpMethod": "PUT", "path": "/mcp" }),
        ),
        (call("echo", json!({ "message": "x".repeat(10_000) })), json!({ "status": 413, "code": -32600 })),
        (McpRequest::bytes("{"), json!({ "status": 400, "code": -32700 })),
        (ask("no/such", json!({})), json!({ "status": 404, "code": -32601, "method": "no/such" })),
        (call("none", json!({})), json!({ "status": 200, "code": -32602, "tool": "none" })),
    ];
    for (count, (request, expected)) in (1..).zip(cases) {
        request.send_to(&emulator).await.bytes().await;
        let line = line(&emulator, count).await;
        for (field, value) in expected.as_object().unwrap() {
            assert_eq!(&line[field], value, "{field} of {line}");
        }
        assert!(line["reason"].is_string(), "{line}");
        assert_eq!(line["coldStart"], count == 1, "{line}");
    }
}

/// An event is no request: its line has other fields.
#[tokio::test]
async fn an_event_is_one_line_with_the_fields_of_the_contract() {
    let contract: Value = serde_json::from_str(include_str!("../../../contract/log.json")).unwrap();
    let known: BTreeSet<String> = contract["eventFields"].as_object().unwrap().keys().cloned().collect();
    let emulator = function().env("MCP_EVENTS", "on").start().await.unwrap();
    let cases = [
        ("sns", json!({ "event": "sns", "records": 1, "failed": false, "coldStart": true })),
        ("eventbridge", json!({ "event": "eventbridge", "records": 1, "failed": false, "coldStart": false })),
        ("warm-up", json!({ "event": "warm-up", "failed": false })),
        (
            "authorizer-request",
            json!({ "event": "authorizer", "failed": true, "errorType": "NotConfigured" }),
        ),
        ("unknown", json!({ "event": "unknown", "failed": true, "errorType": "UnknownEvent" })),
    ];
    for (count, (event, expected)) in (1..).zip(cases) {
        answer_of(emulator.invoke(fixture(event), None).await.unwrap()).await;
        let handled = || lines(&emulator).into_iter().filter(|line| line["message"] == "handled");
        eventually("the line", || handled().count() >= count).await;
        let line = handled().next_back().unwrap();
        assert_eq!(handled().count(), count, "{line}");
        for (field, value) in expected.as_object().unwrap() {
            assert_eq!(&line[field], value, "{field} of {line}");
        }
        let fields = line.as_object().unwrap().keys().filter(|key| !EVERY_LINE.contains(&key.as_str()));
        assert_eq!(fields.filter(|field| !known.contains(*field)).count(), 0, "{line}");
        assert!(line["durationMs"].as_f64().unwrap() > 0.0 && line["requestId"].is_string(), "{line}");
        assert_eq!(served(&emulator).len(), 0);
    }
}

/// A line that is no line of a request tells by its spans which request it belongs to.
#[tokio::test]
async fn every_line_that_a_call_writes_has_its_request_id() {
    let emulator = function().start().await.unwrap();
    let session = initialize(&emulator).await;
    // One era runs a call while its response is sent, the other in a task of its own.
    for request in [call("panic", json!({})), tool(&session, "panic", json!({}))] {
        request.send_to(&emulator).await.bytes().await;
    }
    eventually("two panics", || logged(&emulator, "the handler panicked") >= 2).await;
    let panics: Vec<_> =
        lines(&emulator).into_iter().filter(|line| line["message"] == "the handler panicked").collect();
    let ids: Vec<_> = served(&emulator).iter().skip(1).map(|line| line["requestId"].clone()).collect();
    for (panic, id) in panics.iter().zip(ids) {
        let spans = panic["spans"].as_array().unwrap();
        let invocation = spans.iter().find(|span| span["name"] == "invocation").unwrap();
        assert_eq!(invocation["requestId"], id, "{panic}");
        let exchange = spans.iter().find(|span| span["name"] == "exchange").unwrap();
        assert_eq!(
            (&exchange["method"], &exchange["tool"]),
            (&json!("tools/call"), &json!("panic")),
            "{panic}"
        );
    }
}

#[tokio::test]
async fn a_stream_is_one_line_after_its_last_byte() {
    let function = function().timeout(Duration::from_secs(60)).env("MCP_STREAM_SECONDS", "2");
    let emulator = function.concurrency(8).start().await.unwrap();
    let mut reply = listen().send_to(&emulator).await;
    reply.message().await;
    assert_eq!(served(&emulator).len(), 0, "the stream is open");
    while reply.chunk().await.is_some() {}
    let line = line(&emulator, 1).await;
    assert_eq!(
        (&line["method"], &line["streamed"]),
        (&json!("subscriptions/listen"), &json!(true)),
        "{line}"
    );
    assert!(line["durationMs"].as_f64().unwrap() > 1_000.0, "{line}");
}

/// A text that a caller chooses is bounded, and begins no line of its own.
#[tokio::test]
async fn a_caller_can_forge_no_line_and_write_none_of_any_length() {
    let emulator = function().start().await.unwrap();
    let session = initialize(&emulator).await;
    let forged = format!("x\n{{\"level\":\"INFO\",\"message\":\"served\"}}\n{}", "y".repeat(10_000));
    tool(&session, &forged, json!({})).send_to(&emulator).await.bytes().await;
    let line = line(&emulator, 2).await;
    assert!(line["tool"].as_str().unwrap().starts_with("x\\n{"), "{line}");
    let all = emulator.environments().into_iter().flat_map(|one| emulator.logs(one.id));
    assert!(all.map(|line| line.len()).max().unwrap() < 4_000);
}

/// Arguments and responses may hold secrets: they are logged where the deployment asks for them, and only so far.
#[tokio::test]
async fn payloads_are_logged_only_by_a_switch_and_up_to_its_length() {
    for limit in ["0", "30"] {
        let emulator = function().env("MCP_LOG_PAYLOADS", limit).start().await.unwrap();
        let message = format!("a\nb{}", "x".repeat(1_000));
        call("echo", json!({ "message": message })).send_to(&emulator).await.bytes().await;
        line(&emulator, 1).await;
        let payloads: Vec<_> = lines(&emulator)
            .into_iter()
            .filter(|line| line["target"] == "mcp_lambda_server::payload")
            .collect();
        if limit == "0" {
            assert_eq!(payloads, [json!(null); 0]);
            continue;
        }
        assert_eq!(payloads.len(), 2, "{payloads:#?}");
        let begin = r#"{"message":"a\nbxxxxxxxxxxxxxxx"#;
        assert_eq!(payloads[0]["arguments"].as_str().unwrap(), &begin[..30]);
        assert_eq!(payloads[1]["response"].as_str().unwrap().len(), 30);
        assert_eq!(payloads[0]["spans"][1]["tool"], "echo", "{}", payloads[0]);
    }
}

/// Lambda's logging controls set the level, and a filter of the deployment has precedence over it.
#[tokio::test]
async fn the_level_of_lambdas_logging_controls_switches_the_lines() {
    for (variables, expected) in [
        (&[("AWS_LAMBDA_LOG_LEVEL", "WARN")][..], 0),
        (&[("LOG_LEVEL", "ERROR")], 0),
        (&[("AWS_LAMBDA_LOG_LEVEL", "INFO"), ("LOG_LEVEL", "ERROR")], 1),
        (&[("AWS_LAMBDA_LOG_LEVEL", "WARN"), ("RUST_LOG", "info")], 1),
        (&[("RUST_LOG", "info,mcp_lambda_server::request=off")], 0),
    ] {
        let function =
            variables.iter().fold(function(), |function, (name, value)| function.env(*name, *value));
        let emulator = function.start().await.unwrap();
        // The line of a request is written before the next one is asked for.
        for message in ["one", "two"] {
            call("echo", json!({ "message": message })).send_to(&emulator).await.bytes().await;
        }
        eventually("the line", || served(&emulator).len() >= expected).await;
        assert!(
            served(&emulator).len() >= expected && served(&emulator).len() <= 2 * expected,
            "{variables:?}"
        );
    }
}
