//! A client of the session era: a session, and messages to whichever environment a test says.

use std::time::Duration;

use http::Method;
use mcp_lambda_server::{Deadline, Delivery, Ingress, Principal, Server};
use serde_json::{Value, json};

use crate::{
    reply::Reply,
    request::{self, McpRequest},
};

pub const NEWEST: &str = "2025-11-25";
/// The revision without priming events and polling.
pub const MIDDLE: &str = "2025-06-18";
/// The revision with batches and without the version header.
pub const OLDEST: &str = "2025-03-26";
pub const VERSIONS: [&str; 3] = [NEWEST, MIDDLE, OLDEST];

/// A session that is open.
#[derive(Clone)]
pub struct Client {
    pub id: String,
    pub version: &'static str,
    pub principal: Option<Principal>,
}

impl Client {
    /// Opens a session of the anonymous caller, with everything a client can do.
    pub async fn open(server: &Server, version: &'static str) -> Self {
        Self::open_as(server, version, None).await
    }

    pub async fn open_as(server: &Server, version: &'static str, principal: Option<Principal>) -> Self {
        let capabilities = json!({ "sampling": {}, "elicitation": {}, "roots": { "listChanged": true } });
        let mut initialize = request::initialize_request(version, capabilities);
        if let Some(principal) = &principal {
            initialize = initialize.from(principal);
        }
        let reply = initialize.send(server).await;
        assert_eq!(reply.status, 200);
        let id = reply.header("mcp-session-id").expect("a session").to_owned();
        let client = Self { id, version, principal };
        let accepted = client.notification("notifications/initialized", json!({})).send(server).await;
        assert_eq!(accepted.status, 202);
        client
    }

    fn of_session(&self, request: McpRequest) -> McpRequest {
        let mut request = request.header("mcp-session-id", &self.id);
        if let Some(principal) = &self.principal {
            request = request.from(principal);
        }
        // 2025-03-26 knows no such header.
        if self.version == OLDEST { request } else { request.header("mcp-protocol-version", self.version) }
    }

    /// Any message.
    pub fn post(&self, message: &Value) -> McpRequest {
        self.of_session(McpRequest::json(message))
    }

    pub fn request(&self, id: impl Into<Value>, method: &str, params: Value) -> McpRequest {
        self.post(&request(id, method, params))
    }

    pub fn call(&self, id: impl Into<Value>, tool: &str, arguments: Value) -> McpRequest {
        self.post(&call(id, tool, arguments))
    }

    pub fn notification(&self, method: &str, params: Value) -> McpRequest {
        self.post(&notification(method, params))
    }

    pub fn cancel(&self, id: impl Into<Value>) -> McpRequest {
        self.notification("notifications/cancelled", json!({ "requestId": id.into() }))
    }

    /// Answers a request of the server's.
    pub fn answer(&self, asked: &Value, result: Value) -> McpRequest {
        self.post(&json!({ "jsonrpc": "2.0", "id": asked["id"], "result": result }))
    }

    /// Refuses a request of the server's.
    pub fn refuse(&self, asked: &Value, code: i64, message: &str) -> McpRequest {
        let error = json!({ "code": code, "message": message });
        self.post(&json!({ "jsonrpc": "2.0", "id": asked["id"], "error": error }))
    }

    /// The GET stream, fresh.
    pub fn listen(&self) -> McpRequest {
        self.of_session(McpRequest::of(Method::GET)).header("accept", "text/event-stream")
    }

    /// Any stream, from this event on.
    pub fn resume(&self, last_event: &str) -> McpRequest {
        self.listen().header("last-event-id", last_event)
    }

    pub fn end(&self) -> McpRequest {
        self.of_session(McpRequest::of(Method::DELETE))
    }

    /// A new GET stream, read past its opening.
    pub async fn listening(&self, server: &Server) -> Reply {
        let mut stream = self.listen().send(server).await;
        assert_eq!(stream.status, 200);
        opening(&mut stream, self.version).await;
        stream
    }
}

/// Reads what a GET stream opens with: `retry`, and in 2025-11-25 the id it starts from, which is returned.
pub async fn opening(stream: &mut Reply, version: &str) -> Option<String> {
    let retry = stream.event_after_comments().await.expect("an opening");
    assert!(retry.retry.is_some() && retry.data.is_none(), "{retry:?}");
    if version != NEWEST {
        return None;
    }
    Some(priming(stream).await)
}

/// Reads a priming event: an id and empty data.
pub async fn priming(stream: &mut Reply) -> String {
    let event = stream.event_after_comments().await.expect("a priming event");
    assert_eq!(event.data.as_deref(), Some(""), "{event:?}");
    event.id.expect("an id")
}

/// The next message with its id.
pub async fn identified(stream: &mut Reply) -> (String, Value) {
    let event = stream.event_after_comments().await.expect("the stream goes on");
    let message = event.json();
    (event.id.expect("an id"), message)
}

/// Every message until the end, with its id.
pub async fn rest(stream: &mut Reply) -> Vec<(String, Value)> {
    let mut rest = Vec::new();
    while let Some(event) = stream.event_after_comments().await {
        if event.is_message() {
            rest.push((event.id.clone().expect("an id"), event.json()));
        }
    }
    rest
}

pub fn request(id: impl Into<Value>, method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id.into(), "method": method, "params": params })
}

pub fn call(id: impl Into<Value>, tool: &str, arguments: Value) -> Value {
    request(id, "tools/call", json!({ "name": tool, "arguments": arguments }))
}

pub fn notification(method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "method": method, "params": params })
}

impl McpRequest {
    /// Sends it as this caller, as an authenticating layer would say.
    pub fn from(self, principal: &Principal) -> Self {
        self.extension(principal.clone())
    }

    /// Sends it through this ingress.
    pub fn through(self, front: Ingress) -> Self {
        self.extension(front)
    }
}

/// An ingress that gives a request so long.
pub fn front(given: Duration) -> Ingress {
    Ingress::local(Deadline::after(given))
}

/// An ingress that takes whole bodies only.
pub fn buffered() -> Ingress {
    Ingress { delivery: Delivery::Buffered, ..front(Duration::from_secs(30)) }
}
