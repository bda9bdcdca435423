//! Requests of 2026-07-28.

use http::Method;
use serde_json::{Value, json};

use test_support::{McpRequest, call, stateless, stateless_with};

const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
const VERSION: &str = "io.modelcontextprotocol/protocolVersion";

/// Everything that is sent, each by its name.
pub(crate) fn cases() -> Vec<(&'static str, McpRequest)> {
    [methods(), errors(), envelopes(), headers(), bodies(), http()].into_iter().flatten().collect()
}

fn able(method: &str, params: Value) -> McpRequest {
    stateless_with(json!(1), method, params, json!({ "elicitation": {}, "sampling": {}, "roots": {} }))
}

fn methods() -> Vec<(&'static str, McpRequest)> {
    let argument = json!({ "name": "city", "value": "pa" });
    let complete = json!({ "ref": { "type": "ref/prompt", "name": "plain" }, "argument": argument });
    let progress = call("progress", json!({ "steps": 2 })).meta("progressToken", json!("t"));
    vec![
        ("server/discover", stateless("server/discover", json!({}))),
        ("tools/list", stateless("tools/list", json!({}))),
        ("tools/call", call("echo", json!({ "message": "hi" }))),
        (
            "tools/call with an integer id",
            stateless_with(json!(-7), "tools/call", json!({ "name": "echo" }), json!({})),
        ),
        (
            "tools/call with a string id",
            stateless_with(json!("ü"), "tools/call", json!({ "name": "echo" }), json!({})),
        ),
        ("tools/call that fails", call("fail", json!({}))),
        ("tools/call that reports progress", progress),
        ("tools/call that logs", call("log_all", json!({}))),
        (
            "tools/call that logs, at a level",
            call("log_all", json!({})).meta("io.modelcontextprotocol/logLevel", json!("error")),
        ),
        ("prompts/list", stateless("prompts/list", json!({}))),
        ("prompts/get", stateless("prompts/get", json!({ "name": "plain" }))),
        ("resources/list", stateless("resources/list", json!({}))),
        ("resources/list, second page", stateless("resources/list", json!({ "cursor": "page-2" }))),
        ("resources/templates/list", stateless("resources/templates/list", json!({}))),
        ("resources/read", stateless("resources/read", json!({ "uri": "test://one" }))),
        ("completion/complete", stateless("completion/complete", complete)),
        ("a method of the handler's own", stateless("fixture/own", json!({ "a": 1 }))),
        ("MRTR: a question", able("tools/call", json!({ "name": "asks_input" }))),
        ("MRTR: a question of a prompt", able("prompts/get", json!({ "name": "asks" }))),
        ("MRTR: a question of a resource", able("resources/read", json!({ "uri": "test://asks" }))),
        ("MRTR: state alone", able("tools/call", json!({ "name": "sheds_load" }))),
        ("a capability that was declared", able("tools/call", json!({ "name": "needs_sampling" }))),
    ]
}

fn errors() -> Vec<(&'static str, McpRequest)> {
    vec![
        ("an unknown tool", call("no such tool", json!({}))),
        (
            "a tool name of the wrong type",
            stateless("tools/call", json!({ "name": 5 })).header("mcp-name", "5"),
        ),
        ("a JSON-RPC error of a tool", call("error", json!({ "code": 12345 }))),
        ("a bad cursor", stateless("tools/list", json!({ "cursor": "never" }))),
        ("an unknown prompt", stateless("prompts/get", json!({ "name": "never" }))),
        ("an unknown resource", stateless("resources/read", json!({ "uri": "test://never" }))),
        ("an unknown method", stateless("no/such/method", json!({}))),
        ("initialize", stateless("initialize", json!({}))),
        ("ping", stateless("ping", json!({}))),
        ("logging/setLevel", stateless("logging/setLevel", json!({ "level": "error" }))),
        ("resources/subscribe", stateless("resources/subscribe", json!({ "uri": "test://one" }))),
        ("tasks/list", stateless("tasks/list", json!({}))),
        ("tasks/get", stateless("tasks/get", json!({ "taskId": "t" })).header("mcp-name", "t")),
        ("a capability that was not declared", call("needs_sampling", json!({}))),
        ("MRTR: a question to one who cannot answer", call("asks_input", json!({}))),
        ("a panic", call("panic", json!({}))),
    ]
}

fn without_meta(key: Option<&'static str>) -> McpRequest {
    stateless("tools/list", json!({})).edit(|body| match key {
        Some(key) => drop(body["params"]["_meta"].as_object_mut().expect("_meta").remove(key)),
        None => drop(body["params"].as_object_mut().expect("params").remove("_meta")),
    })
}

