//! The schemas of tools, and the headers that they ask for.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::links::{JSON_SCHEMA, METADATA};
use crate::check::{
    finding::{Checked, ensure, failed, skipped},
    probe::Probe,
    row::{Check, check},
};

pub(crate) const CHECKS: &[Check] = &[
    check!(
        "tools.schemas",
        Tools,
        Each,
        "Schemas",
        "Input and output schemas are valid JSON Schema, of 2020-12 unless they name another dialect.",
        JSON_SCHEMA,
        schemas
    ),
    check!(
        "tools.header-annotations",
        Tools,
        Stateless,
        "x-mcp-header",
        "x-mcp-header names a token, unique in its schema, on a property that is a string, an integer or a boolean.",
        METADATA,
        annotations
    ),
    check!(
        "tools.param-headers",
        Tools,
        Stateless,
        "Mcp-Param-*",
        "A header Mcp-Param-* that is missing, or differs from its argument, is refused with 400 and -32020.",
        METADATA,
        param_headers
    ),
];

async fn schemas(probe: &Probe<'_>) -> Checked {
    if probe.tools().is_empty() {
        skipped!("the server lists no tools");
    }
    for tool in probe.tools() {
        for name in ["inputSchema", "outputSchema"] {
            let Some(schema) = tool.get(name) else { continue };
            if let Err(error) = jsonschema::meta::validate(schema) {
                failed!("the {name} of {} is not valid: {error}", tool["name"]);
            }
        }
    }
    Ok(())
}

/// Each `x-mcp-header` of a schema with its property, and whether it is where it may be.
fn annotated<'v>(schema: &'v Value, may: bool, found: &mut Vec<(&'v Value, &'v Value, bool)>) {
    match schema {
        Value::Object(fields) => {
            for (key, inner) in fields {
                if key == "properties" {
                    for property in inner.as_object().into_iter().flat_map(|all| all.values()) {
                        if let Some(header) = property.get("x-mcp-header") {
                            found.push((header, property, may));
                        }
                        annotated(property, may, found);
                    }
                } else {
                    if inner.get("x-mcp-header").is_some() {
                        found.push((&inner["x-mcp-header"], inner, false));
                    }
                    annotated(inner, false, found);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| annotated(item, false, found)),
        _ => {}
    }
}

async fn annotations(probe: &Probe<'_>) -> Checked {
    let mut seen = 0;
    for tool in probe.tools() {
        let (mut found, mut names) = (Vec::new(), BTreeSet::new());
        annotated(&tool["inputSchema"], true, &mut found);
        for (header, property, may) in found {
            let name = &tool["name"];
            let token = header.as_str().unwrap_or_default();
            let is_token = !token.is_empty()
                && token
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
            ensure!(is_token, "{name}: x-mcp-header {header} is not the name of a header");
            ensure!(names.insert(token.to_ascii_lowercase()), "{name}: x-mcp-header {header} is there twice");
            let kind = &property["type"];
            let fits = ["string", "integer", "boolean"].iter().any(|one| kind == one);
            ensure!(fits, "{name}: x-mcp-header {header} is on a property of type {kind}");
            ensure!(may, "{name}: x-mcp-header {header} is not on a property that is always reached");
            seen += 1;
        }
    }
    if seen == 0 {
        skipped!("no tool has an x-mcp-header");
    }
    Ok(())
}

async fn param_headers(probe: &Probe<'_>) -> Checked {
    let candidate = probe.callable().into_iter().find_map(|(tool, arguments)| {
        let properties = tool["inputSchema"]["properties"].as_object()?;
        let (name, property) =
            properties.iter().find(|(_, one)| one["x-mcp-header"].is_string() && one["type"] == "string")?;
        Some((tool, arguments, name, format!("Mcp-Param-{}", property["x-mcp-header"].as_str()?)))
    });
    let Some((tool, mut arguments, name, header)) = candidate else {
        skipped!("no tool that may be called has an x-mcp-header on a text")
    };
    arguments[name] = json!("mcp-lambda");
    let call = probe.call(tool, &arguments, None).await?;
    call.clone().send().await?.result().await?;
    let missing = call.clone().without(&header).send().await?.refusal().await?;
    missing.expect(&format!("{} without {header}", tool["name"]), &[400], -32020)?;
    let different = call.header(&header, "mcp-lambda-other").send().await?.refusal().await?;
    different.expect(&format!("{} with another {header}", tool["name"]), &[400], -32020)
}
