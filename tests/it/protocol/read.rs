//! `protocol::read`: bytes and headers to a call, with its era decided once.
#![allow(deprecated, reason = "log levels are tested until they are gone")]

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use mcp_lambda_core::{
    protocol::{Body, Call, Fault, Limits, Message, Post, Rejection, SessionVersion, read},
    rmcp::model::{LoggingLevel, NumberOrString},
};
use serde_json::{Value, json};

const STATELESS: &str = "2026-07-28";

fn headers(list: &[(&str, &str)]) -> HeaderMap {
    list.iter()
        .map(|(name, value)| {
            (name.parse::<HeaderName>().expect("a name"), value.parse::<HeaderValue>().expect("a value"))
        })
        .collect()
}

fn read_json(list: &[(&str, &str)], body: &Value) -> Result<Call, Rejection> {
    read::post(&headers(list), &Bytes::from(body.to_string()), Limits::default())
}

fn meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": STATELESS,
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

fn request(method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": "a", "method": method, "params": params })
}

fn modern(method: &str) -> [(&str, &str); 2] {
    [("mcp-protocol-version", STATELESS), ("mcp-method", method)]
}

#[test]
fn a_request_with_meta_is_stateless() {
    let call = read_json(&modern("tools/list"), &request("tools/list", &json!({ "_meta": meta() })));
    let Ok(Call::Post(Post::Stateless(read))) = call else { panic!("{call:?}") };
    assert_eq!(read.request.id, NumberOrString::String("a".into()));
    assert_eq!(read.request.method, "tools/list");
    assert_eq!((read.log_level, read.declares_tasks), (None, false));
}

#[test]
fn the_metadata_of_a_request_is_read() {
    let mut meta = meta();
    meta["io.modelcontextprotocol/logLevel"] = json!("warning");
    meta["io.modelcontextprotocol/clientCapabilities"] =
        json!({ "extensions": { "io.modelcontextprotocol/tasks": {} } });
    let call = read_json(&modern("tools/list"), &request("tools/list", &json!({ "_meta": meta })));
    let Ok(Call::Post(Post::Stateless(read))) = call else { panic!("{call:?}") };
    assert_eq!((read.log_level, read.declares_tasks), (Some(LoggingLevel::Warning), true));
}

#[test]
fn anything_else_is_a_sessions() {
    let bodies = [
        request("initialize", &json!({ "protocolVersion": STATELESS })),
        request("tools/list", &json!({})),
        request("tools/list", &json!({ "_meta": { "progressToken": 1 } })),
        json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }),
        json!({ "jsonrpc": "2.0", "id": 1, "result": {} }),
        json!({ "jsonrpc": "2.0", "id": 1, "error": { "code": 1, "message": "" } }),
        json!([{ "jsonrpc": "2.0", "id": 1, "method": "ping" }]),
    ];
    for body in bodies {
        let call = read_json(&[("mcp-session-id", "s")], &body);
        let Ok(Call::Post(Post::Session(post))) = call else { panic!("{body}: {call:?}") };
        assert_eq!((post.version, post.session.as_deref()), (None, Some("s")));
    }
}

#[test]
fn a_session_version_is_read_from_its_header() {
    for version in SessionVersion::ALL {
        let call = read_json(&[("mcp-protocol-version", version.as_str())], &request("ping", &json!({})));
        let Ok(Call::Post(Post::Session(post))) = call else { panic!("{call:?}") };
        assert_eq!(post.version, Some(version));
    }
}

#[test]
fn initialize_belongs_to_the_session_era_under_any_header() {
    for header in [STATELESS, "2099-01-01", "nonsense", "2025-11-25"] {
        let call = read_json(&[("mcp-protocol-version", header)], &request("initialize", &json!({})));
        assert!(matches!(call, Ok(Call::Post(Post::Session(_)))), "{header}: {call:?}");
    }
}

#[test]
fn a_stateless_notification_is_taken_and_a_stateless_answer_is_not() {
    let version = [("mcp-protocol-version", STATELESS)];
    let notification = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled" });
    assert!(matches!(read_json(&version, &notification), Ok(Call::Post(Post::StatelessNotification))));
    let answer =
        read_json(&version, &json!({ "jsonrpc": "2.0", "id": 3, "result": {} })).expect_err("refused");
    assert!(matches!(answer.fault, Fault::InvalidRequest(_)));
    // The id is one that the client was given: echoed, it could be taken for that of a request of its own.
    assert_eq!(answer.id, None);
}

