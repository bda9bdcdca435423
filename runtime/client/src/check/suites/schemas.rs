//! The schemas of tools, and the headers that they ask for.

use serde_json::json;

use super::links::{JSON_SCHEMA, METADATA};
use crate::check::{
    annotations::annotations_of,
    finding::{Checked, failed, skipped},
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

async fn annotations(probe: &Probe<'_>) -> Checked {
    let mut seen = 0;
    for tool in probe.tools() {
        let found = annotations_of(&tool["inputSchema"]);
        if let Some(problem) = found.problems.first() {
            failed!("{}: {problem}", tool["name"]);
        }
        seen += found.count;
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
