//! Results of tools that are too large for a response: links to their parts.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use mcp_lambda_server::{
    Config, McpLambdaServer, Principal, Server,
    http::BoxError,
    results::{ResultPart, ResultStore},
    rmcp::{
        ErrorData, RoleServer, ServerHandler,
        model::{
            CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, JsonObject,
            ServerCapabilities, ServerConfig, Tool,
        },
        service::RequestContext,
    },
};
use serde_json::{Value, json};
use test_support::{McpRequest, call, refused, result, session::Client, text};

/// Returns a text of as many letters as it is asked for, and structured content. `rows` has an output schema.
#[derive(Clone)]
struct Large;

impl ServerHandler for Large {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        let tool = Tool::new(name.to_owned(), "Returns letters", JsonObject::new());
        let object = || json!({ "type": "object" }).as_object().cloned().unwrap_or_default();
        match name {
            "letters" => Some(tool),
            "rows" => Some(tool.with_raw_output_schema(Arc::new(object()))),
            _ => None,
        }
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        let letters = |name: &str| {
            let count = arguments.get(name).and_then(Value::as_u64)?;
            Some("x".repeat(usize::try_from(count).expect("a size")))
        };
        let mut result =
            CallToolResult::success(letters("text").into_iter().map(ContentBlock::text).collect());
        result.structured_content = letters("structured").map(|letters| json!({ "letters": letters }));
        Ok(result.into())
    }
}

/// A store in the memory of the test.
#[derive(Debug, Default)]
struct Kept {
    parts: Mutex<HashMap<String, ResultPart>>,
    fails: AtomicBool,
}

#[async_trait]
impl ResultStore for Kept {
    async fn put(&self, part: ResultPart) -> Result<String, BoxError> {
        if self.fails.load(Ordering::SeqCst) {
            return Err("the store is full".into());
        }
        let url = format!("https://store.example/{}/{}", part.folder, part.name);
        self.parts.lock().expect("parts").insert(url.clone(), part);
        Ok(url)
    }

    fn lifetime(&self) -> Duration {
        Duration::from_secs(600)
    }
}

impl Kept {
    fn part(&self, link: &Value) -> ResultPart {
        let url = link["uri"].as_str().expect("a link");
        self.parts.lock().expect("parts").get(url).cloned().expect("a part")
    }
}

async fn server(store: Option<Arc<Kept>>) -> Server {
    let mut config = Config::default();
    config.large_results.max_bytes = 100_000;
    let mut builder = McpLambdaServer::builder(Large).config(config);
    if let Some(store) = store {
        builder = builder.result_store(store);
    }
    builder.build().await.expect("a server")
}

async fn json_of(request: McpRequest, server: &Server) -> Value {
    result(request.header("accept", "application/json").send(server).await).await
}

#[tokio::test]
async fn a_large_text_is_a_link_with_its_type_its_size_and_the_time_it_ends_in_both_eras() {
    let store = Arc::new(Kept::default());
    let server = server(Some(Arc::clone(&store))).await;
    let session = Client::open(&server, "2025-11-25").await;
    let arguments = json!({ "text": 150_000 });
    for request in [call("letters", arguments.clone()), session.call(1, "letters", arguments)] {
        let result = json_of(request, &server).await;
        let [said, link] = &result["content"].as_array().expect("content")[..] else { panic!("{result}") };
        assert!(said["text"].as_str().is_some_and(|text| text.contains("too large")), "{said}");
        assert_eq!(link["type"], "resource_link");
        assert_eq!((&link["name"], &link["mimeType"]), (&json!("content-1.txt"), &json!("text/plain")));
        assert_eq!(link["size"], 150_000);
        assert_eq!(store.part(link).content, "x".repeat(150_000));
    }
}

#[tokio::test]
async fn a_result_within_the_limit_and_every_result_without_a_store_is_returned_as_it_is() {
    let store = Arc::new(Kept::default());
    let with = server(Some(Arc::clone(&store))).await;
    assert_eq!(text(call("letters", json!({ "text": 90_000 })).send(&with).await).await.len(), 90_000);
    assert!(store.parts.lock().expect("parts").is_empty());
    let without = server(None).await;
    assert_eq!(text(call("letters", json!({ "text": 150_000 })).send(&without).await).await.len(), 150_000);
}

/// The folder of a caller is a digest: names of objects are in logs of S3.
#[tokio::test]
async fn each_caller_has_a_folder_that_does_not_show_its_name() {
    let store = Arc::new(Kept::default());
    let server = server(Some(Arc::clone(&store))).await;
    let mut folders = Vec::new();
    for name in ["ada", "ada", "bob"] {
        let request = call("letters", json!({ "text": 150_000 })).from(&Principal::new("issuer", name));
        let result = json_of(request, &server).await;
        let part = store.part(&result["content"][1]);
        assert!(part.folder.bytes().all(|byte| byte.is_ascii_hexdigit()) && part.folder.len() == 32);
        folders.push(part.folder);
    }
    assert_eq!(folders[0], folders[1]);
    assert_ne!(folders[0], folders[2]);
    assert_eq!(store.parts.lock().expect("parts").len(), 3, "names are never used again");
}

