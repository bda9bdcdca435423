//! The requests of a client of MCP, as they are built: complete by default, with methods that spoil one thing.

use bytes::Bytes;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, Request};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};

use crate::{
    reply::Reply,
    transport::{Body, HOST, Transport},
};

pub const STATELESS: &str = "2026-07-28";
pub const BOTH: &str = "application/json, text/event-stream";

/// A request to be sent.
#[derive(Clone)]
pub struct McpRequest {
    pub method: Method,
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// What a layer before the server would add: of use only to a server in this process.
    pub extensions: Extensions,
}

/// A complete 2026-07-28 request with id 1 and no capabilities: headers mirror the body.
pub fn stateless(method: &str, params: Value) -> McpRequest {
    stateless_with(json!(1), method, params, json!({}))
}

/// The same with this id and these client capabilities.
pub fn stateless_with(id: Value, method: &str, mut params: Value, capabilities: Value) -> McpRequest {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": STATELESS,
        "io.modelcontextprotocol/clientCapabilities": capabilities,
        "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
    });
    for (key, value) in meta.as_object().into_iter().flatten() {
        if params["_meta"].get(key).is_none() {
            params["_meta"][key] = value.clone();
        }
    }
    let named = match method {
        "tools/call" | "prompts/get" => params["name"].as_str().map(str::to_owned),
        "resources/read" => params["uri"].as_str().map(str::to_owned),
        _ => None,
    };
    let request =
        McpRequest::json(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))
            .header("mcp-protocol-version", STATELESS)
            .header("mcp-method", method);
    match named {
        Some(name) => request.header("mcp-name", &name),
        None => request,
    }
}

/// A `tools/call` of 2026-07-28.
pub fn call(tool: &str, arguments: Value) -> McpRequest {
    stateless("tools/call", json!({ "name": tool, "arguments": arguments }))
}

impl McpRequest {
    /// A POST of this JSON that accepts both JSON and an event stream.
    pub fn json(body: &Value) -> Self {
        Self::bytes(body.to_string().into_bytes())
    }

    /// A POST of these bytes that accepts both JSON and an event stream.
    pub fn bytes(body: impl Into<Bytes>) -> Self {
        Self { method: Method::POST, body: body.into(), ..Self::empty() }
            .header("content-type", "application/json")
    }

    /// A GET, DELETE or OPTIONS.
    pub fn of(method: Method) -> Self {
        Self { method, ..Self::empty() }
    }

    fn empty() -> Self {
        let request = Self {
            method: Method::GET,
            path: "/mcp".into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            extensions: Extensions::new(),
        };
        request.header("host", HOST).header("accept", BOTH)
    }

    /// A 2025 message of an open session.
    pub fn session(session: &str, version: &str, message: &Value) -> Self {
        Self::json(message).header("mcp-session-id", session).header("mcp-protocol-version", version)
    }

    /// Sets a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers
            .insert(header_name(name), HeaderValue::from_bytes(value.as_bytes()).expect("a header value"));
        self
    }

    /// Adds a header beside those of the same name.
    pub fn and_header(mut self, name: &str, value: &[u8]) -> Self {
        self.headers.append(header_name(name), HeaderValue::from_bytes(value).expect("a header value"));
        self
    }

    /// Removes a header.
    pub fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    /// Sends it to another path than the endpoint.
    pub fn path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// Adds what an authenticating layer, or an ingress, would have added.
    pub fn extension<T: Clone + Send + Sync + 'static>(mut self, extension: T) -> Self {
        self.extensions.insert(extension);
        self
    }

    /// Changes the JSON body; headers stay as they are.
    pub fn edit(mut self, change: impl FnOnce(&mut Value)) -> Self {
        let mut body = serde_json::from_slice(&self.body).expect("a JSON body");
        change(&mut body);
        self.body = body.to_string().into();
        self
    }

    /// Sets this key of `_meta`.
    pub fn meta(self, key: &str, value: Value) -> Self {
        self.edit(|body| body["params"]["_meta"][key] = value)
    }

    /// The request as a transport takes it.
    pub fn request(self) -> Request<Body> {
        let body = Full::new(self.body).map_err(|never| match never {}).boxed_unsync();
        let mut request = Request::new(body);
        *request.method_mut() = self.method;
        *request.uri_mut() = self.path.parse().expect("a path");
        *request.headers_mut() = self.headers;
        *request.extensions_mut() = self.extensions;
        request
    }

    /// Sends it. The reply is read as the test asks for it.
    pub async fn send<T: Transport + ?Sized>(self, to: &T) -> Reply {
        to.answer(self.request()).await
    }
}

fn header_name(name: &str) -> HeaderName {
    HeaderName::from_bytes(name.as_bytes()).expect("a header name")
}

/// Opens a session and returns its id. `initialized` has been sent.
pub async fn initialize<T: Transport>(server: &T, version: &str, capabilities: Value) -> String {
    let reply = initialize_request(version, capabilities).send(server).await;
    assert_eq!(reply.status, 200);
    let session = reply.header("mcp-session-id").expect("a session").to_owned();
    let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let accepted = McpRequest::session(&session, version, &initialized).send(server).await;
    assert_eq!(accepted.status, 202);
    session
}

/// `initialize` with id 0.
pub fn initialize_request(version: &str, capabilities: Value) -> McpRequest {
    McpRequest::json(&json!({
        "jsonrpc": "2.0", "id": 0, "method": "initialize",
        "params": {
            "protocolVersion": version, "capabilities": capabilities,
            "clientInfo": { "name": "test", "version": "1" },
        },
    }))
}