#[test]
fn a_batch_belongs_to_the_one_revision_that_has_them() {
    let batch =
        json!([request("ping", &json!({})), { "jsonrpc": "1.0" }, { "jsonrpc": "2.0", "method": "n" }, []]);
    for version in [STATELESS, "2025-06-18", "2025-11-25"] {
        let refused = read_json(&[("mcp-protocol-version", version)], &batch).expect_err("refused");
        assert!(matches!(refused.fault, Fault::InvalidRequest(_)), "{version}");
    }
    let Ok(Call::Post(Post::Session(post))) = read_json(&[("mcp-protocol-version", "2025-03-26")], &batch)
    else {
        panic!("refused")
    };
    let Body::Batch(members) = post.body else { panic!("no batch") };
    assert!(matches!(members[0], Ok(Message::Request(_))));
    assert!(members[1].is_err(), "a bad member does not spoil its neighbours");
    assert!(matches!(members[2], Ok(Message::Notification(_))));
    assert!(members[3].is_err());
}

#[test]
fn a_batch_has_a_limit_and_is_never_empty() {
    let limits = Limits { batch: 2, ..Limits::default() };
    let of = |count: usize| json!(vec![request("ping", &json!({})); count]).to_string();
    let read = |count| read::post(&HeaderMap::new(), &Bytes::from(of(count)), limits);
    assert!(read(2).is_ok());
    for count in [0, 3] {
        assert!(matches!(read(count).expect_err("refused").fault, Fault::InvalidRequest(_)), "{count}");
    }
}

#[test]
fn an_explicit_null_id_is_no_notification() {
    let body = json!({ "jsonrpc": "2.0", "id": null, "method": "notifications/cancelled" });
    let refused = read_json(&[("mcp-protocol-version", STATELESS)], &body).expect_err("refused");
    assert_eq!((matches!(refused.fault, Fault::InvalidRequest(_)), refused.id), (true, None));
}

#[test]
fn a_refusal_keeps_the_id_that_could_be_read() {
    let with_id = [
        json!({ "jsonrpc": "1.0", "id": "a", "method": "m" }),
        json!({ "jsonrpc": "2.0", "id": "a" }),
        json!({ "jsonrpc": "2.0", "id": "a", "method": 5 }),
        request("tools/list", &json!({ "_meta": 5 })),
        request("tools/list", &json!([])),
    ];
    for body in with_id {
        let refused = read_json(&modern("tools/list"), &body).expect_err("refused");
        assert_eq!(refused.id, Some(NumberOrString::String("a".into())), "{body}");
    }
}

/// Integers are integers however they are written: <https://json-schema.org/draft/2020-12> says the same of 1.0.
#[test]
fn an_integer_id_may_be_written_as_a_float() {
    for (text, number) in [("1.0", 1), ("-7", -7), ("1e3", 1000)] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{text},"method":"ping"}}"#);
        let call = read::post(&HeaderMap::new(), &Bytes::from(body), Limits::default());
        let Ok(Call::Post(Post::Session(post))) = call else { panic!("{text}: {call:?}") };
        let Body::One(Message::Request(request)) = post.body else { panic!("no request") };
        assert_eq!(request.id, NumberOrString::Number(number));
    }
}

#[test]
fn depth_is_counted_outside_of_texts() {
    let limits = Limits { depth: 3, ..Limits::default() };
    let read = |body: &str| read::post(&HeaderMap::new(), &Bytes::from(body.to_owned()), limits);
    let message = |params: &str| format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{params}}}"#);
    assert!(read(&message(r#"{"a":{}}"#)).is_ok());
    assert!(read(&message(r#"{"a":{},"b":{},"c":[]}"#)).is_ok(), "depth is not count");
    assert!(read(&message(r#"{"a":"[[[[{{{{\"[[[["}"#)).is_ok());
    assert!(matches!(read(&message(r#"{"a":{"b":[]}}"#)).expect_err("deep").fault, Fault::InvalidRequest(_)));
    assert!(matches!(
        read(&message(r#"{"\"":{"b":[]}}"#)).expect_err("deep").fault,
        Fault::InvalidRequest(_)
    ));
}
