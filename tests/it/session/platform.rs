//! Session ids that a platform makes up: `MCP_SESSIONS=platform`, for AgentCore Runtime. The platform sends an id with each
//! message, the first one included, and nothing tells the server that it has done so.
//! <https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/runtime-mcp-protocol-contract.html> (read 2026-11-27).

use mcp_lambda_server::{Principal, config::SessionMode};
use serde_json::{Value, json};
use test_support::{
    McpRequest, World, environments_with,
    request::initialize_request,
    result,
    session::{Client, NEWEST, OLDEST},
    stateless, text,
};

const RUNTIME_SESSION: &str = "x-amzn-bedrock-agentcore-runtime-session-id";

/// Environments with one store behind the platform.
fn behind_platform(count: usize) -> World {
    environments_with(count, |config| config.sessions.mode = Some(SessionMode::Platform))
}

/// A client of the session era, whose messages the platform marks with an id of its own.
fn client(id: &str, version: &'static str) -> Client {
    Client { id: id.to_owned(), version, principal: None }
}

/// What the platform makes up: a UUID, as the one of the microVM that it routes to.
fn made_up(number: u32) -> String {
    format!("52f3a1de-7f4b-4c3e-9c5a-{number:012}")
}

async fn initialize(world: &World, at: usize, id: &str) -> Value {
    let capabilities = json!({ "sampling": {}, "elicitation": {}, "roots": {} });
    let request =
        initialize_request(NEWEST, capabilities).header("mcp-session-id", id).header(RUNTIME_SESSION, id);
    let reply = request.send(world.at(at)).await;
    assert_eq!((reply.status.as_u16(), reply.header("mcp-session-id")), (200, Some(id)));
    reply.json().await
}

#[tokio::test]
async fn an_id_of_the_platform_is_that_of_one_session_on_every_environment() {
    let world = behind_platform(4);
    let client = client(&made_up(1), NEWEST);
    assert_eq!(initialize(&world, 0, &client.id).await["result"]["protocolVersion"], NEWEST);
    let initialized = client.notification("notifications/initialized", json!({}));
    assert_eq!(initialized.send(world.at(1)).await.status, 202);
    for (at, count) in [(0, "1"), (1, "2"), (2, "3"), (3, "4")] {
        assert_eq!(text(client.call(1, "count", json!({})).send(world.at(at)).await).await, count);
    }
    let stored = world.stores.sessions.list(&Principal::anonymous(), 10).await.expect("listed");
    assert_eq!(stored.len(), 1);
    assert!(!stored[0].id.as_str().contains(&client.id[..8]), "{stored:?}");
}

/// What stateless servers have not: requests to the client, whose response reaches its call from another environment.
#[tokio::test]
async fn a_handler_asks_a_client_behind_the_platform() {
    let world = behind_platform(2);
    let client = client(&made_up(1), NEWEST);
    initialize(&world, 0, &client.id).await;
    let mut asking = client.call(1, "ask", json!({ "what": "roots" })).send(world.at(0)).await;
    let asked = asking.message().await;
    assert_eq!(asked["method"], "roots/list");
    let roots = json!({ "roots": [{ "uri": "file:///a" }] });
    assert_eq!(client.answer(&asked, roots).send(world.at(1)).await.status, 202);
    assert_eq!(asking.message().await["result"]["content"][0]["text"], "file:///a");
}

