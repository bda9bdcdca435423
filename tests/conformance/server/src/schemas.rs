//! Input schemas that the suite compares literally, or searches for a keyword.

use mcp_lambda_server::rmcp::model::JsonObject;
use serde_json::{Value, json};

/// A JSON object out of `json!`; anything else is a mistake in this file.
pub(crate) fn object(value: Value) -> JsonObject {
    match value {
        Value::Object(object) => object,
        other => unreachable!("a schema is an object, not {other}"),
    }
}

/// A tool without arguments.
pub(crate) fn nothing() -> Value {
    json!({ "type": "object", "properties": {} })
}

/// One string that has to be given.
pub(crate) fn string(name: &str, description: &str) -> Value {
    json!({
        "type": "object",
        "properties": { name: { "type": "string", "description": description } },
        "required": [name],
    })
}

/// Arguments that clients repeat in `Mcp-Param-*` headers (SEP-2243).
pub(crate) fn mirrored_in_headers() -> Value {
    json!({
        "type": "object",
        "properties": {
            "region": { "type": "string", "description": "Where to look", "x-mcp-header": "Region" },
            "limit": { "type": "integer", "description": "How far to look", "x-mcp-header": "Limit" },
            "verbose": { "type": "boolean", "description": "Whether to say more", "x-mcp-header": "Verbose" },
        },
        "required": ["region"],
    })
}

/// The schema with keywords that `tools/list` must keep (SEP-1613, SEP-2106).
pub(crate) fn json_schema_2020_12() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "addressDef",
                "type": "object",
                "properties": { "street": { "type": "string" }, "city": { "type": "string" } },
            },
        },
        "properties": {
            "name": { "type": "string" },
            "address": { "$ref": "#/$defs/address" },
            "contactMethod": { "type": "string", "enum": ["phone", "email"] },
            "phone": { "type": "string" },
            "email": { "type": "string" },
        },
        "allOf": [{ "anyOf": [{ "required": ["phone"] }, { "required": ["email"] }] }],
        "if": { "properties": { "contactMethod": { "const": "phone" } }, "required": ["contactMethod"] },
        "then": { "required": ["phone"] },
        "else": { "required": ["email"] },
        "additionalProperties": false,
    })
}
