//! A request, read as far as a fault needs it.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Uri};
use serde_json::Value;

pub(crate) const STATELESS: &str = "2026-07-28";

/// A request as it came, or as a fault has changed it.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Bytes,
    /// The body, or null if it is not JSON.
    pub(crate) body: Value,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn set(&mut self, name: &'static str, value: &str) {
        self.headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).expect("a header value"));
    }

    /// Changes the body, and the bytes with it.
    pub(crate) fn edit(&mut self, change: impl FnOnce(&mut Value)) {
        change(&mut self.body);
        self.bytes = self.body.to_string().into();
        self.headers.remove("content-length");
    }

    /// The JSON-RPC method.
    pub(crate) fn rpc(&self) -> &str {
        self.body["method"].as_str().unwrap_or_default()
    }

    /// The name of the tool of a call.
    pub(crate) fn tool(&self) -> &str {
        if self.rpc() == "tools/call" { self.body["params"]["name"].as_str().unwrap_or_default() } else { "" }
    }

    pub(crate) fn task(&self) -> String {
        self.body["params"]["taskId"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn token(&self) -> Option<&Value> {
        self.body["params"]["_meta"].get("progressToken")
    }

    pub(crate) fn is_stateless(&self) -> bool {
        self.header("mcp-protocol-version") == Some(STATELESS)
            || self.body["params"]["_meta"].get("io.modelcontextprotocol/protocolVersion").is_some()
    }

    pub(crate) fn is_get(&self) -> bool {
        self.method == Method::GET && self.uri.path() == "/mcp"
    }

    pub(crate) fn is_resume(&self) -> bool {
        self.is_get() && self.headers.contains_key("last-event-id")
    }

    pub(crate) fn is_delete(&self) -> bool {
        self.method == Method::DELETE
    }

    pub(crate) fn session(&self) -> Option<&str> {
        self.header("mcp-session-id")
    }
}
