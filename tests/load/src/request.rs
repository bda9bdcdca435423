//! The requests that clients send, as bytes.

use serde_json::{Value, json};

/// The address and the path of a server.
#[derive(Clone)]
pub(crate) struct Endpoint {
    pub(crate) host: String,
    pub(crate) path: String,
}

impl Endpoint {
    /// A call of the tool `echo`, which answers at once. 2026-07-28 if `stateless`, else 2025-11-25 without a session.
    pub(crate) fn echo(&self, stateless: bool) -> Vec<u8> {
        let params = json!({ "name": "echo", "arguments": { "message": "hello, world" } });
        self.call("tools/call", Some("echo"), params, stateless)
    }

    /// A list of the tools.
    pub(crate) fn list(&self) -> Vec<u8> {
        self.call("tools/list", None, json!({}), true)
    }

    /// A call that is refused: its tool does not exist.
    pub(crate) fn unknown_tool(&self) -> Vec<u8> {
        self.call("tools/call", Some("none"), json!({ "name": "none", "arguments": {} }), true)
    }

    /// A request that is refused before its body is read: its content type is not JSON.
    pub(crate) fn wrong_type(&self) -> Vec<u8> {
        let body = "x".repeat(2000);
        let length = body.len();
        format!(
            "POST {} HTTP/1.1\r\nhost: {}\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\n\r\n{body}",
            self.path, self.host
        )
        .into_bytes()
    }

    /// The first request of a session.
    pub(crate) fn initialize(&self) -> Vec<u8> {
        let client = json!({ "name": "load", "version": "1.0.0" });
        let params = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client });
        self.post(&[], &json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params }))
    }

    /// A call of `echo` in a session.
    pub(crate) fn in_session(&self, session: &str) -> Vec<u8> {
        let params = json!({ "name": "echo", "arguments": { "message": "hello, world" } });
        let headers = [("mcp-protocol-version", "2025-11-25"), ("mcp-session-id", session)];
        self.post(&headers, &json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params }))
    }

    /// The end of a session.
    pub(crate) fn delete(&self, session: &str) -> Vec<u8> {
        format!(
            "DELETE {} HTTP/1.1\r\nhost: {}\r\nmcp-protocol-version: 2025-11-25\r\nmcp-session-id: {session}\r\n\r\n",
            self.path, self.host
        )
        .into_bytes()
    }

    fn call(&self, method: &str, name: Option<&str>, mut params: Value, stateless: bool) -> Vec<u8> {
        if !stateless {
            let headers = [("mcp-protocol-version", "2025-11-25")];
            return self
                .post(&headers, &json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params }));
        }
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": { "name": "load", "version": "1.0.0" },
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let mut headers = vec![("mcp-protocol-version", "2026-07-28"), ("mcp-method", method)];
        headers.extend(name.map(|name| ("mcp-name", name)));
        self.post(&headers, &json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params }))
    }

    fn post(&self, headers: &[(&str, &str)], message: &Value) -> Vec<u8> {
        let body = message.to_string();
        let own: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!(
            "POST {} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\naccept: application/json, \
             text/event-stream\r\n{own}content-length: {}\r\n\r\n{body}",
            self.path,
            self.host,
            body.len()
        )
        .into_bytes()
    }
}
