//! The loop against a Runtime API that is written out by hand, byte by byte:
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html> (read 2026-11-20).
#![allow(clippy::unwrap_used, reason = "what helpers of tests cannot do fails the test")]

use std::time::Duration;

use mcp_lambda_server::{Builder, Config, Error, McpLambdaServer, rmcp::ServerHandler};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use test_support::logs::warnings;

/// Nothing here takes this long.
const PATIENCE: Duration = Duration::from_secs(20);
pub(super) const NEXT: &str = "GET /2018-06-01/runtime/invocation/next HTTP/1.1";
pub(super) const REGISTERED: &str =
    "HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: me\r\nContent-Length: 2\r\n\r\n{}";
pub(super) const TAKEN: &str = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";

#[derive(Clone)]
pub(super) struct Nothing;
impl ServerHandler for Nothing {}

/// The Runtime API, and the server that runs on it.
pub(super) struct Lambda {
    listener: TcpListener,
    server: JoinSet<Result<(), Error>>,
}

impl Lambda {
    async fn start(max_concurrency: usize) -> Self {
        Self::at(|address| address, max_concurrency).await
    }

    /// With `AWS_LAMBDA_RUNTIME_API` as the caller makes it of host and port.
    async fn at(address: impl FnOnce(String) -> String, max_concurrency: usize) -> Self {
        Self::serving(Nothing, address, max_concurrency).await
    }

    async fn serving(
        handler: impl ServerHandler,
        address: impl FnOnce(String) -> String,
        max_concurrency: usize,
    ) -> Self {
        let configured = |config: &mut Config| config.max_concurrency = max_concurrency;
        Self::built(address, configured, McpLambdaServer::builder(handler)).await
    }

    /// A server as a test builds it.
    pub(super) async fn built(
        address: impl FnOnce(String) -> String,
        configured: impl FnOnce(&mut Config),
        builder: Builder<impl ServerHandler>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = address(listener.local_addr().unwrap().to_string());
        warnings::capture();
        let mut config = Config::default();
        config.runtime_api = Some(address);
        configured(&mut config);
        let mut server = JoinSet::new();
        server.spawn(async { builder.config(config).build().await?.serve().await });
        Self { listener, server }
    }

    /// A server with hooks.
    pub(super) async fn hooked(
        configured: impl FnOnce(&mut Config),
        hooks: impl FnOnce(Builder<Nothing>) -> Builder<Nothing>,
    ) -> Self {
        Self::built(|address| address, configured, hooks(McpLambdaServer::builder(Nothing))).await
    }

    /// A server that serves one request at a time, and the connection of its worker.
    async fn ready() -> (Self, Wire) {
        Self::ready_with(Nothing).await
    }

    pub(super) async fn ready_with(handler: impl ServerHandler) -> (Self, Wire) {
        let lambda = Self::serving(handler, |address| address, 1).await;
        let worker = lambda.accept().await;
        (lambda, worker)
    }

    async fn register(&self) -> Wire {
        let mut wire = self.accept().await;
        wire.request().await;
        wire.write(REGISTERED).await;
        wire
    }

    pub(super) async fn accept(&self) -> Wire {
        let (stream, _) = within(self.listener.accept()).await.unwrap();
        Wire(stream)
    }

    pub(super) async fn outcome(mut self) -> Result<(), Error> {
        within(self.server.join_next()).await.unwrap().unwrap()
    }
}

/// One connection to it.
pub(super) struct Wire(TcpStream);

impl Wire {
    /// A request: its head and its body as they were sent, and how many reads it took.
    pub(super) async fn request(&mut self) -> (String, String, usize) {
        let (mut bytes, mut reads) = (Vec::with_capacity(16 * 1024), 0);
        loop {
            assert_ne!(within(self.0.read_buf(&mut bytes)).await.unwrap(), 0, "the connection was closed");
            reads += 1;
            let text = String::from_utf8(bytes.clone()).unwrap();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let header = |name: &str| {
                let line = head.lines().find_map(|line| line.strip_prefix(name));
                line.map(str::trim).map(str::to_owned)
            };
            let is_whole = match (header("content-length:"), header("transfer-encoding:")) {
                (Some(length), _) => body.len() == length.parse::<usize>().unwrap(),
                (None, Some(_)) => body.ends_with("\r\n0\r\n\r\n"),
                (None, None) => true,
            };
            if is_whole {
                return (head.to_owned(), body.to_owned(), reads);
            }
        }
    }

