//! Schemas in the words of a target.

use serde_json::{Map, Value, json};

use super::flatten::flatten;

fn flat(schema: &Value) -> (Value, Vec<String>) {
    let mut lost = Vec::new();
    let flat = flatten(schema, "$", &mut |path, what| lost.push(format!("{path} {what}")));
    (flat, lost)
}

/// Each schema, what stands for it, and what is named as lost.
#[test]
fn a_schema_is_written_in_five_words_and_each_loss_is_named() {
    let cases = [
        (
            json!({ "type": "object", "properties": { "a": { "type": "string", "description": "A" } }, "required": ["a"] }),
            json!({ "type": "object", "properties": { "a": { "type": "string", "description": "A" } }, "required": ["a"] }),
            vec![],
        ),
        (
            json!({ "type": "string", "enum": ["x", "y"], "description": "A letter" }),
            json!({ "type": "string", "description": "A letter (one of \"x\", \"y\")" }),
            vec!["$.enum is put into the description"],
        ),
        (
            json!({ "type": ["integer", "null"], "minimum": 1 }),
            json!({ "type": "integer", "description": "minimum 1" }),
            vec![
                "$.type allows null, which is left out: leave the value out instead",
                "$.minimum is put into the description",
            ],
        ),
        (
            json!({ "$ref": "#/$defs/A", "$defs": { "A": { "type": "array", "items": { "type": "number" } } } }),
            json!({ "type": "array", "items": { "type": "number" } }),
            vec![],
        ),
        (
            json!({ "$ref": "https://example.com/schema" }),
            json!({ "type": "string" }),
            vec![
                "$.$ref refers to \"https://example.com/schema\", which is not in the schema, and is left out",
                "$ has no type: a string stands for any value",
            ],
        ),
        (
            json!({ "oneOf": [{ "const": "a" }, { "const": "b" }] }),
            json!({ "type": "string", "description": "one of \"a\", \"b\"" }),
            vec!["$.oneOf is put into the description"],
        ),
        (
            json!({ "oneOf": [
                { "type": "object", "properties": { "a": { "type": "string" }, "k": { "type": "string" } }, "required": ["k", "a"] },
                { "type": "object", "properties": { "b": { "type": "string" } }, "required": ["k"] },
            ] }),
            json!({ "type": "object", "properties": { "a": { "type": "string" }, "k": { "type": "string" }, "b": { "type": "string" } }, "required": ["k"] }),
            vec!["$.oneOf has 2 alternatives (object), of which one stands for all"],
        ),
        (
            json!({ "anyOf": [{ "type": "string" }, { "type": "number" }] }),
            json!({ "type": "string", "description": "one of the types string, number" }),
            vec!["$.anyOf has 2 alternatives (string, number), of which one stands for all"],
        ),
        (
            json!({ "allOf": [{ "type": "object", "properties": { "a": { "type": "string" } } }, { "required": ["a", "b"] }], "additionalProperties": false }),
            json!({ "type": "object", "properties": { "a": { "type": "string" } }, "required": ["a"] }),
            vec![
                "$.additionalProperties is left out",
                "$.required names b, which has no schema and is left out",
            ],
        ),
    ];
    for (schema, expected, losses) in cases {
        let (written, lost) = flat(&schema);
        assert_eq!(written, expected, "{schema}");
        assert_eq!(lost, losses, "{schema}");
    }
}

#[test]
fn a_schema_that_contains_itself_ends() {
    let tree = json!({ "$ref": "#/$defs/Node", "$defs": { "Node": {
        "type": "object",
        "properties": { "name": { "type": "string" }, "next": { "$ref": "#/$defs/Node" } },
    } } });
    let (written, lost) = flat(&tree);
    let expected = json!({ "type": "object", "properties": { "name": { "type": "string" }, "next": { "type": "object" } } });
    assert_eq!(written, expected);
    assert_eq!(lost.len(), 1);
    assert!(lost[0].starts_with("$.properties.next.$ref refers to a schema that contains it"), "{lost:?}");
}

/// References that double at each level would be a schema of any size.
#[test]
fn a_schema_of_few_bytes_does_not_become_one_of_any_size() {
    let mut definitions = Map::new();
    definitions.insert("L0".into(), json!({ "type": "string" }));
    for level in 1..40 {
        let below = json!({ "$ref": format!("#/$defs/L{}", level - 1) });
        let doubled = json!({ "type": "object", "properties": { "a": below.clone(), "b": below } });
        definitions.insert(format!("L{level}"), doubled);
    }
    let (written, lost) = flat(&json!({ "$ref": "#/$defs/L39", "$defs": definitions }));
    assert!(written.to_string().len() < 1_000_000);
    assert!(lost.iter().any(|loss| loss.contains("repeated too often")));
}

/// Only the five words are left, in every place.
#[test]
fn nothing_but_the_five_words_is_written() {
    let written = flat(&json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Call", "type": "object",
        "properties": {
            "any": true, "none": false, "untyped": {}, "list": { "type": "array" },
            "tuple": { "type": "array", "prefixItems": [{ "type": "string" }] },
            "nested": { "type": "object", "patternProperties": { "^x": {} }, "propertyNames": { "maxLength": 3 } },
            "null": { "type": "null" }, "x": { "type": "string", "x-mcp-header": "X", "examples": ["a"] },
        },
    }));
    fn check(value: &Value) {
        let object = value.as_object().expect("a schema");
        assert!(object["type"].is_string(), "{value}");
        for (keyword, inner) in object {
            match keyword.as_str() {
                "type" | "description" => assert!(inner.is_string(), "{value}"),
                "required" => assert!(inner.is_array()),
                "items" => check(inner),
                "properties" => inner.as_object().expect("properties").values().for_each(check),
                other => panic!("{other}"),
            }
        }
    }
    check(&written.0);
    assert_eq!(written.1.len(), 9, "{:#?}", written.1);
}
