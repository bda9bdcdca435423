//! A client: requests as they are built, replies as they arrive.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use mcp_lambda_server::{Body, Ingress, Principal, Server};
use serde_json::{Value, json};

use super::sse::{SseEvent, SseParser};

pub(crate) const STATELESS: &str = "2026-07-28";
pub(crate) const BOTH: &str = "application/json, text/event-stream";

/// A request to be sent.
#[derive(Clone)]
pub(crate) struct Post {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) principal: Option<Principal>,
    pub(crate) front: Option<Ingress>,
}

/// A complete 2026-07-28 request with id 1 and no capabilities: headers mirror the body.
pub(crate) fn stateless(method: &str, params: Value) -> Post {
    stateless_with(json!(1), method, params, json!({}))
}

/// The same with this id and these client capabilities.
pub(crate) fn stateless_with(id: Value, method: &str, mut params: Value, capabilities: Value) -> Post {
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
    let post = Post::json(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))
        .header("mcp-protocol-version", STATELESS)
        .header("mcp-method", method);
    match named {
        Some(name) => post.header("mcp-name", &name),
        None => post,
    }
}

/// A `tools/call` of 2026-07-28.
pub(crate) fn call(tool: &str, arguments: Value) -> Post {
    stateless("tools/call", json!({ "name": tool, "arguments": arguments }))
}

impl Post {
    /// A POST of this JSON, accepting both kinds of answer.
    pub(crate) fn json(body: &Value) -> Self {
        Self::bytes(body.to_string().into_bytes())
    }

    /// A POST of these bytes, accepting both kinds of answer.
    pub(crate) fn bytes(body: impl Into<Bytes>) -> Self {
        Self { method: Method::POST, body: body.into(), ..Self::empty() }
            .header("content-type", "application/json")
    }

    /// A GET, DELETE or OPTIONS.
    pub(crate) fn of(method: Method) -> Self {
        Self { method, ..Self::empty() }
    }

    fn empty() -> Self {
        let post = Self {
            method: Method::GET,
            path: "/mcp".into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            principal: None,
            front: None,
        };
        post.header("host", "127.0.0.1:9000").header("accept", BOTH)
    }

    /// A 2025 message of an open session.
    pub(crate) fn session(session: &str, version: &str, message: &Value) -> Self {
        Self::json(message).header("mcp-session-id", session).header("mcp-protocol-version", version)
    }

    /// Sets a header.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers
            .insert(header_name(name), HeaderValue::from_bytes(value.as_bytes()).expect("a header value"));
        self
    }

    /// Adds a header beside those of the same name.
    pub(crate) fn and_header(mut self, name: &str, value: &[u8]) -> Self {
        self.headers.append(header_name(name), HeaderValue::from_bytes(value).expect("a header value"));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    pub(crate) fn path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// Sends it as this caller, as an authenticating layer would say.
    pub(crate) fn from(mut self, principal: &Principal) -> Self {
        self.principal = Some(principal.clone());
        self
    }

    /// Sends it through this front.
    pub(crate) fn through(mut self, front: Ingress) -> Self {
        self.front = Some(front);
        self
    }

    /// Changes the JSON body; headers stay as they are.
    pub(crate) fn edit(mut self, change: impl FnOnce(&mut Value)) -> Self {
        let mut body = serde_json::from_slice(&self.body).expect("a JSON body");
        change(&mut body);
        self.body = body.to_string().into();
        self
    }

    /// Sends `_meta` this key.
    pub(crate) fn meta(self, key: &str, value: Value) -> Self {
        self.edit(|body| body["params"]["_meta"][key] = value)
    }

    pub(crate) fn request(self) -> Request<Body> {
        let body = Full::new(self.body).map_err(|never| match never {}).boxed_unsync();
        let mut request = Request::new(body);
        *request.method_mut() = self.method;
        *request.uri_mut() = self.path.parse().expect("a path");
        *request.headers_mut() = self.headers;
        if let Some(principal) = self.principal {
            request.extensions_mut().insert(principal);
        }
        if let Some(front) = self.front {
            request.extensions_mut().insert(front);
        }
        request
    }

    /// Sends it. The reply is read as the test asks for it.
    pub(crate) async fn send(self, server: &Server) -> Reply {
        Reply::of(server.handle(self.request()).await)
    }
}

