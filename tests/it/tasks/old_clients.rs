//! Requests of clients of 2025-11-25 about tasks.

#![allow(clippy::needless_pass_by_value, reason = "`json!(...)` reads best as an argument")]

use std::time::Duration;

use mcp_lambda_server::{Principal, Server};
use serde_json::{Value, json};
use test_support::{McpRequest, Reply, result, session::Client};

use super::jobs::World;

pub(super) const RELATED: &str = "io.modelcontextprotocol/related-task";

pub(super) fn ada() -> Principal {
    Principal::new("issuer", "ada")
}

/// A client with an open session.
pub(super) async fn client(world: &World, version: &'static str, principal: Option<Principal>) -> Client {
    Client::open_as(&world.servers[0], version, principal).await
}

pub(super) fn as_task(client: &Client, tool: &str, task: Value) -> McpRequest {
    client.request(1, "tools/call", json!({ "name": tool, "arguments": {}, "task": task }))
}

pub(super) async fn created(client: &Client, server: &Server, tool: &str) -> String {
    let reply = result(as_task(client, tool, json!({})).send(server).await).await;
    reply["task"]["taskId"].as_str().unwrap_or_else(|| panic!("no task: {reply}")).to_owned()
}

pub(super) fn about(client: &Client, method: &str, id: &str) -> McpRequest {
    client.request(2, method, json!({ "taskId": id }))
}

/// Polls until the task has this status.
pub(super) async fn until(client: &Client, server: &Server, id: &str, status: &str) -> Value {
    for _ in 0..400 {
        let task = result(about(client, "tasks/get", id).send(server).await).await;
        if task["status"] == status {
            return task;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("{id} did not become {status}");
}

pub(super) async fn error(reply: Reply) -> (i64, String) {
    assert_eq!(reply.status, 200);
    let message = reply.messages().await.pop().expect("a response");
    let code = message["error"]["code"].as_i64().unwrap_or_else(|| panic!("no error: {message}"));
    (code, message["error"]["message"].as_str().expect("a text").to_owned())
}
