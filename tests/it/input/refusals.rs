//! Every text with which a request is refused, beside an input that provokes it.
//!
//! The tables are in `refusals.md`. A text that changed, or a new row, fails the test, which writes the new table and says
//! where: read the difference, then copy it over the old one.

use std::{fmt::Write, fs, path::Path, time::Duration};

use http::Method;
use mcp_lambda_server::{Body, Config, config::SessionMode};
use serde_json::{Value, json};
use test_support::{
    McpRequest, Reply, World, call, environments_with,
    request::{STATELESS, initialize_request},
    session::{Client, NEWEST, OLDEST},
    stateless, stateless_with,
};

type Row = (&'static str, McpRequest);

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/input/refusals.md");

/// The mark of a title in the file, and the title of the table of this test.
const TITLE: &str = "\n## ";
const MESSAGES: &str = "Messages";

/// The head of each table.
pub(super) const HEAD: &str = "| input | status | code | text |\n|---|---|---|---|\n";

fn raw(body: &str) -> McpRequest {
    McpRequest::bytes(body.as_bytes().to_vec()).header("mcp-protocol-version", STATELESS)
}

fn echo() -> McpRequest {
    call("echo", json!({ "message": "hi" }))
}

fn replaced(from: &str, to: &str) -> McpRequest {
    let post = echo();
    let text = String::from_utf8(post.body.to_vec()).expect("JSON").replacen(from, to, 1);
    McpRequest { body: text.into(), ..post }
}

/// A request of a client that declares the tasks extension.
fn with_tasks(method: &str, params: Value) -> McpRequest {
    let capabilities = json!({ "extensions": { "io.modelcontextprotocol/tasks": {} } });
    stateless_with(json!(1), method, params, capabilities)
}

fn meta_of(key: &str, value: Value) -> McpRequest {
    echo().meta(&format!("io.modelcontextprotocol/{key}"), value)
}

fn without_meta(key: &str) -> McpRequest {
    let key = format!("io.modelcontextprotocol/{key}");
    echo().edit(|body| drop(body["params"]["_meta"].as_object_mut().expect("an object").remove(&key)))
}

/// What is no JSON, or no message.
fn messages() -> Vec<Row> {
    let nested = format!("{}{}", "[".repeat(65), "]".repeat(65));
    let many = format!("[{}1]", "1,".repeat(25_000));
    vec![
        ("an empty body", raw("")),
        ("half an object", raw("{\"jsonrpc\":\"2.0\"")),
        ("half a text", raw("{\"jsonrpc\":\"2.")),
        ("no JSON", raw("hello")),
        ("two messages", raw("{}{}")),
        ("a comma too many", raw("{\"a\":1,}")),
        ("a tab in a text", raw("{\"a\":\"\t\"}")),
        ("no UTF-8", McpRequest { body: b"{\"a\":\"\xff\"}".to_vec().into(), ..raw("") }),
        (
            "half a surrogate pair as UTF-8",
            McpRequest { body: b"{\"a\":\"\xed\xa0\x80\"}".to_vec().into(), ..raw("") },
        ),
        ("half a surrogate pair as an escape", raw("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\\ud800\"}")),
        ("65 levels", raw(&nested)),
        ("25,002 values", raw(&many)),
        ("a number", raw("5")),
        ("an object of nothing", raw("{}")),
        ("the key id twice", raw("{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":1,\"method\":\"ping\"}")),
        ("JSON-RPC 1.0", raw("{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}")),
        ("no method, no result", raw("{\"jsonrpc\":\"2.0\",\"id\":1}")),
        ("a method that is a number", raw("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":5}")),
        ("an id that is null", raw("{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}")),
        ("an id of 1.5", raw("{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"ping\"}")),
        ("an id of 2^53 + 1", raw("{\"jsonrpc\":\"2.0\",\"id\":9007199254740993,\"method\":\"ping\"}")),
        ("an empty batch", McpRequest::json(&json!([]))),
        ("a batch of 51", McpRequest::json(&json!(vec![json!({}); 51]))),
        ("a batch of 2026-07-28", raw("[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]")),
        ("a response of 2026-07-28", raw("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}")),
    ]
}

/// Requests of 2026-07-28.
fn requests() -> Vec<Row> {
    let params = |params: Value| echo().edit(|body| body["params"] = params);
    vec![
        ("params: 5", params(json!(5))),
        ("params: [1]", params(json!([1]))),
        ("no _meta", params(json!({ "name": "echo" }))),
        ("_meta: 5", params(json!({ "name": "echo", "_meta": 5 }))),
        ("no protocolVersion", without_meta("protocolVersion")),
        ("protocolVersion: 5", meta_of("protocolVersion", json!(5))),
        ("no clientCapabilities", without_meta("clientCapabilities")),
        ("clientCapabilities: 5", meta_of("clientCapabilities", json!(5))),
        ("logLevel: \"loud\"", meta_of("logLevel", json!("loud"))),
        ("no version header", echo().without("mcp-protocol-version")),
        ("another version header", echo().header("mcp-protocol-version", "2025-11-25")),
        (
            "a version that is not spoken",
            meta_of("protocolVersion", json!("2099-01-01")).header("mcp-protocol-version", "2099-01-01"),
        ),
        ("no method header", echo().without("mcp-method")),
        ("another method header", echo().header("mcp-method", "ping")),
        ("a method header twice", echo().and_header("mcp-method", b"tools/call")),
        (
            "a method header of other characters",
            echo().without("mcp-method").and_header("mcp-method", b"\xff"),
        ),
        ("no name header", echo().without("mcp-name")),
        ("another name header", echo().header("mcp-name", "other")),
        ("a name header of no Base64", echo().header("mcp-name", "=?base64?!?=")),
        ("no parameter header", call("mirrored", json!({ "region": "eu" }))),
        (
            "another parameter header",
            call("mirrored", json!({ "region": "eu" })).header("mcp-param-region", "us"),
        ),
        ("no name", stateless("tools/call", json!({}))),
        ("name: 5", replaced("\"name\":\"echo\"", "\"name\":5")),
        ("a name of half a surrogate pair", replaced("\"name\":\"echo\"", "\"name\":\"\\ud800\"")),
        ("an argument of half a surrogate pair", replaced("\"hi\"", "\"\\udc00\"")),
        ("an argument of 1e400", replaced("\"hi\"", "1e400")),
        ("arguments: 5", echo().edit(|body| body["params"]["arguments"] = json!(5))),
        ("requestState: 5", echo().edit(|body| body["params"]["requestState"] = json!(5))),
        ("a forged requestState", echo().edit(|body| body["params"]["requestState"] = json!("forged"))),
        ("cursor: 5", stateless("tools/list", json!({ "cursor": 5 }))),
        ("a cursor that was not issued", stateless("tools/list", json!({ "cursor": "x" }))),
        ("an unknown method", stateless("no/such", json!({}))),
        ("ping in 2026-07-28", stateless("ping", json!({}))),
        ("an unknown tool", call("none", json!({}))),
        ("an unknown prompt", stateless("prompts/get", json!({ "name": "none" }))),
        ("an unknown resource", stateless("resources/read", json!({ "uri": "none://" }))),
        ("a completion without ref", stateless("completion/complete", json!({}))),
        (
            "a completion of another kind",
            stateless(
                "completion/complete",
                json!({ "ref": { "type": "ref/tool", "name": "x" }, "argument": { "name": "a", "value": "" } }),
            ),
        ),
        (
            "a completion for an unknown prompt",
            stateless(
                "completion/complete",
                json!({ "ref": { "type": "ref/prompt", "name": "x" }, "argument": { "name": "a", "value": "zzz" } }),
            ),
        ),
        ("a capability that is missing", call("needs_sampling", json!({}))),
        (
            "listen to what is no resource",
            stateless(
                "subscriptions/listen",
                json!({ "notifications": { "resourceSubscriptions": ["none://"] } }),
            ),
        ),
        (
            "listen to 201 resources",
            stateless(
                "subscriptions/listen",
                json!({ "notifications": { "resourceSubscriptions": vec!["test://one"; 201] } }),
            ),
        ),
        (
            "listen to a URI of 2,055 bytes",
            stateless(
                "subscriptions/listen",
                json!({ "notifications": { "resourceSubscriptions": [format!("test://{}", "u".repeat(2048))] } }),
            ),
        ),
        ("listen without notifications", stateless("subscriptions/listen", json!({}))),
        (
            "listen to tasks without the extension",
            stateless("subscriptions/listen", json!({ "notifications": { "taskIds": ["t"] } })),
        ),
        (
            "listen to 33 tasks",
            with_tasks("subscriptions/listen", json!({ "notifications": { "taskIds": vec!["t"; 33] } })),
        ),
        (
            "listen to a text instead of tasks",
            with_tasks("subscriptions/listen", json!({ "notifications": { "taskIds": "t" } })),
        ),
    ]
}

/// Messages of sessions.
async fn sessions(world: &World) -> Vec<Row> {
    let client = Client::open(world.at(0), NEWEST).await;
    let oldest = Client::open(world.at(0), OLDEST).await;
    let gone = Client { id: "0".repeat(32), ..client.clone() };
    let initialize =
        |params: Value| initialize_request(NEWEST, json!({})).edit(|body| body["params"] = params);
    vec![
        ("initialize without protocolVersion", initialize(json!({ "capabilities": {} }))),
        (
            "initialize with capabilities: 5",
            initialize(json!({ "protocolVersion": NEWEST, "capabilities": 5 })),
        ),
        ("no session", client.request(1, "ping", json!({})).without("mcp-session-id")),
        ("a session that is gone", gone.request(1, "ping", json!({}))),
        (
            "an unknown version header",
            client.request(1, "ping", json!({})).header("mcp-protocol-version", "1999-01-01"),
        ),
        ("ping with params: 5", client.request(1, "ping", json!(5))),
        ("an unknown method in a session", client.request(1, "no/such", json!({}))),
        ("a task method without tasks", client.request(1, "tasks/list", json!({}))),
        ("server/discover in a session", client.request(1, "server/discover", json!({}))),
        ("an unknown level", client.request(1, "logging/setLevel", json!({ "level": "loud" }))),
        ("subscribe without uri", client.request(1, "resources/subscribe", json!({}))),
        (
            "subscribe to what is no resource",
            client.request(1, "resources/subscribe", json!({ "uri": "none://" })),
        ),
        (
            "subscribe to a URI of 2,055 bytes",
            client.request(
                1,
                "resources/subscribe",
                json!({ "uri": format!("test://{}", "u".repeat(2048)) }),
            ),
        ),
        ("cancelled without requestId", client.notification("notifications/cancelled", json!({}))),
        (
            "cancelled with requestId: true",
            client.notification("notifications/cancelled", json!({ "requestId": true })),
        ),
        (
            "progress with progressToken: true",
            client.notification("notifications/progress", json!({ "progressToken": true })),
        ),
        ("a notification with params: 5", client.notification("notifications/own", json!(5))),
        ("a batch of 2025-11-25", client.post(&json!([{ "jsonrpc": "2.0", "id": 1, "method": "ping" }]))),
        (
            "initialize in a batch",
            oldest.post(&json!([{ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {} }])),
        ),
        ("an unknown Last-Event-ID", client.resume("unknown")),
    ]
}

/// What HTTP refuses.
fn http() -> Vec<Row> {
    let many = (0..100).fold(echo(), |post, n| post.and_header(&format!("x-{n}"), b"v"));
    vec![
        ("another origin", echo().header("origin", "https://evil.example")),
        ("another host", echo().header("host", "evil.example")),
        ("another content type", echo().header("content-type", "text/plain")),
        ("an accept of nothing we send", echo().header("accept", "text/html")),
        ("7 MB", McpRequest { body: vec![b' '; 7_000_000].into(), ..echo() }),
        ("100 headers more", many),
        ("100 KB of headers", echo().header("x-pad", &"v".repeat(100_000))),
        ("PUT", McpRequest::of(Method::PUT)),
        ("GET without a session", McpRequest::of(Method::GET)),
        ("DELETE without a session", McpRequest::of(Method::DELETE)),
    ]
}

async fn row(world: &World, table: &mut String, (what, post): Row) {
    let reply = post.send(world.at(0)).await;
    line(table, what, reply).await;
}

pub(super) async fn line(table: &mut String, what: &str, reply: Reply) {
    let status = reply.status.as_u16();
    let body = reply.json().await;
    let error =
        body[0].get("error").or_else(|| body.get("error")).unwrap_or_else(|| panic!("{what}: {body}"));
    let text = error["message"].as_str().expect("a text").replace('|', "\\|").replace('\n', " ");
    for word in
        ["struct", "enum", "serde", "deserialize", "a map", "a sequence", "i64", "u64", "WithMeta", "Option"]
    {
        assert!(!text.contains(word), "{what}: {text:?} speaks Rust");
    }
    writeln!(table, "| {what} | {status} | {} | {text} |", error["code"]).expect("a text");
}

/// Errors speak JSON and MCP, and each is here.
#[tokio::test(start_paused = true)]
async fn every_refusal_has_its_text() {
    let world = environments_with(1, |config: &mut Config| {
        config.requests.body_time = Duration::from_secs(1);
        config.sessions.mode = Some(SessionMode::Required);
    });
    let mut table = HEAD.to_owned();
    let rows = [messages(), requests(), sessions(&world).await, http()];
    for one in rows.into_iter().flatten() {
        row(&world, &mut table, one).await;
    }
    let endless: Body =
        http_body_util::BodyExt::boxed_unsync(http_body_util::StreamBody::new(futures::stream::pending::<
            Result<http_body::Frame<bytes::Bytes>, _>,
        >()));
    let reply = Reply::of(world.at(0).handle(echo().request().map(|_| endless)).await);
    line(&mut table, "a body that does not come", reply).await;
    check(MESSAGES, &table);
}

/// Compares a table with that of the file, below its title.
pub(super) fn check(title: &str, table: &str) {
    let known = fs::read_to_string(TABLE).unwrap_or_default();
    let known = known.split(TITLE).find_map(|section| section.strip_prefix(title)).unwrap_or_default().trim();
    if table.trim() != known {
        let new = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("refusals of {title}.md"));
        fs::write(&new, table).expect("written");
        panic!("the texts have changed: read them, then copy {} into {TABLE}\n{table}", new.display());
    }
}
