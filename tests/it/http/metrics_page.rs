//! The page of metrics for Prometheus, on an address of its own.
#![allow(clippy::unwrap_used, reason = "what helpers of tests cannot do fails the test")]

use std::{net::SocketAddr, time::Duration};

use mcp_lambda_server::{
    Config, McpContext, McpLambdaServer, metrics::Unit, rmcp::ServerHandler, tasks::TaskSupport,
};
use rmcp::{
    ErrorData, RoleServer,
    model::{CallToolRequestParams, CallToolResponse, CallToolResult, ServerCapabilities, ServerConfig},
    service::RequestContext,
};
use serde_json::json;
use test_support::{call, stateless_with, transport::Http};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

#[derive(Clone)]
struct Shop;

impl ServerHandler for Shop {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn call_tool(
        &self,
        _: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        context.metrics().unwrap().record("Weight", Unit::None, 2.5);
        Ok(CallToolResult::success(Vec::new()).into())
    }
}

/// A server, the URL of its endpoint, and the address of its page.
async fn running(address: Option<&str>) -> (JoinSet<()>, String, Option<SocketAddr>) {
    let mut config = Config::default();
    config.metrics_address = address.map(|address| address.parse().unwrap());
    let server = McpLambdaServer::builder(Shop)
        .task_tool("weigh-as-task", TaskSupport::Optional)
        .config(config)
        .build()
        .await
        .unwrap();
    let bound = server.bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let (url, page) = (bound.url(), bound.metrics_address());
    let mut running = JoinSet::new();
    running.spawn(bound.serve());
    (running, url, page)
}

/// The response to a request, head and body.
async fn answer(address: SocketAddr, line: &str, host: &str) -> String {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let request = format!("{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).await.unwrap();
    text
}

/// The page, as soon as it has a line: a request is counted after the client has its last byte.
async fn page_with(address: SocketAddr, line: &str) -> String {
    let mut page = String::new();
    let asked = async {
        while !page.lines().any(|there| there == line) {
            page = answer(address, "GET /metrics", "localhost").await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(10), asked).await.is_ok();
    assert!(in_time, "{line} is not in {page}");
    page
}

#[tokio::test]
async fn the_page_counts_what_was_served_and_what_the_program_recorded() {
    let (_running, url, page) = running(Some("127.0.0.1:0")).await;
    let url = url.trim_end_matches("/mcp").to_owned();
    for _ in 0..2 {
        call("weigh", json!({})).send(&Http(url.clone())).await.bytes().await;
    }
    let page = page_with(page.unwrap(), r#"mcp_calls_total{method="tools/call",tool="weigh"} 2"#).await;
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    assert!(page.contains("content-type: text/plain; version=0.0.4"), "{page}");
    for line in [
        r#"mcp_duration_seconds_count{method="tools/call",tool="weigh"} 2"#,
        "mcp_program_Weight_sum 5",
        "mcp_program_Weight_count 2",
        "mcp_open_streams 0",
    ] {
        assert!(page.lines().any(|there| there == line), "{line} is not in {page}");
    }
}

#[tokio::test]
async fn the_page_counts_tasks_by_how_they_ended() {
    let (_running, url, page) = running(Some("127.0.0.1:0")).await;
    let declares = json!({ "extensions": { "io.modelcontextprotocol/tasks": {} } });
    let params = json!({ "name": "weigh-as-task", "arguments": {} });
    let create = stateless_with(json!(1), "tools/call", params, declares);
    let url = url.trim_end_matches("/mcp").to_owned();
    create.send(&Http(url)).await.bytes().await;
    let ended = r#"mcp_tasks_ended_total{tool="weigh-as-task",status="completed"} 1"#;
    let page = page_with(page.unwrap(), ended).await;
    for line in [
        r#"mcp_tasks_created_total{tool="weigh-as-task"} 1"#,
        r#"mcp_task_duration_seconds_count{tool="weigh-as-task"} 1"#,
        r#"mcp_task_queue_seconds_count{tool="weigh-as-task"} 1"#,
    ] {
        assert!(page.lines().any(|there| there == line), "{line} is not in {page}");
    }
}

/// A page of the web can make a browser ask this address, but not under the name of this machine.
#[tokio::test]
async fn the_page_is_for_this_machine_and_for_reading() {
    let (_running, _, page) = running(Some("127.0.0.1:0")).await;
    let page = page.unwrap();
    for (line, host, status) in [
        ("GET /metrics", "attacker.example", "403 "),
        ("POST /metrics", "localhost", "405 "),
        ("GET /mcp", "localhost", "404 "),
        ("HEAD /metrics", "127.0.0.1", "200 "),
    ] {
        let answer = answer(page, line, host).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{line} {host}: {answer}");
        assert!(!answer.contains("mcp_calls_total"), "{answer}");
    }
}

#[tokio::test]
async fn there_is_no_page_without_an_address() {
    let (_running, _, page) = running(None).await;
    assert_eq!(page, None);
}
