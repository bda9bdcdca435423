//! Both eras on one endpoint: each message says which it is of, and neither disturbs the other.
//! <https://modelcontextprotocol.io/specification/2026-07-28/basic/versioning#backward-compatibility-with-initialization-based-versions>
//! (read 2026-11-20).

#![allow(clippy::needless_pass_by_value, reason = "`json!(...)` reads best as an argument")]

use mcp_lambda_server::config::SessionMode;
use serde_json::{Value, json};
use test_support::{
    McpRequest, call, environment, environments, environments_with, initialize, refused,
    request::initialize_request, result, stateless, stateless_with, text,
};

const OLD: &str = "2025-11-25";

fn old_call(session: &str, id: u64, tool: &str, arguments: Value) -> McpRequest {
    let message = json!({
        "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": { "name": tool, "arguments": arguments },
    });
    McpRequest::session(session, OLD, &message)
}

async fn who(server: &mcp_lambda_server::Server, post: McpRequest) -> Value {
    serde_json::from_str(&text(post.send(server).await).await).expect("JSON")
}

#[tokio::test(start_paused = true)]
async fn both_eras_interleave_on_one_endpoint() {
    let world = environments(2);
    let session = initialize(world.at(0), OLD, json!({})).await;
    for round in 0..3 {
        let at = round % 2;
        let new = who(world.at(at), call("who", json!({}))).await;
        assert_eq!((&new["version"], &new["session"]), (&json!("2026-07-28"), &json!(null)));
        let old = who(world.at(at), old_call(&session, 1, "who", json!({}))).await;
        assert_eq!((&old["version"], &old["session"]), (&json!(OLD), &json!(session)));
    }
}

/// A 2026-07-28 request that carries a session id is not part of that session.
#[tokio::test(start_paused = true)]
async fn a_stateless_request_with_a_session_id_stays_stateless() {
    let world = environment();
    let session = initialize(world.at(0), OLD, json!({})).await;
    let reply = call("who", json!({})).header("mcp-session-id", &session).send(world.at(0)).await;
    assert_eq!(reply.header("mcp-session-id"), None);
    let seen: Value = serde_json::from_str(&text(reply).await).expect("JSON");
    assert_eq!(seen["session"], json!(null));
}

/// While the call of one era waits, the call of the other is served.
#[tokio::test(start_paused = true)]
async fn open_requests_of_both_eras_do_not_wait_for_each_other() {
    let world = environment();
    let session = initialize(world.at(0), OLD, json!({})).await;
    assert_eq!(world.report().await, "initialized");
    let slow = stateless_with(json!(1), "tools/call", json!({ "name": "slow" }), json!({})).send(world.at(0));
    let others = async {
        assert_eq!(world.report().await, "started");
        assert_eq!(
            text(old_call(&session, 1, "echo", json!({ "message": "old" })).send(world.at(0)).await).await,
            "old"
        );
        assert_eq!(text(call("echo", json!({ "message": "new" })).send(world.at(0)).await).await, "new");
        world.allow(1);
    };
    let (reply, ()) = tokio::join!(slow, others);
    assert_eq!(text(reply).await, "done");
}

/// Each era's results have the fields of that era only.
#[tokio::test(start_paused = true)]
async fn results_have_the_shape_of_their_era() {
    let world = environment();
    let session = initialize(world.at(0), OLD, json!({})).await;
    let new = result(call("echo", json!({ "message": "hi" })).send(world.at(0)).await).await;
    assert_eq!(new["resultType"], "complete");
    let old = result(old_call(&session, 1, "echo", json!({ "message": "hi" })).send(world.at(0)).await).await;
    assert_eq!((old.get("resultType"), old.get("_meta")), (None, None));
}

