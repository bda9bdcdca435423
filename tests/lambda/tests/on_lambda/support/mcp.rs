//! Requests a client of MCP sends.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method};
use lambda_emulator::{Emulator, Ingress};
use serde_json::{Value, json};

use super::{Reply, client};

const STATELESS: &str = "2026-07-28";
const SESSION: &str = "2025-11-25";

/// A request to be sent.
#[derive(Clone)]
pub(crate) struct Request {
    method: Method,
    path: String,
    headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Request {
    fn new(method: Method, body: impl Into<Bytes>) -> Self {
        let request = Self { method, path: "/mcp".into(), headers: HeaderMap::new(), body: body.into() };
        request.header("accept", "application/json, text/event-stream")
    }

    fn json(body: &Value) -> Self {
        Self::new(Method::POST, body.to_string()).header("content-type", "application/json")
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        self
    }

    /// Adds a header beside those of the same name.
    pub(crate) fn and_header(mut self, name: &str, value: &str) -> Self {
        self.headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    pub(crate) fn is_session(&self) -> bool {
        self.headers.contains_key("mcp-session-id")
    }

    pub(crate) fn path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// Sends it to the streaming Function URL.
    pub(crate) async fn send(self, emulator: &Emulator) -> Reply {
        self.through(emulator, Ingress::FunctionUrl).await
    }

    /// Sends it to one of the fronts.
    pub(crate) async fn through(self, emulator: &Emulator, front: Ingress) -> Reply {
        let url = format!("{}{}", emulator.url(front), self.path);
        client::send(&self.method, &url, &self.headers, self.body).await
    }
}

/// A 2026-07-28 request.
fn stateless(method: &str, mut params: Value) -> Request {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": STATELESS,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
        "progressToken": "step",
    });
    Request::json(&json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }))
        .header("mcp-protocol-version", STATELESS)
        .header("mcp-method", method)
}

/// A call of 2026-07-28.
pub(crate) fn call(tool: &str, arguments: Value) -> Request {
    let mut params = json!({ "name": tool });
    params["arguments"] = arguments;
    stateless("tools/call", params).header("mcp-name", tool)
}

/// A subscription of 2026-07-28 to changes of the tools.
pub(crate) fn listen() -> Request {
    stateless("subscriptions/listen", json!({ "notifications": { "toolsListChanged": true } }))
}

/// A subscription of 2026-07-28 to resources.
pub(crate) fn listen_to(uris: &[&str]) -> Request {
    stateless("subscriptions/listen", json!({ "notifications": { "resourceSubscriptions": uris } }))
}

/// A request of 2026-07-28 that names no tool.
pub(crate) fn ask(method: &str, params: Value) -> Request {
    let name = params["uri"].as_str().map(str::to_owned);
    let request = stateless(method, params);
    match name {
        Some(name) => request.header("mcp-name", &name),
        None => request,
    }
}

/// A GET of any path.
pub(crate) fn get(path: &str) -> Request {
    Request::new(Method::GET, "").path(path)
}

/// Opens a session of 2025-11-25 and returns its id.
pub(crate) async fn initialize(emulator: &Emulator) -> String {
    opened(emulator, |request| request).await
}

/// The same for whoever holds this token.
pub(crate) async fn initialize_as(emulator: &Emulator, token: &str) -> String {
    opened(emulator, |request| request.header("authorization", &format!("Bearer {token}"))).await
}

async fn opened(emulator: &Emulator, change: impl FnOnce(Request) -> Request) -> String {
    let params = json!({
        "protocolVersion": SESSION, "capabilities": {}, "clientInfo": { "name": "test", "version": "1" },
    });
    let message = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params });
    let reply = change(Request::json(&message)).send(emulator).await;
    assert_eq!(reply.status, 200);
    reply.header("mcp-session-id").to_owned()
}

/// A request of an open session: a GET, a DELETE, or any method with a message.
pub(crate) fn session(id: &str, method: Method, message: &Value) -> Request {
    let request = if message.is_null() { Request::new(method, "") } else { Request::json(message) };
    request.header("mcp-session-id", id).header("mcp-protocol-version", SESSION)
}

/// A call of an open session.
pub(crate) fn tool(id: &str, tool: &str, arguments: Value) -> Request {
    let mut params = json!({ "name": tool, "_meta": { "progressToken": "step" } });
    params["arguments"] = arguments;
    session(id, Method::POST, &json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }))
}
