//! The headers of 2026-07-28 that repeat fields of the body, so that gateways need not read it
//! ([streamable HTTP](https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http)).

use std::collections::HashMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, value::RawValue};

use super::message::{Message, Params};

/// The largest number of tools with annotations that are kept.
const TOOLS: usize = 10_000;

/// An argument that a header repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mirror {
    path: Vec<String>,
    header: HeaderName,
}

/// The annotations of the tools that the server has listed.
#[derive(Debug, Default)]
pub(super) struct ToolHeaders(HashMap<String, Vec<Mirror>>);

impl ToolHeaders {
    /// Learns the annotations of a page of tools.
    pub(super) fn learn(&mut self, result: &Value) {
        for tool in result["tools"].as_array().into_iter().flatten() {
            let Some(name) = tool["name"].as_str() else { continue };
            let mut mirrors = Vec::new();
            annotations(&tool["inputSchema"]["properties"], &mut Vec::new(), &mut mirrors);
            if mirrors.is_empty() {
                self.0.remove(name);
            } else if self.0.len() < TOOLS {
                self.0.insert(name.to_owned(), mirrors);
            }
        }
    }

    /// Adds the headers of a request.
    pub(super) fn add(&self, headers: &mut HeaderMap, message: &Message) {
        if let Ok(method) = HeaderValue::from_str(&message.method) {
            headers.insert("mcp-method", method);
        }
        let params = message.params();
        if let Some(name) = named(&message.method, &params) {
            headers.insert("mcp-name", encoded(&name));
        }
        if message.method == "tools/call" {
            self.add_arguments(headers, &params);
        }
    }

    fn add_arguments(&self, headers: &mut HeaderMap, params: &Params<'_>) {
        let Some(mirrors) = text(params.name).and_then(|tool| self.0.get(&tool)) else { return };
        let arguments: Option<Value> = params.arguments.and_then(|raw| serde_json::from_str(raw.get()).ok());
        let Some(arguments) = arguments else { return };
        for mirror in mirrors {
            let value = mirror.path.iter().try_fold(&arguments, |value, key| value.get(key));
            let text = match value {
                Some(Value::String(text)) => text.clone(),
                Some(value @ (Value::Bool(_) | Value::Number(_))) => value.to_string(),
                _ => continue,
            };
            headers.insert(mirror.header.clone(), encoded(&text));
        }
    }
}

/// The parameter that `Mcp-Name` repeats.
fn named(method: &str, params: &Params<'_>) -> Option<String> {
    match method {
        "tools/call" | "prompts/get" => text(params.name),
        "resources/read" => text(params.uri),
        "tasks/get" | "tasks/update" | "tasks/cancel" => text(params.task_id),
        _ => None,
    }
}

fn text(raw: Option<&RawValue>) -> Option<String> {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok())
}

/// Annotations count on properties that are reached through `properties` alone.
fn annotations(properties: &Value, path: &mut Vec<String>, found: &mut Vec<Mirror>) {
    for (name, schema) in properties.as_object().into_iter().flatten() {
        path.push(name.clone());
        let header = schema["x-mcp-header"]
            .as_str()
            .map(|header| format!("mcp-param-{}", header.to_ascii_lowercase()));
        if let Some(header) = header.and_then(|header| HeaderName::try_from(header).ok()) {
            found.push(Mirror { path: path.clone(), header });
        }
        annotations(&schema["properties"], path, found);
        path.pop();
    }
}

/// A value as it is if a header can carry it, else as `=?base64?...?=`.
fn encoded(text: &str) -> HeaderValue {
    let plain = text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
        && text.trim() == text
        && !(text.starts_with("=?base64?") && text.ends_with("?="));
    let text = if plain { text.to_owned() } else { format!("=?base64?{}?=", BASE64_STANDARD.encode(text)) };
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::*;

    fn headers(tools: &ToolHeaders, method: &str, params: &Value) -> Vec<(String, String)> {
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
        let message = Message::read(Bytes::from(message)).expect("a message");
        let mut headers = HeaderMap::new();
        tools.add(&mut headers, &message);
        let text = |value: &HeaderValue| value.to_str().expect("ASCII").to_owned();
        let mut all: Vec<_> = headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        all.sort();
        all
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn the_name_is_the_parameter_that_the_method_has() {
        let none = ToolHeaders::default();
        for (method, params, name) in [
            ("tools/call", json!({ "name": "echo" }), "echo"),
            ("prompts/get", json!({ "name": "greet" }), "greet"),
            ("resources/read", json!({ "uri": "file:///a" }), "file:///a"),
            ("tasks/get", json!({ "taskId": "t-1" }), "t-1"),
        ] {
            let expected = [pair("mcp-method", method), pair("mcp-name", name)];
            assert_eq!(headers(&none, method, &params), expected, "{method}");
        }
        assert_eq!(headers(&none, "tools/list", &json!({ "name": "x" })), [pair("mcp-method", "tools/list")]);
    }

    #[test]
    fn values_that_a_header_cannot_carry_are_encoded() {
        let none = ToolHeaders::default();
        for (name, expected) in [
            ("größe", "=?base64?Z3LDtsOfZQ==?="),
            (" a", "=?base64?IGE=?="),
            ("=?base64?IGE=?=", "=?base64?PT9iYXNlNjQ/SUdFPT89?="),
            ("a b", "a b"),
        ] {
            let all = headers(&none, "tools/call", &json!({ "name": name }));
            assert_eq!(all[1], pair("mcp-name", expected));
        }
    }

    #[test]
    fn annotated_arguments_are_repeated_where_they_have_a_value() {
        let mut tools = ToolHeaders::default();
        let nested = json!({ "type": "object", "properties": { "id": { "type": "integer", "x-mcp-header": "Tenant-Id" } } });
        let items = json!({ "type": "array", "items": { "type": "string", "x-mcp-header": "Never" } });
        let properties = json!({
            "region": { "type": "string", "x-mcp-header": "Region" },
            "dry": { "type": "boolean", "x-mcp-header": "Dry" },
            "tenant": nested, "list": items,
        });
        tools.learn(&json!({ "tools": [{ "name": "run", "inputSchema": { "type": "object", "properties": properties } }] }));
        let params = json!({ "name": "run", "arguments": { "region": "eu", "dry": null, "tenant": { "id": 7 }, "list": ["a"] } });
        let expected = [
            pair("mcp-method", "tools/call"),
            pair("mcp-name", "run"),
            pair("mcp-param-region", "eu"),
            pair("mcp-param-tenant-id", "7"),
        ];
        assert_eq!(headers(&tools, "tools/call", &params), expected);
    }

    /// A schema may be anything: it comes from the server.
    #[test]
    fn a_strange_list_of_tools_teaches_nothing() {
        let mut tools = ToolHeaders::default();
        for strange in [
            json!(null),
            json!({ "tools": 7 }),
            json!({ "tools": [7, { "name": 7 }, { "name": "a", "inputSchema": [] }] }),
        ] {
            tools.learn(&strange);
        }
        assert!(tools.0.is_empty());
    }
}
