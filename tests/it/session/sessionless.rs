//! Requests of the session era without a session: `MCP_SESSIONS`.
//!
//! Hosts that drop the session id of `initialize`, or make one up: claude.ai, Copilot Studio and AWS `DevOps` Agent
//! (axiomhq/mcp#75, `action_mcp`#199), `AgentCore` Runtime (envoyproxy/ai-gateway#1958).

use http::Method;
use mcp_lambda_server::{Principal, config::SessionMode};
use serde_json::{Value, json};
use test_support::{
    McpRequest, World, environments_with, refused,
    request::initialize_request,
    result,
    session::{self, Client, MIDDLE, NEWEST, OLDEST, VERSIONS},
    stateless, text,
};

/// An id as `AgentCore` Runtime makes them up, and one that this server could have issued.
const FOREIGN: [&str; 2] =
    ["52f3a1de-7f4b-4c3e-9c5a-1d2e3f4a5b6c-agentcore", "0123456789abcdef0123456789abcdef"];

/// Four environments that share no store: what one of them keeps, no other one has.
fn apart(mode: SessionMode) -> Vec<World> {
    (0..4).map(|_| environments_with(1, |config| config.sessions.mode = Some(mode))).collect()
}

/// One environment.
fn with(mode: SessionMode) -> World {
    environments_with(1, |config| config.sessions.mode = Some(mode))
}

/// A message of a client that names no session.
fn dropping(version: &str, message: &Value) -> McpRequest {
    let request = McpRequest::json(message);
    if version == OLDEST { request } else { request.header("mcp-protocol-version", version) }
}

fn asks(version: &str, method: &str, params: Value) -> McpRequest {
    dropping(version, &session::request(1, method, params))
}

fn calls(version: &str, tool: &str, arguments: Value) -> McpRequest {
    dropping(version, &session::call(1, tool, arguments))
}

/// The requests that no session is needed for, with a part of their results.
fn every_request() -> [(&'static str, Value, &'static str); 8] {
    [
        ("tools/list", json!({}), "/tools/0/name"),
        ("tools/call", json!({ "name": "echo", "arguments": { "message": "hi" } }), "/content/0/text"),
        ("prompts/list", json!({}), "/prompts/0/name"),
        ("prompts/get", json!({ "name": "plain" }), "/messages/0/content/text"),
        ("resources/list", json!({}), "/resources/0/uri"),
        ("resources/templates/list", json!({}), "/resourceTemplates/0/uriTemplate"),
        ("resources/read", json!({ "uri": "test://one" }), "/contents/0/text"),
        (
            "completion/complete",
            json!({
                "ref": { "type": "ref/prompt", "name": "plain" },
                "argument": { "name": "city", "value": "par" },
            }),
            "/completion/values/0",
        ),
    ]
}

/// envoyproxy/ai-gateway#1958, axiomhq/mcp#75, `action_mcp`#199: `initialize` succeeds, and no later request names its
/// session. Each request goes to another environment, and no two of them share a store.
#[tokio::test]
async fn a_client_that_drops_its_session_id_is_served_on_every_environment() {
    for mode in [SessionMode::Optional, SessionMode::Off] {
        let worlds = apart(mode);
        for version in VERSIONS {
            let opened = initialize_request(version, json!({})).send(worlds[0].at(0)).await;
            assert_eq!(opened.header("mcp-session-id").is_some(), mode == SessionMode::Optional);
            assert_eq!(result(opened).await["protocolVersion"], version);
            let initialized = session::notification("notifications/initialized", json!({}));
            assert_eq!(dropping(version, &initialized).send(worlds[1].at(0)).await.status, 202);
            assert_eq!(worlds[1].report().await, "initialized");
            assert_eq!(result(asks(version, "ping", json!({})).send(worlds[2].at(0)).await).await, json!({}));
            for (at, (method, params, part)) in every_request().into_iter().enumerate() {
                let reply = asks(version, method, params).send(worlds[at % 4].at(0)).await;
                let result = result(reply).await;
                assert!(result.pointer(part).is_some(), "{method} in {version}: {result}");
            }
        }
    }
}

#[tokio::test]
async fn a_request_without_a_session_has_the_version_of_its_header_and_else_2025_03_26() {
    for mode in [SessionMode::Optional, SessionMode::Off] {
        let world = with(mode);
        for (request, version) in [
            (calls(NEWEST, "who", json!({})), NEWEST),
            (calls(MIDDLE, "who", json!({})), MIDDLE),
            (calls(OLDEST, "who", json!({})), OLDEST),
        ] {
            let who: Value =
                serde_json::from_str(&text(request.send(world.at(0)).await).await).expect("JSON");
            assert_eq!((&who["version"], &who["session"]), (&json!(version), &Value::Null), "{who}");
        }
        let unknown = calls(NEWEST, "echo", json!({})).header("mcp-protocol-version", "2025-01-01");
        assert_eq!(refused(unknown.send(world.at(0)).await).await.0, 400);
    }
}

