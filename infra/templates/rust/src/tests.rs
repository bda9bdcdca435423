//! Calls the server as a client does, without a network.

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use mcp_lambda_server::{Config, McpLambdaServer};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::Server;

/// The result of a tool.
async fn call(tool: &str, arguments: Value) -> Value {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let params = json!({ "name": tool, "arguments": arguments, "_meta": meta });
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let request = Request::post("/mcp")
        .header("host", "localhost")
        .header("accept", "application/json, text/event-stream")
        .header("content-type", "application/json")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "tools/call")
        .header("mcp-name", tool)
        .body(Full::new(Bytes::from(message.to_string())))
        .expect("a request");
    let server = McpLambdaServer::builder(Server)
        .config(Config::default())
        .build()
        .await
        .expect("a server");
    let response = server.oneshot(request).await.expect("a response");
    let body = response
        .into_body()
        .collect()
        .await
        .expect("a body")
        .to_bytes();
    serde_json::from_slice(&body).expect("JSON")
}

#[tokio::test]
async fn greet_uses_the_name() {
    let response = call("greet", json!({ "name": "Ada" })).await;
    assert_eq!(
        response["result"]["content"][0]["text"], "Hello, Ada!",
        "{response}"
    );
}

#[tokio::test]
async fn greet_needs_a_name() {
    let response = call("greet", json!({})).await;
    assert!(
        response["error"].is_object() || response["result"]["isError"] == true,
        "{response}"
    );
}
