//! The requests and events in the documentation of lambda-turul-mcp-server, and their answers: docs/migrating.md.

use http::Method;
use mcp_lambda_server::{
    events::{PublishError, ToolStatus},
    turul::GlobalEvent,
};
use serde_json::{Value, json};
use test_support::{McpRequest, environment, session::MIDDLE};

const SESSION: &str = "my-session-123";

fn initialize() -> McpRequest {
    let params = json!({
        "protocolVersion": MIDDLE,
        "capabilities": { "tools": {}, "resources": {}, "notifications": {} },
    });
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params });
    McpRequest::json(&message).header("mcp-session-id", SESSION)
}

fn call() -> Value {
    let params = json!({ "name": "say", "arguments": { "text": "hi" } });
    json!({ "jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": params })
}

#[tokio::test]
async fn initialize_without_client_info_is_served_with_an_id_of_the_server() {
    let world = environment();
    let reply = initialize().send(world.at(0)).await;
    assert_eq!(reply.status, 200);
    let id = reply.header("mcp-session-id").expect("a session").to_owned();
    assert_ne!(id, SESSION);
    assert_eq!(reply.json().await["result"]["protocolVersion"], MIDDLE);
}

#[tokio::test]
async fn a_session_id_of_the_client_is_unknown_and_the_text_says_what_to_do() {
    let world = environment();
    let get =
        McpRequest::of(Method::GET).header("accept", "text/event-stream").header("mcp-session-id", SESSION);
    let call = McpRequest::json(&call()).header("mcp-session-id", SESSION);
    for request in [get, call] {
        let reply = request.send(world.at(0)).await;
        assert_eq!(reply.status, 404);
        let text = reply.text().await;
        assert!(text.contains("initialize"), "{text}");
    }
}

/// The header is what makes the difference.
#[tokio::test]
async fn a_call_without_a_session_is_served_for_itself() {
    let world = environment();
    let reply = McpRequest::json(&call()).header("accept", "application/json").send(world.at(0)).await;
    assert_ne!(reply.status, 404);
}

#[tokio::test]
async fn a_subscription_by_a_method_that_is_none_is_not_found() {
    let world = environment();
    let message = json!({ "jsonrpc": "2.0", "id": 4, "method": "notifications/subscribe", "params": {} });
    let reply = McpRequest::json(&message).send(world.at(0)).await;
    let body = reply.json_of_any_type().await;
    assert_eq!(body["error"]["code"], -32601, "{body}");
}

#[tokio::test]
async fn its_two_lines_publish_and_a_session_that_does_not_exist_is_an_error() {
    let world = environment();
    let events = world.at(0).events();
    let health = GlobalEvent::system_health("healthy", json!({ "latency_ms": 4 }));
    assert_eq!(health.key().uri(), "event://system_health/server");
    events.broadcast_global_event(health).await.expect("published");
    let run =
        GlobalEvent::tool_execution("aws_monitor", "session-123", "completed", json!({ "instances": 3 }));
    let form = serde_json::to_value(&run).expect("JSON");
    assert_eq!((&form["status"], &form["result"]["instances"]), (&json!("completed"), &json!(3)));
    match events.broadcast_global_event(run).await {
        Err(PublishError::UnknownSession(id)) => assert_eq!(id, "session-123"),
        other => panic!("{other:?}"),
    }
    let failed = GlobalEvent::tool_execution("aws_monitor", "session-123", "no disk", None);
    assert_eq!(
        serde_json::to_value(failed).expect("JSON")["status"],
        json!({ "failed": { "error": "no disk" } })
    );
    assert_eq!(ToolStatus::from("in_progress"), ToolStatus::InProgress { progress: None });
}
