//! A schema and all schemas within it.

use serde_json::Value;

/// A schema within a schema.
#[derive(Debug, Clone)]
pub(super) struct Part<'s> {
    pub(super) schema: &'s Value,
    /// The JSON pointer from the outermost schema, `` of itself.
    pub(super) path: String,
    /// How many objects contain each other here, this one included.
    pub(super) objects: usize,
}

/// Keywords with a schema.
const ONE: [&str; 12] = [
    "additionalItems",
    "additionalProperties",
    "contains",
    "contentSchema",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];
/// Keywords with a list of schemas.
const LIST: [&str; 5] = ["allOf", "anyOf", "items", "oneOf", "prefixItems"];
/// Keywords with an object of schemas.
const MAP: [&str; 5] = ["$defs", "definitions", "dependentSchemas", "patternProperties", "properties"];

/// The schema, and every schema within it.
pub(super) fn parts(schema: &Value) -> Vec<Part<'_>> {
    let mut found = Vec::new();
    add(schema, String::new(), 0, &mut found);
    found
}

fn add<'s>(schema: &'s Value, path: String, outer: usize, found: &mut Vec<Part<'s>>) {
    let Some(fields) = schema.as_object() else { return };
    let objects = outer + usize::from(fields.contains_key("properties"));
    for (keyword, value) in fields {
        let keyword = keyword.as_str();
        match value {
            Value::Object(inner) if MAP.contains(&keyword) => {
                // Definitions are reached by references, at the place of these.
                let outer = if keyword == "properties" { objects } else { outer };
                for (name, one) in inner {
                    add(one, format!("{path}/{keyword}/{}", escaped(name)), outer, found);
                }
            }
            Value::Object(_) if ONE.contains(&keyword) => {
                add(value, format!("{path}/{keyword}"), objects, found);
            }
            Value::Array(inner) if LIST.contains(&keyword) => {
                for (at, one) in inner.iter().enumerate() {
                    add(one, format!("{path}/{keyword}/{at}"), objects, found);
                }
            }
            _ => {}
        }
    }
    found.push(Part { schema, path, objects });
}

/// A name as a JSON pointer has it.
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_schema_has_its_pointer_and_its_level() {
        let schema = json!({ "properties": {
            "a/b": { "type": "array", "items": { "properties": { "c": { "enum": [1] } } } },
            "d": { "anyOf": [{ "type": "null" }] },
            "items": true,
        }, "default": { "properties": { "e": {} } } });
        let mut found: Vec<_> = parts(&schema).into_iter().map(|part| (part.path, part.objects)).collect();
        found.sort();
        let expected = [
            ("", 1),
            ("/properties/a~1b", 1),
            ("/properties/a~1b/items", 2),
            ("/properties/a~1b/items/properties/c", 2),
            ("/properties/d", 1),
            ("/properties/d/anyOf/0", 1),
        ];
        assert_eq!(found, expected.map(|(path, level)| (path.to_owned(), level)));
        assert!(parts(&json!([1, 2])).is_empty() && parts(&json!(null)).is_empty());
    }
}
