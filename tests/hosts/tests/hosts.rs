//! One server, three hosts, the same behaviour.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use hosted::Hosted;
use lambda_emulator::{Emulator, Ingress};
use mcp_lambda_server::{Config, McpLambdaServer};
use serde_json::{Value, json};
use test_support::{
    request::{STATELESS, initialize_request, stateless},
    transport::{Http, Transport},
};

/// A call, a call that streams, a session, and a request that HTTP refuses.
async fn serves_both_eras(host: &impl Transport, path: &str) {
    let echo = json!({ "name": "echo", "arguments": { "message": "hi" } });
    let reply = stateless("tools/call", echo).path(path).send(host).await;
    assert_eq!(reply.status, 200);
    assert!(!reply.is_stream(), "a response alone is JSON");
    assert_eq!(reply.json().await["result"]["content"][0]["text"], "hi");

    let steps = json!({ "name": "steps", "arguments": {}, "_meta": { "progressToken": "t" } });
    let mut reply = stateless("tools/call", steps).path(path).send(host).await;
    assert!(reply.is_stream(), "progress makes it a stream");
    let mut messages: Vec<Value> = Vec::new();
    for _ in 0..3 {
        messages.push(reply.message().await);
    }
    assert_eq!(messages[0]["params"]["progress"], 1.0);
    assert_eq!(messages[1]["params"]["progress"], 2.0);
    let text = messages[2]["result"]["content"][0]["text"].as_str().unwrap().to_owned();
    let seconds: u64 = text.strip_prefix("anonymous ").unwrap().parse().unwrap();
    assert!((1..=900).contains(&seconds), "a deadline of the host: {text}");

    let reply = initialize_request("2025-11-25", json!({})).path(path).send(host).await;
    assert_eq!(reply.status, 200);
    assert!(reply.header("mcp-session-id").is_some());
    // The environment serves the next request when this one has ended.
    reply.bytes().await;

    let refused = stateless("tools/list", json!({})).path(path).header("content-type", "text/plain");
    assert_eq!(refused.send(host).await.status, 415, "{STATELESS}");
}

async fn on_lambda(binary: &str) {
    let emulator = Emulator::builder().binary(binary).start().await.unwrap();
    serves_both_eras(&Http(emulator.url(Ingress::FunctionUrl)), "/mcp").await;
    emulator.shutdown().await;
}

#[tokio::test]
async fn its_own_loop_runs_the_server() {
    on_lambda(env!("CARGO_BIN_EXE_hosted-by-its-own-loop")).await;
}

#[tokio::test]
async fn lambda_http_runs_the_server_with_streaming_responses() {
    on_lambda(env!("CARGO_BIN_EXE_hosted-by-lambda-http")).await;
}

#[tokio::test]
async fn an_axum_router_runs_the_server_as_a_nested_service() {
    let server = McpLambdaServer::builder(Hosted).config(Config::default()).build().await.unwrap();
    let router = axum::Router::new()
        .route("/health", axum::routing::get(|| async { "ok" }))
        .nest_service("/ai", server);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move { axum::serve(listener, router).await });
    serves_both_eras(&Http(url.clone()), "/ai/mcp").await;
    assert_eq!(test_support::transport::get(format!("{url}/health")).await.status, 200);
    tasks.abort_all();
}
