//! A client of the session era: a session, and messages to whichever environment a test says.

use std::time::Duration;

use http::Method;
use mcp_lambda_server::{Deadline, Delivery, Ingress, Principal, Server};
use serde_json::{Value, json};

use super::{
    client::{self, Post, Reply},
    sse::SseEvent,
};

pub(crate) const NEWEST: &str = "2025-11-25";
/// The revision without priming events and polling.
pub(crate) const MIDDLE: &str = "2025-06-18";
/// The revision with batches and without the version header.
pub(crate) const OLDEST: &str = "2025-03-26";
pub(crate) const VERSIONS: [&str; 3] = [NEWEST, MIDDLE, OLDEST];

/// A session that is open.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) version: &'static str,
    pub(crate) principal: Option<Principal>,
}

impl Client {
    /// Opens a session as nobody in particular, with everything a client can do.
    pub(crate) async fn open(server: &Server, version: &'static str) -> Self {
        Self::open_as(server, version, None).await
    }

    pub(crate) async fn open_as(
        server: &Server,
        version: &'static str,
        principal: Option<Principal>,
    ) -> Self {
        let capabilities = json!({ "sampling": {}, "elicitation": {}, "roots": { "listChanged": true } });
        let mut initialize = client::initialize_request(version, capabilities);
        initialize.principal.clone_from(&principal);
        let reply = initialize.send(server).await;
        assert_eq!(reply.status, 200);
        let id = reply.header("mcp-session-id").expect("a session").to_owned();
        let client = Self { id, version, principal };
        let accepted = client.notification("notifications/initialized", json!({})).send(server).await;
        assert_eq!(accepted.status, 202);
        client
    }

    fn of_session(&self, mut post: Post) -> Post {
        post.principal.clone_from(&self.principal);
        let post = post.header("mcp-session-id", &self.id);
        // 2025-03-26 knows no such header.
        if self.version == OLDEST { post } else { post.header("mcp-protocol-version", self.version) }
    }

    /// Any message.
    pub(crate) fn post(&self, message: &Value) -> Post {
        self.of_session(Post::json(message))
    }

    pub(crate) fn request(&self, id: impl Into<Value>, method: &str, params: Value) -> Post {
        self.post(&request(id, method, params))
    }

    pub(crate) fn call(&self, id: impl Into<Value>, tool: &str, arguments: Value) -> Post {
        self.post(&call(id, tool, arguments))
    }

    pub(crate) fn notification(&self, method: &str, params: Value) -> Post {
        self.post(&notification(method, params))
    }

    pub(crate) fn cancel(&self, id: impl Into<Value>) -> Post {
        self.notification("notifications/cancelled", json!({ "requestId": id.into() }))
    }

    /// Answers a request of the server's.
    pub(crate) fn answer(&self, asked: &Value, result: Value) -> Post {
        self.post(&json!({ "jsonrpc": "2.0", "id": asked["id"], "result": result }))
    }

    /// Refuses a request of the server's.
    pub(crate) fn refuse(&self, asked: &Value, code: i64, message: &str) -> Post {
        let error = json!({ "code": code, "message": message });
        self.post(&json!({ "jsonrpc": "2.0", "id": asked["id"], "error": error }))
    }

    /// The GET stream, fresh.
    pub(crate) fn listen(&self) -> Post {
        self.of_session(Post::of(Method::GET)).header("accept", "text/event-stream")
    }

    /// Any stream, from this event on.
    pub(crate) fn resume(&self, last_event: &str) -> Post {
        self.listen().header("last-event-id", last_event)
    }

    pub(crate) fn end(&self) -> Post {
        self.of_session(Post::of(Method::DELETE))
    }

    /// A fresh GET stream that has said its first words.
    pub(crate) async fn listening(&self, server: &Server) -> Reply {
        let mut stream = self.listen().send(server).await;
        assert_eq!(stream.status, 200);
        opening(&mut stream, self.version).await;
        stream
    }
}

/// Reads what a GET stream opens with: `retry`, and in 2025-11-25 the place it starts from, which is returned.
pub(crate) async fn opening(stream: &mut Reply, version: &str) -> Option<String> {
    let retry = stream.told().await.expect("an opening");
    assert!(retry.retry.is_some() && retry.data.is_none(), "{retry:?}");
    if version != NEWEST {
        return None;
    }
    Some(priming(stream).await)
}

/// Reads a priming event: an id and empty data.
pub(crate) async fn priming(stream: &mut Reply) -> String {
    let event = stream.told().await.expect("a priming event");
    assert_eq!(event.data.as_deref(), Some(""), "{event:?}");
    event.id.expect("an id")
}

/// The next message with its id.
pub(crate) async fn identified(stream: &mut Reply) -> (String, Value) {
    let event = stream.told().await.expect("the stream goes on");
    let message = event.json();
    (event.id.expect("an id"), message)
}

/// Every message until the end, with its id.
pub(crate) async fn rest(stream: &mut Reply) -> Vec<(String, Value)> {
    let mut rest = Vec::new();
    while let Some(event) = stream.told().await {
        if is_message(&event) {
            rest.push((event.id.clone().expect("an id"), event.json()));
        }
    }
    rest
}

pub(crate) fn is_message(event: &SseEvent) -> bool {
    event.data.as_deref().is_some_and(|data| !data.is_empty())
}

pub(crate) fn request(id: impl Into<Value>, method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id.into(), "method": method, "params": params })
}

pub(crate) fn call(id: impl Into<Value>, tool: &str, arguments: Value) -> Value {
    request(id, "tools/call", json!({ "name": tool, "arguments": arguments }))
}

pub(crate) fn notification(method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "method": method, "params": params })
}

/// A front that gives a request so long.
pub(crate) fn front(given: Duration) -> Ingress {
    Ingress::local(Deadline::after(given))
}

/// A front that wants whole bodies.
pub(crate) fn buffered() -> Ingress {
    Ingress { delivery: Delivery::Buffered, ..front(Duration::from_secs(30)) }
}
