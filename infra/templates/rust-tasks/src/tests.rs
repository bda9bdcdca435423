//! Calls the server as a client does, without a network.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use mcp_lambda_server::Config;
use serde_json::{Value, json};
use tower::ServiceExt;

/// A client of the server. One that knows tasks may get a task for a result.
struct Client {
    server: mcp_lambda_server::Server,
    capabilities: Value,
}

impl Client {
    async fn new(capabilities: Value) -> Self {
        let server = super::server()
            .config(Config::default())
            .build()
            .await
            .expect("a server");
        Self {
            server,
            capabilities,
        }
    }

    /// The response to a request; `name` is the tool or the task that it concerns.
    async fn send(&self, method: &str, name: &str, mut params: Value) -> Value {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": self.capabilities,
        });
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let request = Request::post("/mcp")
            .header("host", "localhost")
            .header("accept", "application/json, text/event-stream")
            .header("content-type", "application/json")
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", method)
            .header("mcp-name", name)
            .body(Full::new(Bytes::from(message.to_string())))
            .expect("a request");
        let response = self
            .server
            .clone()
            .oneshot(request)
            .await
            .expect("a response");
        let body = response
            .into_body()
            .collect()
            .await
            .expect("a body")
            .to_bytes();
        serde_json::from_slice(&body).expect("JSON")
    }

    async fn count(&self, to: u32) -> Value {
        self.send(
            "tools/call",
            "count",
            json!({ "name": "count", "arguments": { "to": to } }),
        )
        .await
    }
}

#[tokio::test]
async fn a_client_without_tasks_waits_for_the_result() {
    let response = Client::new(json!({})).await.count(3).await;
    assert_eq!(
        response["result"]["content"][0]["text"], "counted to 3",
        "{response}"
    );
}

#[tokio::test]
async fn a_client_that_knows_tasks_gets_a_task_and_later_its_result() {
    let client =
        Client::new(json!({ "extensions": { "io.modelcontextprotocol/tasks": {} } })).await;
    let created = client.count(3).await;
    let id = created["result"]["taskId"]
        .as_str()
        .unwrap_or_else(|| panic!("no task: {created}"))
        .to_owned();
    let task = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            let task = client.send("tasks/get", &id, json!({ "taskId": id })).await;
            if task["result"]["status"] != "working" {
                return task;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let task = task.await.expect("the task ends");
    assert_eq!(
        task["result"]["result"]["content"][0]["text"], "counted to 3",
        "{task}"
    );
}
