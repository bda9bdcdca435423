//! The trace of a client: from `_meta` or the headers of a call to its tool, and on to a topic.

use std::sync::{Arc, Mutex};

use mcp_lambda_server::{
    GlobalEvent, McpContext, McpLambdaServer, Server, TraceHeader,
    config::TlsRoots,
    dynamodb::http_client,
    rmcp::{
        ErrorData, RoleServer, ServerHandler,
        model::{
            CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ServerCapabilities,
            ServerConfig,
        },
        service::RequestContext,
    },
    sns::{SnsPublisher, sdk},
};
use serde_json::json;
use test_support::{
    McpRequest, built, call,
    session::{Client, NEWEST},
    text,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinSet,
};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const OTHER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
const HEADER: &str = "Root=1-5e6722a7-cc56d6c46db7ae02d4da47e0;Parent=53995c3f42cd8ad8;Sampled=1";

/// Publishes an event, and returns the fields of its trace.
#[derive(Clone)]
struct Announcer;

impl ServerHandler for Announcer {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if request.name == "announce" {
            let event = GlobalEvent::external_event("test", "happened", json!({}));
            context.events()?.publish_to_topic(event, None).await?;
        }
        let fields = context.trace_context().map(|trace| {
            trace.fields().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join("\n")
        });
        let content = ContentBlock::text(fields.unwrap_or_else(|| "none".to_owned()));
        Ok(CallToolResult::success(vec![content]).into())
    }
}

/// The requests that SNS has received: head and body.
type Received = Arc<Mutex<Vec<(String, String)>>>;

/// A topic that accepts every message.
async fn sns() -> (String, Received, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let received = Received::default();
    let all = Arc::clone(&received);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.expect("a connection");
            let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
            loop {
                let read = socket.read(&mut buffer).await.expect("a request");
                bytes.extend_from_slice(&buffer[..read]);
                let so_far = String::from_utf8_lossy(&bytes);
                let Some((head, body)) = so_far.split_once("\r\n\r\n") else { continue };
                let length = head.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
                if body.len() >= length.expect("a length") {
                    all.lock().expect("no panic").push((head.to_lowercase(), body.to_owned()));
                    break;
                }
            }
            let body = r#"<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>m</MessageId></PublishResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></PublishResponse>"#;
            let response = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
            socket.write_all(response.as_bytes()).await.expect("sent");
        }
    });
    (url, received, tasks)
}

fn server(builder: mcp_lambda_server::Builder<Announcer>) -> Server {
    built(builder).expect("a server")
}

fn publishing(url: &str) -> Server {
    let config = sdk::Config::builder()
        .behavior_version(sdk::config::BehaviorVersion::latest())
        .endpoint_url(url)
        .region(sdk::config::Region::new("us-east-1"))
        .credentials_provider(sdk::config::Credentials::new("test", "test", None, None, "test"))
        .http_client(http_client(TlsRoots::Amazon).expect("TLS"))
        .interceptor(TraceHeader::new());
    let publisher =
        SnsPublisher::new(sdk::Client::from_conf(config.build()), "arn:aws:sns:us-east-1:123456789012:topic");
    server(McpLambdaServer::builder(Announcer).publisher(Arc::new(publisher)))
}

/// The message attributes of a `Publish`.
fn attributes(body: &str) -> Vec<(String, String)> {
    let decoded = |text: &str| text.replace("%3D", "=");
    let field = |key: String| body.split('&').find_map(|pair| pair.strip_prefix(&key).map(decoded));
    (1..)
        .map_while(|entry| {
            let key = format!("MessageAttributes.entry.{entry}.");
            Some((field(format!("{key}Name="))?, field(format!("{key}Value.StringValue="))?))
        })
        .collect()
}

/// In both eras: one runs a call while its response is sent, the other in a task of its own.
#[tokio::test]
async fn a_published_message_carries_the_trace_of_the_call_and_the_trace_header_of_the_invocation() {
    let (url, received, _tasks) = sns().await;
    let server = publishing(&url);
    let client = Client::open(&server, NEWEST).await;
    for request in [call("announce", json!({})), client.call(1, "announce", json!({}))] {
        let request = request
            .meta("traceparent", json!(PARENT))
            .meta("tracestate", json!("rojo=1"))
            .meta("baggage", json!("user=alice"));
        let sent = request.send(&server);
        let header = http::HeaderValue::from_static(HEADER);
        let reply = mcp_lambda_core::telemetry::with_trace_header(Some(header), sent).await;
        let fields = format!("traceparent: {PARENT}\ntracestate: rojo=1\nbaggage: user=alice");
        assert_eq!(text(reply).await, fields);
    }
    let received = received.lock().expect("no panic");
    assert_eq!(received.len(), 2);
    for (head, body) in received.iter() {
        assert!(head.contains(&format!("x-amzn-trace-id: {}", HEADER.to_lowercase())), "{head}");
        let attributes = attributes(body);
        for (name, value) in [("traceparent", PARENT), ("tracestate", "rojo=1"), ("baggage", "user=alice")] {
            assert!(attributes.contains(&(name.to_owned(), value.to_owned())), "{name} in {attributes:?}");
        }
    }
}

/// What is not valid is ignored, and a call is never refused for it. `_meta` is nearer to the call than the headers.
#[tokio::test(start_paused = true)]
async fn a_tool_sees_the_trace_of_meta_or_of_the_headers_if_it_is_valid() {
    let server = server(McpLambdaServer::builder(Announcer));
    let plain = || call("look", json!({}));
    let none = "none".to_owned();
    let parent = |parent: &str| format!("traceparent: {parent}");
    let cases: Vec<(McpRequest, String)> = vec![
        (plain(), none.clone()),
        (plain().header("traceparent", OTHER), parent(OTHER)),
        (plain().header("traceparent", OTHER).meta("traceparent", json!(PARENT)), parent(PARENT)),
        (plain().header("traceparent", OTHER).meta("traceparent", json!("nonsense")), parent(OTHER)),
        (plain().header("traceparent", "nonsense").header("tracestate", "a=1"), none.clone()),
        (plain().header("traceparent", OTHER).and_header("traceparent", PARENT.as_bytes()), none.clone()),
        (plain().meta("traceparent", json!(5)).meta("baggage", json!({})), none.clone()),
        (plain().meta("traceparent", json!(PARENT)).meta("baggage", json!("x".repeat(9000))), parent(PARENT)),
        (
            plain().header("traceparent", OTHER).header("tracestate", "a=1").and_header("tracestate", b"b=2"),
            format!("{}\ntracestate: a=1,b=2", parent(OTHER)),
        ),
    ];
    for (request, expected) in cases {
        let what = format!("{:?} {:?}", request.headers, request.body);
        assert_eq!(text(request.send(&server).await).await, expected, "{what}");
    }
}