fn envelopes() -> Vec<(&'static str, McpRequest)> {
    let unsupported = |version: &str| {
        stateless("tools/list", json!({}))
            .meta(VERSION, json!(version))
            .header("mcp-protocol-version", version)
    };
    vec![
        ("no _meta", without_meta(None)),
        ("no protocolVersion in _meta, header names it", without_meta(Some(VERSION))),
        ("no clientCapabilities in _meta", without_meta(Some(CAPABILITIES))),
        ("no clientInfo in _meta", without_meta(Some("io.modelcontextprotocol/clientInfo"))),
        (
            "clientCapabilities of the wrong type",
            stateless("tools/list", json!({})).meta(CAPABILITIES, json!(7)),
        ),
        ("a future version", unsupported("2027-01-01")),
        ("an unknown version", unsupported("v999")),
        ("a bad log level", call("echo", json!({})).meta("io.modelcontextprotocol/logLevel", json!("loud"))),
    ]
}

fn headers() -> Vec<(&'static str, McpRequest)> {
    let list = || stateless("tools/list", json!({}));
    let echo = || call("echo", json!({ "message": "hi" }));
    let mirrored = || call("mirrored", json!({ "region": "eu", "limit": 42 }));
    vec![
        ("no version header", list().without("mcp-protocol-version")),
        ("a version header that differs", list().header("mcp-protocol-version", "2025-11-25")),
        ("no Mcp-Method", list().without("mcp-method")),
        ("an Mcp-Method that differs", list().header("mcp-method", "tools/call")),
        ("an Mcp-Method that differs in case", list().header("mcp-method", "Tools/List")),
        ("no Mcp-Name", echo().without("mcp-name")),
        ("an Mcp-Name that differs", echo().header("mcp-name", "other")),
        ("an Mcp-Name in Base64", echo().header("mcp-name", "=?base64?ZWNobw==?=")),
        ("an Mcp-Name in broken Base64", echo().header("mcp-name", "=?base64?ZWNobw?=")),
        ("an Mcp-Name with spaces around", echo().header("mcp-name", " echo ")),
        ("no Mcp-Param", mirrored()),
        (
            "Mcp-Params that match",
            mirrored().header("mcp-param-region", "eu").header("mcp-param-limit", "42"),
        ),
        (
            "an Mcp-Param equal as a number",
            mirrored().header("mcp-param-region", "eu").header("mcp-param-limit", "42.0"),
        ),
        (
            "an Mcp-Param that differs",
            mirrored().header("mcp-param-region", "us").header("mcp-param-limit", "42"),
        ),
        ("an unknown Mcp-Param", echo().header("mcp-param-else", "7")),
        ("two Mcp-Methods", list().and_header("mcp-method", b"tools/list")),
        ("two version headers", list().and_header("mcp-protocol-version", b"2026-07-28")),
        ("a session id", list().header("mcp-session-id", "0123456789abcdef0123456789abcdef")),
    ]
}

fn bodies() -> Vec<(&'static str, McpRequest)> {
    let modern = |body: Value| McpRequest::json(&body).header("mcp-protocol-version", "2026-07-28");
    let raw = |body: &'static [u8]| McpRequest::bytes(body).header("mcp-protocol-version", "2026-07-28");
    vec![
        (
            "a notification",
            modern(
                json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 1 } }),
            ),
        ),
        ("an answer", modern(json!({ "jsonrpc": "2.0", "id": 1, "result": {} }))),
        ("an id that is null", stateless_with(json!(null), "tools/list", json!({}), json!({}))),
        ("an id that is a fraction", stateless_with(json!(1.5), "tools/list", json!({}), json!({}))),
        (
            "no jsonrpc",
            stateless("tools/list", json!({}))
                .edit(|body| drop(body.as_object_mut().expect("an object").remove("jsonrpc"))),
        ),
        ("a batch", modern(json!([{ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }]))),
        ("unparsable JSON", raw(b"{")),
        ("no UTF-8", raw(b"\xff")),
        ("no object", raw(b"7")),
    ]
}

fn http() -> Vec<(&'static str, McpRequest)> {
    let list = || stateless("tools/list", json!({}));
    let of = |method| McpRequest::of(method).header("mcp-protocol-version", "2026-07-28");
    vec![
        ("GET", of(Method::GET).header("accept", "text/event-stream")),
        ("DELETE", of(Method::DELETE)),
        ("PUT", of(Method::PUT)),
        ("no Accept", list().without("accept")),
        ("Accept: application/json", list().header("accept", "application/json")),
        ("Accept: text/html", list().header("accept", "text/html")),
        ("Content-Type: text/plain", list().header("content-type", "text/plain")),
        ("a foreign host", list().header("host", "evil.example")),
        ("a foreign origin", list().header("origin", "https://evil.example")),
    ]
}