/// A client that was moved to another microVM, or whose session has expired, is served without a new `initialize`.
#[tokio::test]
async fn a_session_begins_with_whichever_message_comes_first() {
    for version in [NEWEST, OLDEST] {
        let world = behind_platform(2);
        let client = client(&made_up(2), version);
        assert_eq!(text(client.call(1, "count", json!({})).send(world.at(0)).await).await, "1");
        assert_eq!(text(client.call(2, "count", json!({})).send(world.at(1)).await).await, "2");
        let stored = world.stores.sessions.list(&Principal::anonymous(), 10).await.expect("listed");
        assert_eq!(stored[0].version.as_str(), version);
        // What the client can do is not known; it may be asked all the same.
        let mut asking = client.call(3, "ask", json!({ "what": "roots" })).send(world.at(0)).await;
        let asked = asking.message().await;
        let roots = json!({ "roots": [{ "uri": "file:///b" }] });
        assert_eq!(client.answer(&asked, roots).send(world.at(1)).await.status, 202);
        assert_eq!(asking.message().await["result"]["content"][0]["text"], "file:///b");
    }
    let world = behind_platform(1);
    client(&made_up(3), NEWEST).listening(world.at(0)).await;
}

#[tokio::test]
async fn messages_that_begin_a_session_at_the_same_time_find_one() {
    let world = behind_platform(4);
    let client = client(&made_up(4), NEWEST);
    let calls = (0..8).map(|at| client.call(at, "echo", json!({ "message": "hi" })).send(world.at(at % 4)));
    for reply in futures::future::join_all(calls).await {
        assert_eq!(text(reply).await, "hi");
    }
    assert_eq!(world.stores.sessions.list(&Principal::anonymous(), 10).await.expect("listed").len(), 1);
}

#[tokio::test]
async fn initialize_begins_the_session_of_an_id_anew() {
    let world = behind_platform(2);
    let client = client(&made_up(5), NEWEST);
    for _ in 0..2 {
        initialize(&world, 0, &client.id).await;
        assert_eq!(text(client.call(1, "count", json!({})).send(world.at(1)).await).await, "1");
    }
}

#[tokio::test]
async fn a_delete_ends_the_session_and_one_of_an_unknown_session_is_no_error() {
    let world = behind_platform(2);
    let client = client(&made_up(6), NEWEST);
    assert_eq!(client.end().send(world.at(0)).await.status, 204);
    assert_eq!(text(client.call(1, "count", json!({})).send(world.at(0)).await).await, "1");
    assert_eq!(client.end().send(world.at(1)).await.status, 204);
    assert_eq!(text(client.call(1, "count", json!({})).send(world.at(0)).await).await, "1");
}

/// The id is no credential here either.
#[tokio::test]
async fn two_principals_that_name_the_same_id_have_two_sessions() {
    let world = behind_platform(1);
    let of = |name: &str| Client {
        principal: Some(Principal::new("https://issuer.example.com", name)),
        ..client(&made_up(7), NEWEST)
    };
    for name in ["alice", "bob"] {
        assert_eq!(text(of(name).call(1, "count", json!({})).send(world.at(0)).await).await, "1", "{name}");
    }
    assert_eq!(text(of("alice").call(1, "count", json!({})).send(world.at(0)).await).await, "2");
}

/// A client that the platform leaves alone, in its stateful mode, gets a session of the server.
#[tokio::test]
async fn without_an_id_of_the_platform_sessions_are_those_of_the_server() {
    let world = behind_platform(2);
    let client = Client::open(world.at(0), NEWEST).await;
    assert_eq!(client.id.len(), 32);
    for (at, count) in [(0, "1"), (1, "2")] {
        assert_eq!(text(client.call(1, "count", json!({})).send(world.at(at)).await).await, count);
    }
    let alone = McpRequest::json(&test_support::session::call(1, "echo", json!({ "message": "hi" })));
    assert_eq!(text(alone.send(world.at(0)).await).await, "hi");
}

#[tokio::test]
async fn headers_of_the_platform_change_nothing_for_2026_07_28() {
    let world = behind_platform(1);
    let id = made_up(8);
    let list = stateless("tools/list", json!({})).header("mcp-session-id", &id).header(RUNTIME_SESSION, &id);
    assert!(result(list.send(world.at(0)).await).await["tools"].is_array());
    assert!(world.stores.sessions.list(&Principal::anonymous(), 10).await.expect("listed").is_empty());
}
