//! Numbers and nulls of arguments, as JSON Schema reads them.
//!
//! `2.0` and `1e3` are integers: <https://json-schema.org/draft/2020-12/json-schema-core#section-4.2.3>. Rust's types
//! refuse them, so they are rewritten where the schema says integer. A null for an optional property of another type is
//! what many clients send for a property that is absent.

use rmcp::model::JsonObject;
use serde_json::{Map, Value};

/// The largest integer that a float holds exactly.
const EXACT: f64 = 9_007_199_254_740_992.0;
/// How deep references are followed.
const REFERENCES: usize = 16;

/// Rewrites arguments by the input schema of their tool.
pub(super) fn normalise(schema: &JsonObject, arguments: &mut JsonObject) {
    if arguments.values().any(may_change) {
        object(schema, schema, arguments, REFERENCES);
    }
}

/// Whether a value holds a null, or an integer that is written as a float.
fn may_change(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Number(_) => integer(value).is_some(),
        Value::Array(items) => items.iter().any(may_change),
        Value::Object(object) => object.values().any(may_change),
        Value::Bool(_) | Value::String(_) => false,
    }
}

fn integer(value: &Value) -> Option<i64> {
    let float = value.as_f64().filter(|_| value.is_f64())?;
    (float.fract() == 0.0 && float.abs() < EXACT).then_some(float as i64)
}

fn rewrite(root: &JsonObject, schema: &Value, value: &mut Value, references: usize) {
    let Value::Object(schema) = schema else { return };
    if let Some(target) = schema.get("$ref").and_then(|target| referred(root, target))
        && references > 0
    {
        rewrite(root, target, value, references - 1);
    }
    for word in ["allOf", "anyOf", "oneOf"] {
        for schema in schema.get(word).and_then(Value::as_array).into_iter().flatten() {
            rewrite(root, schema, value, references);
        }
    }
    match value {
        Value::Number(_) if is_type(schema, "integer") && !is_type(schema, "number") => {
            if let Some(exact) = integer(value) {
                *value = exact.into();
            }
        }
        Value::Array(items) => {
            let fixed = schema.get("prefixItems").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            for (at, item) in items.iter_mut().enumerate() {
                if let Some(schema) = fixed.get(at).or_else(|| schema.get("items")) {
                    rewrite(root, schema, item, references);
                }
            }
        }
        Value::Object(members) => object(root, schema, members, references),
        _ => {}
    }
}

fn object(root: &JsonObject, schema: &JsonObject, members: &mut Map<String, Value>, references: usize) {
    let properties = schema.get("properties").and_then(Value::as_object);
    let others = schema.get("additionalProperties");
    let required = schema.get("required").and_then(Value::as_array);
    let is_required = |key: &str| required.is_some_and(|names| names.iter().any(|name| name == key));
    members.retain(|key, value| {
        let schema = properties.and_then(|properties| properties.get(key));
        !(value.is_null() && !is_required(key) && schema.is_some_and(takes_no_null))
    });
    for (key, value) in members {
        if let Some(schema) = properties.and_then(|properties| properties.get(key)).or(others) {
            rewrite(root, schema, value, references);
        }
    }
}

/// Whether the schema names its types, and null is none of them.
fn takes_no_null(schema: &Value) -> bool {
    schema.as_object().is_some_and(|schema| schema.contains_key("type") && !is_type(schema, "null"))
}

fn is_type(schema: &JsonObject, name: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(one)) => one == name,
        Some(Value::Array(several)) => several.iter().any(|one| one == name),
        _ => false,
    }
}

fn referred<'s>(root: &'s JsonObject, target: &Value) -> Option<&'s Value> {
    let mut path = target.as_str()?.strip_prefix("#/")?.split('/');
    let first = root.get(path.next()?)?;
    path.try_fold(first, |value, key| value.get(key.replace("~1", "/").replace("~0", "~")))
}
