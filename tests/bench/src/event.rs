//! Function URL events, as Lambda sends them: payload 2.0.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html> (read 2026-11-20)

use serde_json::{Value, json};

/// An event, and the text by which its answer is recognised.
pub(crate) struct Event {
    pub(crate) name: &'static str,
    pub(crate) json: String,
    /// Text that every correct answer of an MCP server contains.
    pub(crate) proof: &'static str,
}

/// A call of the tool that answers at once.
pub(crate) fn echo() -> Event {
    let params = json!({ "name": "echo", "arguments": { "message": "hello, world" } });
    stateless("tools/call", Some("echo"), params, "hello, world")
}

/// A call of the tool that sends progress.
pub(crate) fn progress() -> Event {
    let params = json!({ "name": "progress", "arguments": {}, "_meta": { "progressToken": "bake" } });
    let event = stateless("tools/call", Some("progress"), params, "done");
    Event { name: "progress", ..event }
}

/// The calls a client makes besides tools.
pub(crate) fn others() -> Vec<Event> {
    let list = stateless("tools/list", None, json!({}), "inputSchema");
    let discover = stateless("server/discover", None, json!({}), "supportedVersions");
    let params = json!({
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "bench", "version": "1.0.0" },
    });
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params });
    let initialize = Event {
        name: "initialize (2025-11-25)",
        json: function_url(&[], &message),
        proof: "protocolVersion",
    };
    vec![list, discover, initialize]
}

fn stateless(method: &'static str, name: Option<&str>, mut params: Value, proof: &'static str) -> Event {
    let meta = &mut params["_meta"];
    meta["io.modelcontextprotocol/protocolVersion"] = "2026-07-28".into();
    meta["io.modelcontextprotocol/clientInfo"] = json!({ "name": "bench", "version": "1.0.0" });
    meta["io.modelcontextprotocol/clientCapabilities"] = json!({});
    let message = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
    let mut headers = vec![("mcp-protocol-version", "2026-07-28"), ("mcp-method", method)];
    headers.extend(name.map(|name| ("mcp-name", name)));
    Event { name: method, json: function_url(&headers, &message), proof }
}

fn function_url(own: &[(&str, &str)], message: &Value) -> String {
    let body = message.to_string();
    let domain = "abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-central-1.on.aws";
    let mut headers = json!({
        "accept": "application/json, text/event-stream",
        "accept-encoding": "gzip, deflate, br",
        "content-length": body.len().to_string(),
        "content-type": "application/json",
        "host": domain,
        "user-agent": "mcp-client/1.0.0",
        "x-amzn-tls-cipher-suite": "TLS_AES_128_GCM_SHA256",
        "x-amzn-tls-version": "TLSv1.3",
        "x-amzn-trace-id": "Root=1-691ef1a0-5d2f6a3c4b1e8f7a9c0d2e4f",
        "x-forwarded-for": "203.0.113.7",
        "x-forwarded-port": "443",
        "x-forwarded-proto": "https",
    });
    for (name, value) in own {
        headers[name] = (*value).into();
    }
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/mcp",
        "rawQueryString": "",
        "headers": headers,
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "abcdefghijklmnopqrstuvwxyz012345",
            "domainName": domain,
            "domainPrefix": "abcdefghijklmnopqrstuvwxyz012345",
            "http": {
                "method": "POST",
                "path": "/mcp",
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7",
                "userAgent": "mcp-client/1.0.0",
            },
            "requestId": "3f0a1b2c-4d5e-6f70-8192-a3b4c5d6e7f8",
            "routeKey": "$default",
            "stage": "$default",
            "time": "20/Nov/2026:12:00:00 +0000",
            "timeEpoch": 1_795_176_000_000_u64,
        },
        "body": body,
        "isBase64Encoded": false,
    })
    .to_string()
}