#[tokio::test]
async fn progress_without_a_session_is_on_the_stream_of_its_own_request() {
    for mode in [SessionMode::Optional, SessionMode::Off] {
        let world = with(mode);
        world.allow(3);
        let params = json!({
            "name": "progress",
            "arguments": { "steps": 2 },
            "_meta": { "progressToken": "mine" },
        });
        let mut reply = asks(NEWEST, "tools/call", params).send(world.at(0)).await;
        assert!(reply.is_stream());
        for step in [1.0, 2.0] {
            let event = reply.event_after_comments().await.expect("progress");
            assert_eq!(event.id, None, "nothing could be resumed without a session");
            let progress = event.json();
            assert_eq!(progress["method"], "notifications/progress");
            assert_eq!(progress["params"], json!({ "progressToken": "mine", "progress": step }));
        }
        assert_eq!(reply.message().await["result"]["content"][0]["text"], "done");
        assert!(reply.event_after_comments().await.is_none());
    }
}

/// A server without sessions declares no `logging`, so it sends no log messages either.
#[tokio::test]
async fn log_messages_without_a_session_are_sent_if_the_server_declares_them() {
    for (mode, is_sent) in [(SessionMode::Optional, true), (SessionMode::Off, false)] {
        let world = with(mode);
        let reply = calls(NEWEST, "log", json!({ "level": "error" })).send(world.at(0)).await;
        assert_eq!(reply.is_stream(), is_sent);
    }
}

#[tokio::test]
async fn a_batch_without_a_session_is_answered_as_in_a_session() {
    for mode in [SessionMode::Optional, SessionMode::Off] {
        let world = with(mode);
        world.allow(2);
        let progress = json!({
            "name": "progress", "arguments": { "steps": 1 }, "_meta": { "progressToken": "p" },
        });
        let batch = |first: Value| {
            json!([
                first,
                session::notification("notifications/roots/list_changed", json!({})),
                session::request(2, "logging/setLevel", json!({ "level": "error" })),
                { "jsonrpc": "2.0", "id": "a/0", "result": {} },
            ])
        };
        let plain = batch(session::call(1, "echo", json!({ "message": "hi" })));
        let responses = McpRequest::json(&plain).send(world.at(0)).await.json().await;
        let ids: Vec<_> = responses.as_array().expect("responses").iter().map(|one| &one["id"]).collect();
        assert_eq!(ids, [1, 2]);
        assert_eq!(responses[0]["result"]["content"][0]["text"], "hi");
        assert!(responses[1]["error"]["message"].as_str().expect("a text").contains("needs a session"));

        let streaming = batch(session::request(3, "tools/call", progress));
        let messages = McpRequest::json(&streaming).send(world.at(0)).await.messages().await;
        assert_eq!(messages[0]["method"], "notifications/progress");
        assert_eq!((&messages[1]["id"], &messages[2]["id"]), (&json!(3), &json!(2)));

        let newer = McpRequest::json(&plain).header("mcp-protocol-version", MIDDLE).send(world.at(0)).await;
        assert_eq!(refused(newer).await.0, 400);
    }
}

#[tokio::test]
async fn a_get_without_a_session_is_405_and_a_delete_has_nothing_to_end() {
    for mode in [SessionMode::Required, SessionMode::Optional, SessionMode::Off] {
        let world = with(mode);
        let get = McpRequest::of(Method::GET).header("accept", "text/event-stream");
        let reply = get.header("mcp-protocol-version", NEWEST).send(world.at(0)).await;
        assert_eq!((reply.status.as_u16(), reply.header("allow")), (405, Some("POST, OPTIONS")));
        let end = McpRequest::of(Method::DELETE).header("mcp-protocol-version", NEWEST);
        let expected = if mode == SessionMode::Off { 405 } else { 400 };
        assert_eq!(end.send(world.at(0)).await.status, expected, "{mode:?}");
    }
}

#[tokio::test]
async fn what_needs_a_session_says_so() {
    let needs = [
        ("logging/setLevel", json!({ "level": "error" })),
        ("resources/subscribe", json!({ "uri": "test://one" })),
        ("resources/unsubscribe", json!({ "uri": "test://one" })),
    ];
    for (mode, answer, ways_out) in [
        (SessionMode::Optional, (400, -32000), ["send initialize", "Mcp-Session-Id"]),
        (SessionMode::Off, (200, -32601), ["has none", "MCP_SESSIONS=off"]),
    ] {
        let world = with(mode);
        for (method, params) in needs.clone() {
            let (status, code, body) = refused(asks(NEWEST, method, params).send(world.at(0)).await).await;
            assert_eq!((status, code), answer, "{method}");
            assert_eq!(body["id"], 1);
            let message = body["error"]["message"].as_str().expect("a text");
            assert!(message.contains(&format!("{method} needs a session")), "{message}");
            assert!(ways_out.iter().all(|way| message.contains(way)), "{message}");
        }
        for what in ["sampling", "elicitation", "roots"] {
            let said = text(calls(NEWEST, "ask", json!({ "what": what })).send(world.at(0)).await).await;
            assert!(said.contains("only in a session"), "{what}: {said}");
        }
        // State is there under a handle, as in 2026-07-28.
        let counted = text(calls(NEWEST, "count", json!({})).send(world.at(0)).await).await;
        let counted: Value = serde_json::from_str(&counted).expect("JSON");
        let again = json!({ "handle": counted["handle"] });
        let counted = text(calls(NEWEST, "count", again).send(world.at(0)).await).await;
        assert!(counted.contains("\"count\":2"), "{counted}");
    }
}

