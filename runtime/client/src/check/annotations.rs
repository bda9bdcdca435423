//! The `x-mcp-header` annotations of an input schema: which arguments of a call are repeated in headers.

use std::collections::BTreeSet;

use serde_json::Value;

/// The annotations of one schema.
#[derive(Debug, Default)]
pub(crate) struct Annotations {
    /// How many there are.
    pub(crate) count: usize,
    /// What is wrong with them, each with the header.
    pub(crate) problems: Vec<String>,
}

/// An annotation, the property that it is on, and whether a property may have one there.
struct Annotated<'s> {
    header: &'s Value,
    property: &'s Value,
    may: bool,
}

/// Reads the annotations of an input schema.
pub(crate) fn annotations_of(schema: &Value) -> Annotations {
    let (mut found, mut names) = (Vec::new(), BTreeSet::new());
    collect(schema, true, &mut found);
    let problems = found.iter().filter_map(|one| problem(one, &mut names)).collect();
    Annotations { count: found.len(), problems }
}

fn problem(annotated: &Annotated<'_>, names: &mut BTreeSet<String>) -> Option<String> {
    let Annotated { header, property, may } = annotated;
    let token = header.as_str().unwrap_or_default();
    let is_of_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let kind = &property["type"];
    if token.is_empty() || !token.bytes().all(is_of_token) {
        Some(format!("x-mcp-header {header} is not the name of a header"))
    } else if !names.insert(token.to_ascii_lowercase()) {
        Some(format!("x-mcp-header {header} is there twice"))
    } else if !["string", "integer", "boolean"].iter().any(|one| kind == one) {
        Some(format!("x-mcp-header {header} is on a property of type {kind}"))
    } else if !may {
        Some(format!("x-mcp-header {header} is not on a property that is always reached"))
    } else {
        None
    }
}

/// Annotations count on properties that are reached through `properties` alone.
fn collect<'s>(schema: &'s Value, may: bool, found: &mut Vec<Annotated<'s>>) {
    match schema {
        Value::Object(fields) => {
            for (key, inner) in fields {
                if key == "properties" {
                    for property in inner.as_object().into_iter().flat_map(|all| all.values()) {
                        note(property, may, found);
                        collect(property, may, found);
                    }
                } else {
                    note(inner, false, found);
                    collect(inner, false, found);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, false, found)),
        _ => {}
    }
}

fn note<'s>(property: &'s Value, may: bool, found: &mut Vec<Annotated<'s>>) {
    if let Some(header) = property.get("x-mcp-header") {
        found.push(Annotated { header, property, may });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_annotation_is_a_token_once_on_a_scalar_that_is_always_reached() {
        let with = |header: Value, kind: &str| json!({ "type": kind, "x-mcp-header": header });
        let good = json!({ "properties": { "a": with(json!("Region"), "string"),
            "b": { "type": "object", "properties": { "c": with(json!("Tenant-Id"), "integer") } } } });
        let annotations = annotations_of(&good);
        assert_eq!((annotations.count, annotations.problems.len()), (2, 0));
        for (schema, expected) in [
            (json!({ "properties": { "a": with(json!("a b"), "string") } }), "not the name"),
            (json!({ "properties": { "a": with(json!(7), "string") } }), "not the name"),
            (json!({ "properties": { "a": with(json!("A"), "number") } }), "of type \"number\""),
            (json!({ "items": with(json!("A"), "string") }), "always reached"),
            (
                json!({ "properties": { "a": with(json!("A"), "string"), "b": with(json!("a"), "string") } }),
                "there twice",
            ),
        ] {
            let problems = annotations_of(&schema).problems;
            assert!(problems.len() == 1 && problems[0].contains(expected), "{problems:?}");
        }
    }
}
