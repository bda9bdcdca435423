//! Answers without a body: what a client reads through each ingress, beside what it reads from the same program on a
//! local address.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
};

use http::Method;
use lambda_emulator::Ingress;
use serde_json::json;
use test_support::transport::{Http, Transport};

use crate::support::*;

/// Every ingress, and the response mode in which its function runs.
const INGRESSES: [(Ingress, &str); 7] = [
    (Ingress::FunctionUrl, "stream"),
    (Ingress::FunctionUrlBuffered, "buffered"),
    (Ingress::Rest, "buffered"),
    (Ingress::RestStream, "stream"),
    (Ingress::HttpApi, "auto"),
    (Ingress::Alb, "auto"),
    (Ingress::AlbMultiValue, "auto"),
];

/// The program on a local address.
struct Local(Child, Http);

impl Drop for Local {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Local {
    async fn start() -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_fixture-function"))
            .env_remove("AWS_LAMBDA_RUNTIME_API")
            .env("MCP_LISTEN", address.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let local = Self(child, Http(format!("http://{address}")));
        eventually("the program listens", || std::net::TcpStream::connect(address).is_ok()).await;
        local
    }
}

/// What a client reads: the status, the headers that concern the body or the method, and the body.
type Read = (u16, Vec<(String, String)>, String);

async fn read(reply: Reply) -> Read {
    let named = |name: &&str| reply.header(name).map(|value| ((*name).to_owned(), value.to_owned()));
    let headers = ["content-type", "allow", "mcp-session-id", "access-control-allow-origin", "x-many"];
    let headers = headers.iter().filter_map(named).collect();
    (reply.status.as_u16(), headers, reply.text().await)
}

/// The requests of which no answer has a body, with the status of it on a local address.
async fn bodyless(server: &impl Transport) -> Vec<(&'static str, u16, McpRequest)> {
    let opened = test_support::request::initialize(server, "2025-11-25", json!({})).await;
    let notify = |method: &str| json!({ "jsonrpc": "2.0", "method": method });
    let answer = json!({ "jsonrpc": "2.0", "id": "x.1", "result": {} });
    let stateless = McpRequest::json(&notify("notifications/cancelled"));
    let preflight = McpRequest::of(Method::OPTIONS).header("origin", "http://localhost:6274");
    vec![
        ("initialized", 202, session(&opened, Method::POST, &notify("notifications/initialized"))),
        ("a response", 202, session(&opened, Method::POST, &answer)),
        (
            "a stateless notification",
            202,
            stateless
                .header("mcp-protocol-version", "2026-07-28")
                .header("mcp-method", "notifications/cancelled"),
        ),
        ("DELETE", 204, session(&opened, Method::DELETE, &serde_json::Value::Null)),
        ("a preflight", 200, preflight.header("access-control-request-method", "POST")),
        ("OPTIONS", 204, McpRequest::of(Method::OPTIONS)),
        ("HEAD of the endpoint", 405, McpRequest::of(Method::HEAD)),
        ("HEAD of a route", 200, McpRequest::of(Method::HEAD).path("/cookies")),
        ("HEAD of nothing", 404, McpRequest::of(Method::HEAD).path("/elsewhere")),
        ("200", 200, get("/empty")),
        ("202", 202, get("/accepted")),
        ("204", 204, get("/no-content")),
        ("205", 205, get("/reset")),
        ("301", 301, get("/moved")),
        ("304", 304, get("/not-modified")),
        ("410", 410, get("/gone")),
        ("500", 500, get("/broken")),
    ]
}

/// <https://github.com/modelcontextprotocol/java-sdk/issues/748>: a handshake failed at `202` with `text/plain`. What an
/// ingress adds to an answer without a body is a type that every SDK takes for one, and where it cannot pass on an empty
/// stream, an empty JSON object.
#[tokio::test]
async fn an_answer_without_a_body_reads_the_same_through_every_ingress() {
    let local = Local::start().await;
    for (ingress, mode) in INGRESSES {
        let emulator = function_in(mode).environments(1).start().await.unwrap();
        let through = Http(emulator.url(ingress));
        let streams = matches!(ingress, Ingress::FunctionUrl | Ingress::RestStream);
        let both = bodyless(&local.1).await.into_iter().zip(bodyless(&through).await);
        for ((what, status, here), (.., there)) in both {
            let is_head = here.method == Method::HEAD;
            let (here, mut there) = (
                read(local.1.answer(here.request()).await).await,
                read(through.answer(there.request()).await).await,
            );
            assert_eq!((here.0, here.2.as_str()), (status, ""), "{what} on a local address");
            // A stream is never empty, so a 204, which has no body, is not streamed.
            if streams && status == 204 {
                assert_eq!(there.0, 200, "{what} through {ingress:?}");
                there.0 = 204;
            }
            let no_type = |read: &Read| !read.1.iter().any(|(name, _)| name == "content-type");
            if no_type(&here) && !no_type(&there) {
                let added = there.1.remove(0);
                assert_eq!(added.1, "application/json", "{what} through {ingress:?}");
                if streams && !is_head && status != 304 {
                    assert_eq!(there.2, "{}", "{what} through {ingress:?}");
                    there.2.clear();
                }
            }
            assert_eq!(there, here, "{what} through {ingress:?}");
        }
    }
}

/// A direct invocation has no status: what was accepted is `null`.
#[tokio::test]
async fn a_notification_that_is_invoked_directly_is_answered_with_null() {
    let emulator = function().start().await.unwrap();
    let notification = json!({
        "jsonrpc": "2.0", "method": "notifications/cancelled",
        "params": { "_meta": { "io.modelcontextprotocol/protocolVersion": "2026-07-28" } },
    });
    let answer = emulator.invoke(notification.to_string(), None).await.unwrap();
    assert_eq!(answer.bytes().await.unwrap(), "null");
}