/// <https://modelcontextprotocol.io/specification/2026-07-28/server/tools#output-schema> (read 2026-11-28): a tool with an output
/// schema must return structured content that conforms to it.
#[tokio::test]
async fn structured_content_is_moved_unless_the_tool_has_an_output_schema() {
    let store = Arc::new(Kept::default());
    let server = server(Some(Arc::clone(&store))).await;
    let arguments = json!({ "structured": 80_000 });
    let moved = json_of(call("letters", arguments.clone()), &server).await;
    let stayed = json_of(call("rows", arguments), &server).await;
    assert!(
        moved["content"].as_array().expect("content").iter().any(|block| block["type"] == "resource_link")
    );
    assert_eq!(stayed["structuredContent"]["letters"].as_str().expect("letters").len(), 80_000);
    // The same as a text, which the runtime adds, is the part that can be moved.
    assert_eq!(stayed["content"][1]["type"], "resource_link");
    let both = json_of(call("letters", json!({ "text": 150_000, "structured": 150_000 })), &server).await;
    assert_eq!(both.get("structuredContent"), None);
}

/// Links are a part of MCP since 2025-06-18.
#[tokio::test]
async fn a_client_of_a_revision_without_links_gets_the_url_in_a_text() {
    let store = Arc::new(Kept::default());
    let server = server(Some(store)).await;
    let session = Client::open(&server, "2025-03-26").await;
    let result = json_of(session.call(1, "letters", json!({ "text": 150_000 })), &server).await;
    let text = result["content"][1]["text"].as_str().expect("a text");
    assert!(text.starts_with("content-1.txt (text/plain, 150000 bytes): https://store.example/"), "{text}");
}

#[tokio::test]
async fn a_result_that_cannot_be_stored_is_an_error_and_the_next_call_is_answered() {
    let store = Arc::new(Kept::default());
    let server = server(Some(Arc::clone(&store))).await;
    store.fails.store(true, Ordering::SeqCst);
    let (_, code, body) = refused(call("letters", json!({ "text": 150_000 })).send(&server).await).await;
    assert_eq!(code, -32603);
    let message = body["error"]["message"].as_str().expect("a message");
    assert!(message.contains("could not be stored") && !message.contains("full"), "{message}");
    assert_eq!(text(call("letters", json!({ "text": 9 })).send(&server).await).await.len(), 9);
}

/// Run on an emulator of AWS, whose address is in `LAWS_DYNAMODB_ENDPOINT`.
mod on_ministack {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };

    use super::*;
    use crate::keys::{on_ministack::endpoint, sdk_config};

    /// The status and the body of a request.
    async fn sent(method: &str, target: &str, headers: &str) -> (String, String) {
        let host = endpoint().replace("http://", "");
        let request = format!(
            "{method} {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: 0\r\n{headers}\r\n"
        );
        let mut socket = TcpStream::connect(&host).await.expect("connected");
        socket.write_all(request.as_bytes()).await.expect("sent");
        let mut response = String::new();
        socket.read_to_string(&mut response).await.expect("a response");
        let (head, body) = response.split_once("\r\n\r\n").expect("a body");
        (head.to_ascii_lowercase(), body.to_owned())
    }

    async fn server(bucket: &str) -> Server {
        let mut config = Config::default();
        config.large_results.max_bytes = 100_000;
        config.large_results.bucket = Some(bucket.to_owned());
        let builder = McpLambdaServer::builder(Large).config(config).sdk_config(sdk_config(&endpoint()));
        builder.build().await.expect("a server")
    }

    #[tokio::test]
    #[ignore = "needs S3: scripts/with-dynamodb ministack"]
    async fn a_client_follows_the_link_without_credentials() {
        let bucket = format!("results-{}", mcp_lambda_server::tasks::TaskId::random());
        let authorization = "authorization: AWS4-HMAC-SHA256 Credential=test/20261128/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0\r\n";
        let (head, _) = sent("PUT", &format!("/{bucket}"), authorization).await;
        assert!(head.starts_with("http/1.1 200"), "{head}");
        let result = json_of(call("letters", json!({ "text": 150_000 })), &server(&bucket).await).await;
        let link = result["content"][1]["uri"].as_str().expect("a link");
        let target = link.strip_prefix(&endpoint()).expect("a URL of the endpoint");
        assert!(target.starts_with(&format!("/{bucket}/mcp-results/")), "{target}");
        assert!(target.contains("X-Amz-Expires=3600") && target.contains("X-Amz-Signature="), "{target}");
        let (head, body) = sent("GET", target, "").await;
        assert!(head.starts_with("http/1.1 200") && head.contains("content-type: text/plain"), "{head}");
        assert_eq!(body, "x".repeat(150_000));
    }

    #[tokio::test]
    #[ignore = "needs S3: scripts/with-dynamodb ministack"]
    async fn without_its_bucket_a_large_result_is_an_error() {
        let server = server("no-such-bucket").await;
        let reply = call("letters", json!({ "text": 150_000 })).send(&server).await;
        assert_eq!(refused(reply).await.1, -32603);
    }
}
