//! The tasks extension needs 2026-07-28: a client that knows both eras gets there with any first request.
//!
//! The sequences are those of clients: `@modelcontextprotocol/client` 2.4 and the Python `mcp` 2.3 (`auto`) send
//! `server/discover` and fall back to `initialize`; others begin with `initialize`, and ask for the newest revision there.

use mcp_lambda_server::Server;
use serde_json::{Value, json};
use test_support::{
    McpRequest, refused,
    request::{STATELESS, initialize_request, stateless_with},
    result,
};

use super::jobs::{EXTENSION, declared, world};

/// The first request of a client that prefers a revision.
fn probe(version: &str) -> McpRequest {
    let request = stateless_with(
        json!("probe"),
        "server/discover",
        json!({}),
        json!({ "extensions": { EXTENSION: {} } }),
    );
    request
        .header("mcp-protocol-version", version)
        .meta("io.modelcontextprotocol/protocolVersion", json!(version))
}

/// What a client does with an answer to its probe: it takes the newest revision that both sides speak.
async fn arrives(server: &Server, discovered: Value) {
    let newest =
        discovered["supportedVersions"].as_array().expect("versions").iter().filter_map(Value::as_str).max();
    assert_eq!(newest, Some(STATELESS));
    assert_eq!(discovered["capabilities"]["extensions"], json!({ EXTENSION: {} }));
    let call = declared("tools/call", json!({ "name": "steps", "arguments": {} })).send(server).await;
    assert_eq!(result(call).await["resultType"], "task");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_discovers_first_has_tasks() {
    let world = world(1);
    let discovered = result(probe(STATELESS).send(&world.servers[0]).await).await;
    arrives(&world.servers[0], discovered).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_of_a_later_revision_learns_which_one_to_discover_with() {
    let world = world(1);
    let (status, code, body) = refused(probe("2027-03-01").send(&world.servers[0]).await).await;
    assert_eq!((status, code), (400, -32022));
    let supported = body["error"]["data"]["supported"].as_array().expect("versions");
    assert!(supported.contains(&json!(STATELESS)), "{supported:?}");
    let discovered = result(probe(STATELESS).send(&world.servers[0]).await).await;
    arrives(&world.servers[0], discovered).await;
}

/// Of a server that fixes the era at the first message, such a client never gets a task.
#[tokio::test(start_paused = true)]
async fn a_client_that_initializes_first_is_not_kept_in_the_session_era() {
    let world = world(2);
    for asked in [STATELESS, "2025-11-25", "2025-06-18"] {
        let opened = initialize_request(asked, json!({ "extensions": { EXTENSION: {} } }))
            .send(&world.servers[0])
            .await;
        let session = opened.header("mcp-session-id").expect("a session").to_owned();
        let agreed = result(opened).await["protocolVersion"].as_str().expect("a version").to_owned();
        assert_ne!(agreed, STATELESS, "initialize is not part of it");
        // Some clients go on to send the session with each request.
        for post in [probe(STATELESS), probe(STATELESS).header("mcp-session-id", &session)] {
            let discovered = result(post.send(&world.servers[1]).await).await;
            arrives(&world.servers[1], discovered).await;
        }
        // The session is as good as before.
        let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
        let ping = McpRequest::session(&session, &agreed, &ping).send(&world.servers[0]).await;
        assert_eq!(result(ping).await, json!({}));
    }
}

/// A client of the session era that knows the extension is one without tasks, unless it uses those of its own revision.
#[tokio::test(start_paused = true)]
async fn the_extension_means_nothing_in_the_session_era() {
    let world = world(1);
    let opened = initialize_request("2025-11-25", json!({ "extensions": { EXTENSION: {} } }))
        .send(&world.servers[0])
        .await;
    let session = opened.header("mcp-session-id").expect("a session").to_owned();
    assert_eq!(result(opened).await["capabilities"].get("extensions"), None);
    world.gate.add_permits(3);
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "steps", "arguments": {} } });
    let reply =
        result(McpRequest::session(&session, "2025-11-25", &call).send(&world.servers[0]).await).await;
    assert_eq!(reply["content"][0]["type"], "text");
}
