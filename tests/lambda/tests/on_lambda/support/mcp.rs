//! Requests as the tests of this package send them, through the emulator.

use http::Method;
use lambda_emulator::{Emulator, EnvironmentId, Ingress};
use serde_json::{Value, json};
use test_support::{
    McpRequest, Reply, Transport,
    request::{initialize_request, stateless},
    transport::Http,
};

const SESSION: &str = "2025-11-25";

/// Sending a request through one of the emulated ingresses.
pub(crate) trait ThroughLambda: Sized {
    /// Sends it to one of the ingresses.
    async fn through_ingress(self, emulator: &Emulator, ingress: Ingress) -> Reply;

    /// Sends it to the streaming Function URL.
    async fn send_to(self, emulator: &Emulator) -> Reply {
        self.through_ingress(emulator, Ingress::FunctionUrl).await
    }
}

impl ThroughLambda for McpRequest {
    async fn through_ingress(self, emulator: &Emulator, ingress: Ingress) -> Reply {
        Http(emulator.url(ingress)).answer(self.request()).await
    }
}

/// Which environment a reply came from, as the emulator says.
pub(crate) trait FromEnvironment {
    fn environment(&self) -> EnvironmentId;
}

impl FromEnvironment for Reply {
    fn environment(&self) -> EnvironmentId {
        EnvironmentId(self.header("x-emulator-environment").unwrap().parse().unwrap())
    }
}

/// A 2026-07-28 request that asks for progress.
pub(crate) fn ask(method: &str, mut params: Value) -> McpRequest {
    params["_meta"] = json!({ "progressToken": "step" });
    stateless(method, params)
}

/// A call of 2026-07-28.
pub(crate) fn call(tool: &str, arguments: Value) -> McpRequest {
    let mut params = json!({ "name": tool });
    params["arguments"] = arguments;
    ask("tools/call", params)
}

/// A subscription of 2026-07-28 to changes of the tools.
pub(crate) fn listen() -> McpRequest {
    ask("subscriptions/listen", json!({ "notifications": { "toolsListChanged": true } }))
}

/// A subscription of 2026-07-28 to resources.
pub(crate) fn listen_to(uris: &[&str]) -> McpRequest {
    ask("subscriptions/listen", json!({ "notifications": { "resourceSubscriptions": uris } }))
}

/// A GET of any path.
pub(crate) fn get(path: &str) -> McpRequest {
    McpRequest::of(Method::GET).path(path)
}

/// Opens a session of 2025-11-25 and returns its id.
pub(crate) async fn initialize(emulator: &Emulator) -> String {
    opened(emulator, |request| request).await
}

/// The same for the caller that this token names.
pub(crate) async fn initialize_as(emulator: &Emulator, token: &str) -> String {
    opened(emulator, |request| request.header("authorization", &format!("Bearer {token}"))).await
}

async fn opened(emulator: &Emulator, change: impl FnOnce(McpRequest) -> McpRequest) -> String {
    let reply = change(initialize_request(SESSION, json!({}))).send_to(emulator).await;
    assert_eq!(reply.status, 200);
    reply.header("mcp-session-id").unwrap().to_owned()
}

/// A request of an open session: a GET, a DELETE, or any method with a message.
pub(crate) fn session(id: &str, method: Method, message: &Value) -> McpRequest {
    let request = if message.is_null() { McpRequest::of(method) } else { McpRequest::json(message) };
    request.header("mcp-session-id", id).header("mcp-protocol-version", SESSION)
}

/// A call of an open session.
pub(crate) fn tool(id: &str, tool: &str, arguments: Value) -> McpRequest {
    let mut params = json!({ "name": tool, "_meta": { "progressToken": "step" } });
    params["arguments"] = arguments;
    session(id, Method::POST, &json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }))
}
