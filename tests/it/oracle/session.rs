//! Requests of the session era.

use http::Method;
use serde_json::{Value, json};

use test_support::{
    McpRequest,
    request::initialize_request,
    session::{Client, NEWEST, OLDEST, VERSIONS},
};

/// What opens sessions, or does not.
pub(crate) fn openings() -> Vec<(&'static str, McpRequest)> {
    let [newest, middle, oldest] = VERSIONS;
    let initialize = |version: &str| initialize_request(version, json!({ "sampling": {} }));
    let broken = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {} });
    vec![
        ("initialize 2025-11-25", initialize(newest)),
        ("initialize 2025-06-18", initialize(middle)),
        ("initialize 2025-03-26", initialize(oldest)),
        ("initialize 2024-11-05", initialize("2024-11-05")),
        ("initialize 2026-07-28", initialize("2026-07-28")),
        ("initialize with an unknown version", initialize("v999")),
        ("initialize without params", McpRequest::json(&broken)),
    ]
}

/// What is sent in an open session. The order counts: the last one ends it.
pub(crate) fn cases(client: &Client) -> Vec<(&'static str, McpRequest)> {
    let mut cases = methods(client);
    cases.extend(errors(client));
    cases.extend(messages(client));
    cases.extend(http(client));
    cases
}

fn methods(client: &Client) -> Vec<(&'static str, McpRequest)> {
    let request = |method: &str, params: Value| client.request(1, method, params);
    let argument = json!({ "name": "city", "value": "pa" });
    let complete = json!({ "ref": { "type": "ref/prompt", "name": "plain" }, "argument": argument });
    vec![
        ("ping", request("ping", json!({}))),
        ("tools/list", request("tools/list", json!({}))),
        ("tools/call", client.call("one", "echo", json!({ "message": "hi" }))),
        ("tools/call that fails", client.call(1, "fail", json!({}))),
        ("tools/call that logs", client.call(1, "log_all", json!({}))),
        (
            "tools/call that reports progress",
            request(
                "tools/call",
                json!({ "name": "progress", "arguments": { "steps": 2 }, "_meta": { "progressToken": 7 } }),
            ),
        ),
        ("prompts/list", request("prompts/list", json!({}))),
        ("prompts/get", request("prompts/get", json!({ "name": "plain" }))),
        ("resources/list", request("resources/list", json!({}))),
        ("resources/list, second page", request("resources/list", json!({ "cursor": "page-2" }))),
        ("resources/templates/list", request("resources/templates/list", json!({}))),
        ("resources/read", request("resources/read", json!({ "uri": "test://one" }))),
        ("completion/complete", request("completion/complete", complete)),
        ("logging/setLevel", request("logging/setLevel", json!({ "level": "debug" }))),
        ("resources/subscribe", request("resources/subscribe", json!({ "uri": "test://one" }))),
        ("resources/unsubscribe", request("resources/unsubscribe", json!({ "uri": "test://one" }))),
        ("a method of the handler's own", request("fixture/own", json!({ "a": 1 }))),
    ]
}

fn errors(client: &Client) -> Vec<(&'static str, McpRequest)> {
    let request = |method: &str, params: Value| client.request(1, method, params);
    vec![
        ("an unknown tool", client.call(1, "no such tool", json!({}))),
        ("a tool name of the wrong type", request("tools/call", json!({ "name": 5 }))),
        ("a JSON-RPC error of a tool", client.call(1, "error", json!({ "code": 12345 }))),
        ("an unknown prompt", request("prompts/get", json!({ "name": "never" }))),
        ("an unknown resource", request("resources/read", json!({ "uri": "test://never" }))),
        ("an unknown method", request("no/such/method", json!({}))),
        ("tasks/get", request("tasks/get", json!({ "taskId": "t" }))),
        ("a bad log level", request("logging/setLevel", json!({ "level": "loud" }))),
        ("a stateless code of a tool", client.call(1, "needs_sampling", json!({}))),
        ("an InputRequiredResult", client.call(1, "sheds_load", json!({}))),
        ("a panic", client.call(1, "panic", json!({}))),
    ]
}

fn messages(client: &Client) -> Vec<(&'static str, McpRequest)> {
    let gone = Client { id: "0123456789abcdef0123456789abcdef".into(), ..client.clone() };
    let ping = || client.request(1, "ping", json!({}));
    let raw = |body: &'static [u8]| {
        let mut post = ping();
        post.body = bytes::Bytes::from_static(body);
        post
    };
    vec![
        ("a notification", client.notification("notifications/roots/list_changed", json!({}))),
        ("a cancellation of nothing", client.cancel(99)),
        ("an answer to nothing", client.answer(&json!({ "id": 99 }), json!({}))),
        ("no session id", ping().without("mcp-session-id")),
        (
            "a notification without a session id",
            client.notification("notifications/initialized", json!({})).without("mcp-session-id"),
        ),
        ("an unknown session", gone.request(1, "ping", json!({}))),
        ("no version header", ping().without("mcp-protocol-version")),
        ("an unsupported version header", ping().header("mcp-protocol-version", "1999-01-01")),
        ("another session version's header", ping().header("mcp-protocol-version", OLDEST)),
        ("a batch", client.post(&json!([{ "jsonrpc": "2.0", "id": 1, "method": "ping" }]))),
        ("unparsable JSON", raw(b"{")),
        ("an id that is null", client.request(json!(null), "ping", json!({}))),
        ("no jsonrpc", raw(br#"{"id":1,"method":"ping"}"#)),
    ]
}

fn http(client: &Client) -> Vec<(&'static str, McpRequest)> {
    let gone = Client { id: "0123456789abcdef0123456789abcdef".into(), ..client.clone() };
    vec![
        (
            "Accept: application/json",
            client.request(1, "ping", json!({})).header("accept", "application/json"),
        ),
        (
            "Content-Type: text/plain",
            client.request(1, "ping", json!({})).header("content-type", "text/plain"),
        ),
        ("GET", client.listen()),
        (
            "GET without a session",
            McpRequest::of(Method::GET)
                .header("accept", "text/event-stream")
                .header("mcp-protocol-version", NEWEST),
        ),
        ("GET of an unknown session", gone.listen()),
        ("GET that accepts JSON", client.listen().header("accept", "application/json")),
        ("GET from an unknown event", client.resume("nonsense")),
        ("DELETE without a session", client.end().without("mcp-session-id")),
        ("DELETE of an unknown session", gone.end()),
        ("DELETE", client.end()),
        ("ping after DELETE", client.request(1, "ping", json!({}))),
    ]
}
