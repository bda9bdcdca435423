//! The reference server as a process of its own.

use std::process::Stdio;

use serde_json::Value;
use test_support::{McpRequest, call, result, transport::Http};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

use crate::cloud::SOON;

pub(crate) const TABLE: &str = "arn:aws:dynamodb:eu-north-1:123456789012:table/orders";
pub(crate) const TOPIC: &str = "arn:aws:sns:eu-north-1:123456789012:orders";
pub(crate) const QUEUE: &str = "arn:aws:sqs:eu-north-1:123456789012:orders";
pub(crate) const FIFO: &str = "arn:aws:sqs:eu-north-1:123456789012:orders.fifo";

/// What a deployment sets for the tools.
pub(crate) const ALLOWED: [(&str, &str); 6] = [
    ("MCP_TOOL_TABLES", TABLE),
    ("MCP_TOOL_TOPICS", TOPIC),
    (
        "MCP_TOOL_QUEUES",
        "arn:aws:sqs:eu-north-1:123456789012:orders,arn:aws:sqs:eu-north-1:123456789012:orders.fifo",
    ),
    ("MCP_TOOL_METRIC_NAMESPACES", "AWS/Lambda,Shop"),
    ("MCP_TOOL_MONITOR", "EC2,RDS,Lambda,ECS,S3,CloudFormation"),
    ("AWS_REGION", "eu-north-1"),
];
pub(crate) const CREDENTIALS: [(&str, &str); 2] =
    [("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "secret")];

/// A running server. It ends with the test.
pub(crate) struct Program {
    pub(crate) server: Http,
    _process: Child,
}

impl Program {
    /// Starts a server that sends its requests to AWS to an endpoint, with credentials and all resources allowed.
    pub(crate) async fn start(endpoint: &str) -> Self {
        let variables: Vec<_> = ALLOWED.into_iter().chain(CREDENTIALS).collect();
        Self::with(endpoint, &variables).await
    }

    /// Starts a server with these variables alone.
    pub(crate) async fn with(endpoint: &str, variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-lambda-reference"));
        command
            .env_clear()
            .envs([
                ("MCP_LISTEN", "127.0.0.1:0"),
                ("MCP_STORE", "memory"),
                ("AWS_EC2_METADATA_DISABLED", "true"),
                ("AWS_ENDPOINT_URL", endpoint),
            ])
            .envs(variables.iter().copied())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut process = command.spawn().expect("it runs");
        let mut lines = BufReader::new(process.stderr.take().expect("its errors")).lines();
        let url = timeout(SOON, async {
            loop {
                let line = lines.next_line().await.expect("text").expect("it says where it listens");
                if let Some((_, url)) = line.split_once("serves MCP at ") {
                    return url.trim().trim_end_matches("/mcp").to_owned();
                }
            }
        });
        let url = url.await.expect("it listens in time");
        let mut reader = tokio::task::JoinSet::new();
        // Its standard error is read until it ends: a full pipe would stop the process.
        reader.spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        reader.detach_all();
        Self { server: Http(url), _process: process }
    }

    /// The names of its tools.
    pub(crate) async fn tools(&self) -> Vec<Value> {
        let listed = test_support::stateless("tools/list", serde_json::json!({})).send(&self.server).await;
        result(listed).await["tools"].as_array().expect("tools").clone()
    }

    /// The structured content of a call.
    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> Value {
        let result = self.result(tool, arguments).await;
        assert_ne!(result["isError"], true, "{result}");
        result["structuredContent"].clone()
    }

    /// The text of a call that fails.
    pub(crate) async fn refused(&self, tool: &str, arguments: Value) -> String {
        let result = self.result(tool, arguments).await;
        assert_eq!(result["isError"], true, "{result}");
        result["content"][0]["text"].as_str().expect("a text").to_owned()
    }

    /// All messages of a reply that is a stream.
    pub(crate) async fn messages(&self, request: McpRequest) -> Vec<Value> {
        request.send(&self.server).await.messages().await
    }

    pub(crate) async fn result(&self, tool: &str, arguments: Value) -> Value {
        result(call(tool, arguments).send(&self.server).await).await
    }
}