fn header_name(name: &str) -> HeaderName {
    HeaderName::from_bytes(name.as_bytes()).expect("a header name")
}

/// A reply, read as far as a test has asked.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    body: Body,
    events: SseParser,
}

impl Reply {
    pub(crate) fn of(response: http::Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        Self { status: parts.status, headers: parts.headers, body, events: SseParser::default() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("visible ASCII"))
    }

    pub(crate) fn is_stream(&self) -> bool {
        self.header("content-type") == Some("text/event-stream")
    }

    /// The whole body.
    pub(crate) async fn bytes(self) -> Bytes {
        self.body.collect().await.expect("a body never fails").to_bytes()
    }

    /// The body as one JSON object.
    pub(crate) async fn json(self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"), "status {}", self.status);
        let bytes = self.bytes().await;
        serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{error}: {bytes:?}"))
    }

    /// The next event of a stream, comments included; `None` when the stream has ended.
    pub(crate) async fn event(&mut self) -> Option<SseEvent> {
        loop {
            if let Some(event) = self.events.next() {
                return Some(event);
            }
            let Some(frame) = self.body.frame().await else {
                assert!(self.events.is_between_events(), "the stream ended inside an event");
                return None;
            };
            if let Ok(data) = frame.expect("a stream never fails").into_data() {
                self.events.push(&data);
            }
        }
    }

    /// The next event that is not just a comment.
    pub(crate) async fn told(&mut self) -> Option<SseEvent> {
        loop {
            match self.event().await {
                Some(event) if event.is_comment() => {}
                other => return other,
            }
        }
    }

    /// The next JSON-RPC message of a stream.
    pub(crate) async fn message(&mut self) -> Value {
        loop {
            let event = self.told().await.expect("the stream goes on");
            if event.data.as_deref().is_some_and(|data| !data.is_empty()) {
                return event.json();
            }
        }
    }

    /// Every message until the end: of the stream, or the one JSON body.
    pub(crate) async fn messages(mut self) -> Vec<Value> {
        if !self.is_stream() {
            return vec![self.json().await];
        }
        let mut messages = Vec::new();
        while let Some(event) = self.told().await {
            if event.data.as_deref().is_some_and(|data| !data.is_empty()) {
                messages.push(event.json());
            }
        }
        messages
    }

    /// Whether nothing has arrived: the body has no frame ready now.
    pub(crate) fn is_waiting(&mut self) -> bool {
        use futures::FutureExt;
        self.event().now_or_never().is_none()
    }
}

/// The status, and the code of the JSON-RPC error in the body.
pub(crate) async fn refused(reply: Reply) -> (u16, i64, Value) {
    let status = reply.status.as_u16();
    let body = reply.json().await;
    let code = body["error"]["code"].as_i64().unwrap_or_else(|| panic!("not an error: {body}"));
    (status, code, body)
}

/// The result of a reply that is 200 and no error.
pub(crate) async fn result(reply: Reply) -> Value {
    assert_eq!(reply.status, StatusCode::OK);
    let mut messages = reply.messages().await;
    let last = messages.pop().expect("a response");
    assert!(last.get("error").is_none(), "an error: {last}");
    last["result"].clone()
}

/// The text of a tool's result.
pub(crate) async fn text(reply: Reply) -> String {
    let result = result(reply).await;
    result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("no text: {result}")).to_owned()
}

/// Opens a session and returns its id. `initialized` has been sent.
pub(crate) async fn initialize(server: &Server, version: &str, capabilities: Value) -> String {
    let reply = initialize_request(version, capabilities).send(server).await;
    assert_eq!(reply.status, StatusCode::OK);
    let session = reply.header("mcp-session-id").expect("a session").to_owned();
    let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let accepted = Post::session(&session, version, &initialized).send(server).await;
    assert_eq!(accepted.status, StatusCode::ACCEPTED);
    session
}

/// `initialize` with id 0.
pub(crate) fn initialize_request(version: &str, capabilities: Value) -> Post {
    Post::json(&json!({
        "jsonrpc": "2.0", "id": 0, "method": "initialize",
        "params": {
            "protocolVersion": version, "capabilities": capabilities,
            "clientInfo": { "name": "test", "version": "1" },
        },
    }))
}