/// Each header and field that tells the era, and the era that follows from it.
#[tokio::test(start_paused = true)]
async fn the_era_follows_the_signals_of_the_request() {
    let world = environments_with(1, |config| config.sessions.mode = Some(SessionMode::Required));
    let modern = |method: &str| stateless(method, json!({}));
    let bare = |method: &str| {
        modern(method)
            .edit(|body| drop(body["params"].as_object_mut().unwrap().remove("_meta")))
            .without("mcp-protocol-version")
    };
    let cases = [
        ("meta alone is modern", modern("tools/list").without("mcp-protocol-version"), (400, -32020)),
        (
            "meta of an old version is modern",
            modern("tools/list")
                .header("mcp-protocol-version", OLD)
                .meta("io.modelcontextprotocol/protocolVersion", json!(OLD)),
            (400, -32022),
        ),
        (
            "the header alone is modern",
            bare("tools/list").header("mcp-protocol-version", "2026-07-28"),
            (400, -32602),
        ),
        (
            "a later header is modern too",
            bare("tools/list").header("mcp-protocol-version", "2030-01-01"),
            (400, -32602),
        ),
        ("discover is modern", bare("server/discover"), (400, -32602)),
        ("nothing at all is a session's", bare("tools/list"), (400, -32000)),
        (
            "an unknown header is a session's",
            bare("tools/list").header("mcp-protocol-version", "1.0"),
            (400, -32600),
        ),
        (
            "an unknown session is a session's",
            bare("tools/list").header("mcp-session-id", &"0".repeat(32)),
            (404, -32001),
        ),
        ("initialize with meta is modern", modern("initialize"), (404, -32601)),
    ];
    for (name, post, expected) in cases {
        let (status, code, body) = refused(post.send(world.at(0)).await).await;
        assert_eq!((status, code), expected, "{name}: {body}");
    }
}

/// `initialize` without `_meta` negotiates a session version, even under a 2026-07-28 header.
#[tokio::test(start_paused = true)]
async fn initialize_never_answers_a_stateless_version() {
    let world = environment();
    for header in [None, Some("2026-07-28"), Some(OLD), Some("nonsense")] {
        let post = initialize_request("2026-07-28", json!({}));
        let post = match header {
            Some(version) => post.header("mcp-protocol-version", version),
            None => post,
        };
        let answered = result(post.send(world.at(0)).await).await;
        assert_eq!(answered["protocolVersion"], OLD, "{header:?}");
    }
}

/// A client that sees one of these codes takes the server for one of 2026-07-28 alone.
#[tokio::test(start_paused = true)]
async fn errors_of_the_session_era_carry_no_modern_code() {
    let world = environment();
    let session = initialize(world.at(0), OLD, json!({})).await;
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    let posts = [
        McpRequest::session(&session, "2024-01-01", &list),
        McpRequest::session("unknown", OLD, &list),
        McpRequest::json(&list),
        McpRequest::session(&session, OLD, &list).and_header("mcp-protocol-version", OLD.as_bytes()),
        McpRequest::session(&session, OLD, &list).and_header("mcp-session-id", session.as_bytes()),
        McpRequest::session(&session, OLD, &list)
            .without("mcp-session-id")
            .and_header("mcp-session-id", b"\xff"),
        McpRequest::session(&session, OLD, &json!({ "jsonrpc": "2.0", "id": 1, "method": "no/such" })),
        old_call(&session, 1, "mirrored", json!({ "region": "eu" })).header("mcp-param-region", "us"),
        old_call(&session, 1, "needs_sampling", json!({})),
        old_call(&session, 1, "error", json!({ "code": -32020 })),
    ];
    for post in posts {
        let (headers, body) = (post.headers.clone(), post.body.clone());
        let answer = post.send(world.at(0)).await.json().await;
        let code = answer["error"]["code"].as_i64().unwrap_or_default();
        assert!(!(-32099..=-32020).contains(&code), "{code} for {headers:?} {body:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_cannot_make_a_stateless_error_of_a_code_that_is_gone_or_reserved() {
    let world = environment();
    for code in [-32002, -32042, -32023, -32050, -32099] {
        let (_, found, _) = refused(call("error", json!({ "code": code })).send(world.at(0)).await).await;
        assert!(
            found != -32002 && found != -32042 && !(-32099..=-32023).contains(&found),
            "{code} became {found}"
        );
    }
}