/// `AgentCore` Runtime sends an id of its own with every message (envoyproxy/ai-gateway#1958).
#[tokio::test]
async fn a_session_id_that_the_server_has_not_issued_is_ignored_where_sessions_are_off_and_else_404() {
    for mode in [SessionMode::Required, SessionMode::Optional, SessionMode::Off] {
        let world = with(mode);
        for id in FOREIGN {
            let echo = calls(NEWEST, "echo", json!({ "message": "hi" })).header("mcp-session-id", id);
            let get = McpRequest::of(Method::GET).header("accept", "text/event-stream");
            let get = get.header("mcp-session-id", id).send(world.at(0)).await;
            let end = McpRequest::of(Method::DELETE).header("mcp-session-id", id).send(world.at(0)).await;
            let reply = echo.send(world.at(0)).await;
            if mode == SessionMode::Off {
                assert_eq!(text(reply).await, "hi");
                assert_eq!((get.status.as_u16(), end.status.as_u16()), (405, 405));
            } else {
                let (status, code, _) = refused(reply).await;
                assert_eq!((status, code), (404, -32001), "its client opens a new session");
                assert_eq!((get.status.as_u16(), end.status.as_u16()), (404, 404));
            }
        }
        let opened = initialize_request(NEWEST, json!({})).header("mcp-session-id", FOREIGN[0]);
        assert_eq!(opened.send(world.at(0)).await.status, 200);
    }
}

#[tokio::test]
async fn where_sessions_are_off_initialize_stores_none_and_promises_nothing_of_one() {
    let world = with(SessionMode::Off);
    let reply = initialize_request(NEWEST, json!({})).send(world.at(0)).await;
    assert_eq!(reply.header("mcp-session-id"), None);
    let capabilities = result(reply).await["capabilities"].clone();
    let expected = json!({ "completions": {}, "prompts": {}, "resources": {}, "tools": {} });
    assert_eq!(capabilities, expected);
    let stored = world.stores.sessions.list(&Principal::anonymous(), 10).await.expect("listed");
    assert!(stored.is_empty(), "{stored:?}");
}

#[tokio::test]
async fn where_sessions_are_off_2026_07_28_is_served_in_full() {
    let world = with(SessionMode::Off);
    let discovered = result(stateless("server/discover", json!({})).send(world.at(0)).await).await;
    assert_eq!(discovered["capabilities"]["resources"]["subscribe"], true);
    assert!(discovered["capabilities"]["logging"].is_object());
    let listen = stateless("subscriptions/listen", json!({ "notifications": { "toolsListChanged": true } }));
    let mut stream = listen.send(world.at(0)).await;
    assert_eq!(stream.message().await["method"], "notifications/subscriptions/acknowledged");
}

#[tokio::test]
async fn where_sessions_are_optional_a_client_that_names_its_session_has_all_of_it() {
    let world = with(SessionMode::Optional);
    let client = Client::open(world.at(0), NEWEST).await;
    for count in ["1", "2"] {
        assert_eq!(text(client.call(1, "count", json!({})).send(world.at(0)).await).await, count);
    }
    client.listening(world.at(0)).await;
    assert_eq!(client.end().send(world.at(0)).await.status, 204);
    let (status, code, _) = refused(client.request(1, "ping", json!({})).send(world.at(0)).await).await;
    assert_eq!((status, code), (404, -32001), "its client opens a new session");
}

/// No other request can name a call without a session: leaving is how its client cancels it.
#[tokio::test]
async fn a_client_that_leaves_a_call_without_a_session_cancels_it() {
    for mode in [SessionMode::Optional, SessionMode::Off] {
        let world = with(mode);
        let cancel = session::notification("notifications/cancelled", json!({ "requestId": 1 }));
        let call = calls(NEWEST, "slow", json!({}));
        let (sent, ()) = tokio::join!(
            async {
                tokio::select! {
                    biased;
                    reply = call.send(world.at(0)) => Some(reply),
                    () = async {
                        assert_eq!(world.report().await, "started");
                        assert_eq!(dropping(NEWEST, &cancel).send(world.at(0)).await.status, 202);
                    } => None,
                }
            },
            async {}
        );
        assert!(sent.is_none(), "the call was still running");
        assert_eq!(world.report().await, "dropped");
    }
}