    /// PollSchedule at what was sent without taking it.
    async fn is_extension(&self) -> bool {
        let mut start = [0; 25];
        while within(self.0.peek(&mut start)).await.unwrap() < start.len() {}
        start.starts_with(b"GET /2020-01-01/extension")
    }

    /// Whether nothing was sent that was not read yet. It takes the first byte of what was.
    pub(super) fn is_silent(&self) -> bool {
        self.0.try_read(&mut [0]).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
    }

    pub(super) async fn line(&mut self) -> String {
        self.request().await.0.lines().next().unwrap().to_owned()
    }

    pub(super) async fn write(&mut self, text: &str) {
        within(self.0.write_all(text.as_bytes())).await.unwrap();
    }

    pub(super) async fn event(&mut self, id: &str, headers: &[(&str, &str)], event: &Value) {
        assert_eq!(self.line().await, NEXT);
        self.send_event(id, headers, event).await;
    }

    pub(super) async fn send_event(&mut self, id: &str, headers: &[(&str, &str)], event: &Value) {
        let event = event.to_string();
        let mut head = format!("HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: {id}\r\n");
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        self.write(&format!("{head}Content-Length: {}\r\n\r\n{event}", event.len())).await;
    }

    /// Receives an answer: its path and its body.
    pub(super) async fn answer(&mut self) -> (String, String) {
        let (head, body, _) = self.request().await;
        self.write(TAKEN).await;
        (head.lines().next().unwrap().to_owned(), body)
    }
}

pub(super) async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("it takes too long")
}

