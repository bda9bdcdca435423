//! The server, called as a client of 2026-07-28 does.

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use mcp_lambda_server::{Config, McpLambdaServer};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::guides;

/// The response to a request. `name` is the header `Mcp-Name`, where the method has one.
async fn request(method: &str, name: Option<&str>, mut params: Value) -> Value {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let mut request = Request::post("/mcp")
        .header("host", "localhost")
        .header("accept", "application/json, text/event-stream")
        .header("content-type", "application/json")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", method);
    if let Some(name) = name {
        request = request.header("mcp-name", name);
    }
    let request = request.body(Full::new(Bytes::from(message.to_string()))).expect("a request");
    let server =
        McpLambdaServer::builder(guides()).config(Config::default()).build().await.expect("a server");
    let response = server.oneshot(request).await.expect("a response");
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    serde_json::from_slice(&body).expect("JSON")
}

async fn search(arguments: Value) -> Value {
    request("tools/call", Some("search_guides"), json!({ "name": "search_guides", "arguments": arguments }))
        .await
}

/// The pages of the sections that a query finds.
async fn found(query: &str) -> Vec<String> {
    let response = search(json!({ "query": query })).await;
    let sections =
        response["result"]["structuredContent"]["sections"].as_array().cloned().unwrap_or_default();
    sections.iter().map(|section| section["uri"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn the_page_that_answers_is_the_first() {
    for (question, page) in [
        ("keep a value between two calls of a session", "guide://state"),
        ("progress arrives with the response", "guide://streaming"),
        ("checkpoint of a task", "guide://tasks"),
        ("largest response of a load balancer", "guide://lambda-limits"),
        ("elicitation", "guide://questions"),
        ("fastmcp", "guide://migrating"),
    ] {
        let pages = found(question).await;
        assert_eq!(pages.first().map(String::as_str), Some(page), "{question}: {pages:?}");
    }
}

#[tokio::test]
async fn a_query_without_words_of_the_guides_finds_nothing() {
    for query in ["", "?", "zzzzzz", "x"] {
        assert!(found(query).await.is_empty(), "{query}");
    }
}

#[tokio::test]
async fn arguments_beyond_their_limits_are_refused_with_the_limit() {
    let response = search(json!({ "query": "x".repeat(201) })).await;
    assert!(response.to_string().contains("at most 200"), "{response}");
    let response = search(json!({ "query": "state", "limit": 11 })).await;
    assert!(response.to_string().contains("limit"), "{response}");
    assert!(response["error"].is_object() || response["result"]["isError"] == true, "{response}");
}

#[tokio::test]
async fn every_guide_is_a_resource_and_is_read_as_it_was_written() {
    let list = request("resources/list", None, json!({})).await;
    let resources = list["result"]["resources"].as_array().cloned().unwrap_or_default();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guides");
    let files = std::fs::read_dir(folder).expect("the guides").count();
    assert_eq!(resources.len(), files, "{list}");
    for resource in resources {
        let uri = resource["uri"].as_str().expect("a URI");
        let read = request("resources/read", Some(uri), json!({ "uri": uri })).await;
        let name = uri.strip_prefix("guide://").expect("the scheme");
        let written = std::fs::read_to_string(format!("{folder}/{name}.md")).expect("a page");
        let text = read["result"]["contents"][0]["text"].as_str().unwrap_or_default();
        assert_eq!(text.trim_end(), written.trim_end(), "{uri}");
    }
}

#[tokio::test]
async fn a_guide_that_is_not_there_is_named() {
    let uri = "guide://../SECURITY";
    let read = request("resources/read", Some(uri), json!({ "uri": uri })).await;
    assert!(read["error"]["message"].as_str().is_some_and(|text| text.contains("resources/list")), "{read}");
}
