//! The schemas of a tool.

use jsonschema::error::ValidationErrorKind;
use serde_json::{Map, Value};

use super::{
    parts::{Part, parts},
    report::{Findings, Subject},
    rules::{
        DEFAULT, DIALECT, HEADER, INPUT_SCHEMA, JSON_SCHEMA_RULE, OUTPUT_SCHEMA, REFERENCE, SATISFIABLE,
    },
};
use crate::check::annotations_of;

/// The most defaults of one schema that are compared with it, and errors of one schema that are findings.
const MOST: usize = 200;

/// Compares the schemas of a tool with the rules of MCP and JSON Schema.
pub(super) fn tool(tool: &Value, subject: Subject<'_>, is_stateless: bool, findings: &mut Findings) {
    let input = &tool["inputSchema"];
    if input["type"] == "object" {
        schema(input, "inputSchema", subject, findings);
    } else {
        let problem = match input {
            Value::Null => "is missing".to_owned(),
            Value::Object(fields) => match fields.get("type") {
                None => "has no type".to_owned(),
                Some(kind) => format!("has the type {kind}"),
            },
            _ => "is not an object".to_owned(),
        };
        findings.add(INPUT_SCHEMA, subject, "inputSchema", problem);
    }
    if is_stateless {
        for problem in annotations_of(input).problems {
            findings.add(HEADER, subject, "inputSchema", problem);
        }
    }
    let Some(output) = tool.get("outputSchema") else { return };
    if !output.is_object() {
        findings.add(OUTPUT_SCHEMA, subject, "outputSchema", "is not an object");
    } else if !is_stateless && output["type"] != "object" {
        findings.add(OUTPUT_SCHEMA, subject, "outputSchema", format!("has the type {}", output["type"]));
    } else {
        schema(output, "outputSchema", subject, findings);
    }
}

/// Compares one schema with its dialect.
fn schema(schema: &Value, place: &str, subject: Subject<'_>, findings: &mut Findings) {
    if schema.get("$schema").is_some_and(|dialect| !dialect.is_string()) {
        return findings.add(DIALECT, subject, &format!("{place}/$schema"), "is not a text");
    }
    let meta = match jsonschema::meta::validator_for(schema) {
        Ok(meta) => meta,
        Err(error) => {
            return findings.add(DIALECT, subject, &format!("{place}/$schema"), error.to_string());
        }
    };
    let mut is_valid = true;
    for error in meta.iter_errors(schema).take(MOST) {
        is_valid = false;
        let at = format!("{place}{}", error.instance_path());
        findings.add(JSON_SCHEMA_RULE, subject, &at, error.to_string());
    }
    if !is_valid {
        return;
    }
    if let Err(error) = jsonschema::options().offline().build(schema) {
        let is_reference = matches!(error.kind(), ValidationErrorKind::Referencing(_));
        let rule = if is_reference { REFERENCE } else { JSON_SCHEMA_RULE };
        let at = if is_reference { place.to_owned() } else { format!("{place}{}", error.instance_path()) };
        return findings.add(rule, subject, &at, error.to_string());
    }
    let parts = parts(schema);
    for part in &parts {
        forbidden(part, place, subject, findings);
    }
    for part in parts.iter().filter(|part| part.schema.get("default").is_some()).take(MOST) {
        default(schema, part, place, subject, findings);
    }
}

/// `additionalProperties` looks at the properties beside it alone, and not at those of combined schemas.
fn forbidden(part: &Part<'_>, place: &str, subject: Subject<'_>, findings: &mut Findings) {
    let Part { schema, path, .. } = part;
    if schema["additionalProperties"] != false || schema.get("patternProperties").is_some() {
        return;
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if schema["properties"].get(name).is_none() {
            let problem = format!("{name:?} is required, no property, and additionalProperties is false");
            findings.add(SATISFIABLE, subject, &format!("{place}{path}/required"), problem);
        }
    }
}

fn default(root: &Value, part: &Part<'_>, place: &str, subject: Subject<'_>, findings: &mut Findings) {
    let Some(validator) = within(root, part.schema) else { return };
    if let Err(error) = validator.validate(&part.schema["default"]) {
        findings.add(DEFAULT, subject, &format!("{place}{}/default", part.path), error.to_string());
    }
}

/// A validator of a schema within another. `None` if it cannot be built alone, as one that refers to another place of the outer.
pub(crate) fn within(root: &Value, schema: &Value) -> Option<jsonschema::Validator> {
    let mut alone: Map<String, Value> = schema.as_object()?.clone();
    // What references point to.
    for definitions in ["$schema", "$defs", "definitions"] {
        if let Some(found) = root.get(definitions) {
            alone.entry(definitions).or_insert_with(|| found.clone());
        }
    }
    jsonschema::options().offline().build(&Value::Object(alone)).ok()
}