pub(super) fn discover() -> Value {
    let version = "io.modelcontextprotocol/protocolVersion";
    let meta = json!({ version: "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {} });
    json!({ "jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": { "_meta": meta } })
}

pub(super) fn function_url() -> Value {
    let domain = "abc.lambda-url.eu-central-1.on.aws";
    json!({
        "version": "2.0", "rawPath": "/mcp", "rawQueryString": "",
        "headers": {
            "accept": "application/json, text/event-stream", "content-type": "application/json", "host": domain,
            "mcp-protocol-version": "2026-07-28", "mcp-method": "server/discover",
        },
        "requestContext": { "domainName": domain, "stage": "$default", "http": { "method": "POST" } },
        "body": discover().to_string(), "isBase64Encoded": false,
    })
}

pub(super) fn path(id: &str, what: &str) -> String {
    format!("POST /2018-06-01/runtime/invocation/{id}/{what} HTTP/1.1")
}

#[tokio::test]
async fn an_environment_of_one_request_asks_for_its_first_event_at_once() {
    let (_lambda, mut worker) = Lambda::ready().await;
    assert_eq!(worker.line().await, NEXT);
}

/// The address that `cargo lambda watch` sets names the function by a path; `lambda_runtime` puts it before each call.
#[tokio::test]
async fn every_call_goes_under_the_path_of_the_address() {
    let lambda = Lambda::at(|address| format!("http://{address}/.rt/echo/"), 2).await;
    let mut worker = lambda.accept().await;
    let (head, ..) = worker.request().await;
    let host = format!("\r\nhost: {}\r\n", lambda.listener.local_addr().unwrap());
    assert!(head.starts_with("POST /.rt/echo/2020-01-01/extension/register HTTP/1.1\r\n"), "{head}");
    assert!(head.contains(&host), "{head}");
    worker.write(REGISTERED).await;

    let mut wires = vec![worker, lambda.accept().await, lambda.accept().await];
    let mut lines = Vec::new();
    for wire in &mut wires {
        lines.push(wire.line().await);
    }
    lines.sort();
    let next = "GET /.rt/echo/2018-06-01/runtime/invocation/next HTTP/1.1";
    assert_eq!(lines, [next, next, "GET /.rt/echo/2020-01-01/extension/event/next HTTP/1.1"]);
}

#[tokio::test]
async fn both_answers_to_an_invocation_go_under_the_path_of_the_address() {
    let lambda = Lambda::at(|address| format!("http://{address}/.rt"), 1).await;
    let mut worker = lambda.accept().await;
    for (event, what) in [(discover(), "response"), (json!({ "unknown": 1 }), "error")] {
        assert_eq!(worker.line().await, "GET /.rt/2018-06-01/runtime/invocation/next HTTP/1.1");
        worker.send_event("one", &[], &event).await;
        let line = format!("POST /.rt/2018-06-01/runtime/invocation/one/{what} HTTP/1.1");
        assert_eq!(worker.answer().await.0, line);
    }
}

#[tokio::test]
async fn an_address_that_is_no_http_server_is_named_in_the_error() {
    for address in ["https://127.0.0.1:9001", "127.0.0.1:port"] {
        let lambda = Lambda::at(|_| address.to_owned(), 1).await;
        let error = lambda.outcome().await.unwrap_err();
        let text = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
        assert!(text.contains(&format!("AWS_LAMBDA_RUNTIME_API is {address:?}: expected a host")), "{text}");
    }
}

#[tokio::test]
async fn an_environment_of_several_requests_registers_an_extension_before_it_asks_for_the_first_event() {
    let lambda = Lambda::start(2).await;
    let mut worker = lambda.accept().await;
    let (head, body, _) = worker.request().await;
    assert!(head.starts_with("POST /2020-01-01/extension/register HTTP/1.1"), "{head}");
    assert!(head.contains("lambda-extension-name: mcp-lambda-server-shutdown"), "{head}");
    assert_eq!(body, r#"{"events":[]}"#);

    worker.write(REGISTERED).await;
    let other = lambda.accept().await;
    let mut third = lambda.accept().await;
    let mut extension = if other.is_extension().await { other } else { std::mem::replace(&mut third, other) };
    let (head, ..) = extension.request().await;
    assert!(head.starts_with("GET /2020-01-01/extension/event/next HTTP/1.1"), "{head}");
    assert!(head.contains("lambda-extension-identifier: me"), "{head}");
    assert_eq!((worker.line().await, third.line().await), (NEXT.to_owned(), NEXT.to_owned()));
}

#[tokio::test]
async fn a_runtime_api_that_registers_no_extension_is_served_all_the_same() {
    let lambda = Lambda::start(2).await;
    let mut worker = lambda.accept().await;
    worker.request().await;
    worker.write("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await;
    worker.event("one", &[], &discover()).await;
    assert_eq!(worker.answer().await.0, path("one", "response"));
}

#[tokio::test]
async fn head_prelude_and_body_of_an_answer_leave_in_one_write() {
    let (_lambda, mut worker) = Lambda::ready().await;
    worker.event("one", &[], &function_url()).await;
    let (head, body, reads) = worker.request().await;
    assert_eq!(reads, 1);
    assert_eq!(head.lines().next(), Some(&*path("one", "response")));
    for line in [
        "content-type: application/vnd.awslambda.http-integration-response",
        "transfer-encoding: chunked",
        "lambda-runtime-function-response-mode: streaming",
    ] {
        assert!(head.lines().any(|there| there == line), "{line} is not in {head}");
    }
    // The prelude and its end are a chunk each, as `cargo lambda watch` expects.
    let (prelude, rest) = body.split_once("\r\n8\r\n\0\0\0\0\0\0\0\0\r\n").unwrap();
    let prelude = prelude.split_once("\r\n").unwrap().1;
    assert!(
        prelude.starts_with(r#"{"statusCode":200,"headers":{"content-type":"application/json""#),
        "{prelude}"
    );
    assert!(prelude.ends_with(r#"},"cookies":[]}"#), "{prelude}");
    assert!(rest.contains(r#""supportedVersions""#), "{rest}");
}

#[tokio::test]
async fn an_answer_carries_the_invocation_id_it_was_sent_and_none_of_its_own() {
    let (_lambda, mut worker) = Lambda::ready().await;
    worker.event("one", &[("Lambda-Runtime-Invocation-Id", "attempt-2")], &discover()).await;
    let (head, ..) = worker.request().await;
    assert!(head.contains("lambda-runtime-invocation-id: attempt-2"), "{head}");
    worker.write(TAKEN).await;

    worker.event("two", &[], &json!({ "some": "event" })).await;
    let (head, body, _) = worker.request().await;
    assert_eq!(head.lines().next(), Some(&*path("two", "error")));
    assert!(head.contains("lambda-runtime-function-error-type: UnknownEvent"), "{head}");
    assert!(!head.contains("lambda-runtime-invocation-id"), "{head}");
    let error: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(error["errorType"], "UnknownEvent");
}

/// A deadline in the past, or later than any invocation may end, comes of clocks that differ.
#[tokio::test]
async fn an_invocation_with_a_deadline_that_makes_no_sense_is_answered() {
    let (_lambda, mut worker) = Lambda::ready().await;
    for (id, deadline) in
        [("one", "1000000000000"), ("two", "99999999999999"), ("three", "0"), ("four", "soon")]
    {
        worker.event(id, &[("Lambda-Runtime-Deadline-Ms", deadline)], &function_url()).await;
        let (head, body, _) = worker.request().await;
        assert_eq!(head.lines().next(), Some(&*path(id, "response")));
        assert!(body.contains("supportedVersions"), "{deadline}: {body}");
        worker.write(TAKEN).await;
    }
}

#[tokio::test]
async fn a_client_context_that_cannot_be_read_fails_its_invocation_and_no_other() {
    let (_lambda, mut worker) = Lambda::ready().await;
    for context in ["{\"custom\":5}", "not json", "{\"custom\":"] {
        worker.event("one", &[("Lambda-Runtime-Client-Context", context)], &discover()).await;
        let (line, body) = worker.answer().await;
        assert_eq!(line, path("one", "error"));
        assert!(body.contains("InvalidClientContext"), "{body}");
    }
    for context in ["{\"custom\":{\"n\":5}}", "{\"client\":{}}", "{}", ""] {
        worker.event("two", &[("Lambda-Runtime-Client-Context", context)], &discover()).await;
        assert_eq!(worker.answer().await.0, path("two", "response"), "{context}");
    }
}

#[tokio::test]
async fn an_event_that_is_not_text_fails_its_invocation_and_no_other() {
    let (_lambda, mut worker) = Lambda::ready().await;
    assert_eq!(worker.line().await, NEXT);
    let head = "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: one\r\nContent-Length: 2\r\n\r\n";
    worker.write(head).await;
    worker.0.write_all(&[0xff, 0xfe]).await.unwrap();
    let (line, body) = worker.answer().await;
    assert_eq!(line, path("one", "error"));
    assert!(body.contains("InvalidEvent"), "{body}");
    worker.event("two", &[], &discover()).await;
    assert_eq!(worker.answer().await.0, path("two", "response"));
}

#[tokio::test]
async fn an_answer_that_comes_too_late_does_not_end_the_environment() {
    let (_lambda, mut worker) = Lambda::ready().await;
    worker.event("one", &[], &discover()).await;
    worker.request().await;
    worker.write("HTTP/1.1 410 Gone\r\nContent-Length: 4\r\n\r\nlate").await;
    worker.event("two", &[], &discover()).await;
    assert_eq!(worker.answer().await.0, path("two", "response"));
}

#[tokio::test]
async fn a_connection_that_was_closed_is_opened_again() {
    let (lambda, mut worker) = Lambda::ready().await;
    worker.event("one", &[], &discover()).await;
    worker.answer().await;
    assert_eq!(worker.line().await, NEXT);
    // In the middle of a call.
    drop(worker);
    let mut worker = lambda.accept().await;
    worker.event("two", &[], &discover()).await;
    worker.request().await;
    // Between two calls.
    worker.write("HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await;
    drop(worker);
    let mut worker = lambda.accept().await;
    worker.event("three", &[], &discover()).await;
    assert_eq!(worker.answer().await.0, path("three", "response"));
}

#[tokio::test]
async fn a_runtime_api_that_is_gone_ends_the_environment() {
    let (lambda, worker) = Lambda::ready().await;
    let Lambda { listener, server } = lambda;
    drop((listener, worker));
    let lambda = Lambda { listener: TcpListener::bind("127.0.0.1:0").await.unwrap(), server };
    assert!(matches!(lambda.outcome().await, Err(Error::Lambda(_))));
}

#[tokio::test]
async fn a_runtime_api_that_gives_no_more_events_ends_the_environment() {
    let (lambda, mut worker) = Lambda::ready().await;
    assert_eq!(worker.line().await, NEXT);
    worker.write("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n").await;
    assert!(matches!(lambda.outcome().await, Err(Error::Lambda(_))));
}

#[tokio::test]
async fn as_many_events_are_asked_for_at_once_as_the_environment_may_serve() {
    let lambda = Lambda::start(3).await;
    let mut workers = vec![lambda.register().await];
    let mut extensions = 0;
    while workers.len() < 3 {
        // The extension's connection is among them.
        let wire = lambda.accept().await;
        if wire.is_extension().await { extensions += 1 } else { workers.push(wire) }
    }
    assert!(extensions <= 1);
    for (at, worker) in workers.iter_mut().enumerate() {
        worker.event(&at.to_string(), &[], &discover()).await;
    }
    for (at, worker) in workers.iter_mut().enumerate().rev() {
        assert_eq!(worker.answer().await.0, path(&at.to_string(), "response"));
    }
}
