//! Arguments for a tool, made from its input schema: the smallest that should be valid.

use serde_json::{Map, Value, json};

/// How deep a schema is followed. A deeper one gets `null` there.
const DEPTH: usize = 16;

/// Returns a value for a schema.
pub(crate) fn sample(schema: &Value) -> Value {
    value(schema, schema, DEPTH)
}

fn value(schema: &Value, root: &Value, depth: usize) -> Value {
    if depth == 0 {
        return Value::Null;
    }
    if let Some(target) = schema["$ref"].as_str().and_then(|name| name.strip_prefix('#')) {
        return root.pointer(target).map_or(Value::Null, |found| value(found, root, depth - 1));
    }
    for keyword in ["const", "default"] {
        if let Some(given) = schema.get(keyword) {
            return given.clone();
        }
    }
    for keyword in ["enum", "examples"] {
        if let Some(first) = schema[keyword].get(0) {
            return first.clone();
        }
    }
    for keyword in ["anyOf", "oneOf", "allOf"] {
        if let Some(first) = schema[keyword].get(0) {
            return value(first, root, depth - 1);
        }
    }
    of_type(schema, root, depth)
}

fn of_type(schema: &Value, root: &Value, depth: usize) -> Value {
    let kind = match &schema["type"] {
        Value::Array(kinds) => {
            kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or("null")
        }
        kind => kind.as_str().unwrap_or(if schema.get("properties").is_some() { "object" } else { "" }),
    };
    match kind {
        "string" => json!(string(schema)),
        "integer" => json!(number(schema).ceil() as i64),
        "number" => json!(number(schema)),
        "boolean" => json!(false),
        "array" => {
            let count = schema["minItems"].as_u64().unwrap_or(0).min(8);
            (0..count).map(|_| value(&schema["items"], root, depth - 1)).collect()
        }
        "object" => {
            let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let properties = &schema["properties"];
            let fields = required.map(|name| (name.to_owned(), value(&properties[name], root, depth - 1)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        _ => Value::Null,
    }
}

fn string(schema: &Value) -> String {
    let text = match schema["format"].as_str() {
        Some("date-time") => "2026-01-01T00:00:00Z",
        Some("date") => "2026-01-01",
        Some("time") => "00:00:00Z",
        Some("uri") => "https://example.com/",
        Some("email") => "test@example.com",
        Some("uuid") => "00000000-0000-4000-8000-000000000000",
        Some("ipv4") => "127.0.0.1",
        _ => "test",
    };
    let least = usize::try_from(schema["minLength"].as_u64().unwrap_or(0)).unwrap_or(0).min(4096);
    let most = usize::try_from(schema["maxLength"].as_u64().unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
    let padded = format!("{text}{}", "x".repeat(least.saturating_sub(text.len())));
    padded.chars().take(most).collect()
}

fn number(schema: &Value) -> f64 {
    let least = schema["minimum"].as_f64();
    let above = schema["exclusiveMinimum"].as_f64().map(|least| least + 1.0);
    let most = schema["maximum"].as_f64().unwrap_or(f64::MAX);
    least.or(above).unwrap_or(1.0).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_what_is_required_and_is_valid() {
        let schema = json!({
            "type": "object",
            "required": ["name", "size", "when", "kind", "inner", "tags", "any"],
            "properties": {
                "name": { "type": ["null", "string"], "minLength": 9 },
                "size": { "type": "integer", "minimum": 3 },
                "when": { "type": "string", "format": "date-time" },
                "kind": { "enum": ["a", "b"] },
                "inner": { "$ref": "#/$defs/inner" },
                "tags": { "type": "array", "minItems": 1, "items": { "type": "boolean" } },
                "any": { "anyOf": [{ "type": "number" }, { "type": "null" }] },
                "unneeded": { "type": "string" },
            },
            "$defs": { "inner": { "type": "object", "required": ["x"], "properties": { "x": { "const": 5 } } } },
        });
        let made = sample(&schema);
        assert!(jsonschema::validator_for(&schema).expect("a schema").is_valid(&made), "{made}");
        assert!(made.get("unneeded").is_none());
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        let schema =
            json!({ "type": "object", "required": ["next"], "properties": { "next": { "$ref": "#" } } });
        assert!(sample(&schema).to_string().len() < 1000);
    }
}
