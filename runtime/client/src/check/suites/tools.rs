//! The list of tools, and their calls.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::links::{PAGES, TOOLS};
use crate::check::{
    facts::PAGES as MOST_PAGES,
    finding::{Checked, ensure, failed, skipped, warning},
    probe::Probe,
    row::{Check, check},
    wire::brief,
};

pub(crate) const CHECKS: &[Check] = &[
    check!(
        "tools.list",
        Tools,
        Each,
        "Shape of the list",
        "Every tool has a name and an inputSchema that is an object of type \"object\".",
        TOOLS,
        shape
    ),
    check!(
        "tools.names",
        Tools,
        Each,
        "Names",
        "Names are unique, and have 1 to 128 of the characters A-Z, a-z, 0-9, _, - and dot.",
        TOOLS,
        names
    ),
    check!(
        "tools.pages",
        Tools,
        Each,
        "Pages",
        "The pages of the list come to an end, and no tool is on two of them.",
        PAGES,
        pages
    ),
    check!(
        "tools.cursor",
        Tools,
        Each,
        "A cursor that the server has not given",
        "An invalid cursor should be refused with -32602.",
        PAGES,
        cursor
    ),
    check!("tools.order", Tools, Stateless, "Order", "The list has the same order each time.", TOOLS, order),
    check!(
        "tools.unknown",
        Tools,
        Each,
        "An unknown tool",
        "A call of an unknown tool is an error with -32602.",
        TOOLS,
        unknown
    ),
    check!(
        "tools.result",
        Tools,
        Each,
        "Shape of results",
        "The result of a call has a list of content, each with a known type and its fields.",
        TOOLS,
        result
    ),
    check!(
        "tools.arguments",
        Tools,
        Each,
        "Invalid arguments",
        "Arguments that break the input schema are refused: by isError, or by -32602.",
        TOOLS,
        arguments
    ),
    check!(
        "tools.output-schema",
        Tools,
        Each,
        "Structured content",
        "structuredContent conforms to the outputSchema of its tool, which requires it.",
        TOOLS,
        output_schema
    ),
    check!(
        "tools.structured-text",
        Tools,
        Each,
        "Structured content as a text",
        "A result with structuredContent should have its JSON in a text as well.",
        TOOLS,
        structured_text
    ),
];

/// How many tools are called in one check.
const CALLS: usize = 12;

async fn page(probe: &Probe<'_>, cursor: Option<&Value>) -> Checked<Value> {
    let params = cursor.map_or(json!({}), |cursor| json!({ "cursor": cursor }));
    probe.request("tools/list", params).await?.send().await?.result().await
}

fn has_tools(probe: &Probe<'_>) -> Checked {
    if !probe.capabilities()["tools"].is_object() {
        skipped!("the server has no tools");
    }
    Ok(())
}

async fn shape(probe: &Probe<'_>) -> Checked {
    has_tools(probe)?;
    let list = page(probe, None).await?;
    let Some(tools) = list["tools"].as_array() else { failed!("tools is not a list: {}", brief(&list)) };
    for tool in tools {
        ensure!(tool["name"].is_string(), "a tool has no name: {}", brief(tool));
        let kind = &tool["inputSchema"]["type"];
        ensure!(kind == "object", "the inputSchema of {} has the type {kind}", tool["name"]);
    }
    Ok(())
}

async fn names(probe: &Probe<'_>) -> Checked {
    has_tools(probe)?;
    let list = page(probe, None).await?;
    let mut seen = BTreeSet::new();
    for name in list["tools"].as_array().into_iter().flatten().filter_map(|tool| tool["name"].as_str()) {
        let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        let fits = (1..=128).contains(&name.len()) && name.bytes().all(is_valid);
        ensure!(fits, "{name:?} has other characters, or too many");
        ensure!(seen.insert(name), "{name:?} is there twice");
    }
    Ok(())
}

async fn pages(probe: &Probe<'_>) -> Checked {
    has_tools(probe)?;
    let (mut cursors, mut names, mut cursor) = (BTreeSet::new(), BTreeSet::new(), None);
    for _ in 0..MOST_PAGES {
        let list = page(probe, cursor.as_ref()).await?;
        let next = list["nextCursor"].clone();
        if !next.is_null() {
            ensure!(next.is_string(), "nextCursor is {next}");
            ensure!(cursors.insert(next.to_string()), "the cursor {next} came twice: the pages have no end");
        }
        let here: BTreeSet<String> =
            list["tools"].as_array().into_iter().flatten().map(|tool| tool["name"].to_string()).collect();
        if let Some(name) = here.intersection(&names).next() {
            failed!("{name} is on two pages");
        }
        names.extend(here);
        if next.is_null() {
            return Ok(());
        }
        cursor = Some(next);
    }
    warning!("the list has more than {MOST_PAGES} pages")
}

async fn cursor(probe: &Probe<'_>) -> Checked {
    has_tools(probe)?;
    let draft = probe.request("tools/list", json!({ "cursor": "mcp-lambda-none" })).await?;
    let refusal = draft.send().await?.refusal().await?;
    if refusal.code != Some(-32602) {
        warning!("an invented cursor got {refusal}");
    }
    Ok(())
}

async fn order(probe: &Probe<'_>) -> Checked {
    has_tools(probe)?;
    let first = page(probe, None).await?["tools"].take();
    for _ in 0..2 {
        let again = page(probe, None).await?["tools"].take();
        ensure!(again == first, "two lists differ: {} and {}", brief(&first), brief(&again));
    }
    Ok(())
}

async fn unknown(probe: &Probe<'_>) -> Checked {
    has_tools(probe)?;
    let params = json!({ "name": "mcp-lambda-none", "arguments": {} });
    let refusal = probe.request("tools/call", params).await?.send().await?.refusal().await?;
    if refusal.code == Some(-32602) {
        return Ok(());
    }
    if refusal.body["result"]["isError"] == true {
        warning!("an unknown tool got a result with isError instead of an error with -32602");
    }
    failed!("an unknown tool got {refusal}")
}

/// Calls every tool that may be called, and returns what came with the tool.
async fn results<'a>(probe: &Probe<'a>) -> Checked<Vec<(&'a Value, Value)>> {
    let mut results = Vec::new();
    for (tool, arguments) in probe.callable().into_iter().take(CALLS) {
        let response = probe.call(tool, &arguments, None).await?.send().await?.response().await?;
        results.push((tool, response["result"].clone()));
    }
    if results.is_empty() {
        skipped!("no tool declares readOnlyHint, and --tool names none");
    }
    // What asks for input, or is a task, has no content.
    results.retain(|(_, result)| {
        result.is_object() && result["resultType"].as_str().unwrap_or("complete") == "complete"
    });
    Ok(results)
}

async fn result(probe: &Probe<'_>) -> Checked {
    for (tool, result) in results(probe).await? {
        let name = &tool["name"];
        let Some(content) = result["content"].as_array() else {
            failed!("the result of {name} has no list of content: {}", brief(&result))
        };
        for block in content {
            let has = |field: &str| block[field].is_string();
            let is_whole = match block["type"].as_str() {
                Some("text") => has("text"),
                Some("image" | "audio") => has("data") && has("mimeType"),
                Some("resource_link") => has("uri") && has("name"),
                Some("resource") => block["resource"]["uri"].is_string(),
                _ => false,
            };
            ensure!(is_whole, "the result of {name} has the content {}", brief(block));
        }
    }
    Ok(())
}

async fn arguments(probe: &Probe<'_>) -> Checked {
    let mut callable = probe.callable().into_iter();
    let of_text = |tool: &&Value| {
        let properties = tool["inputSchema"]["properties"].as_object();
        properties
            .and_then(|all| all.iter().find(|(_, one)| one["type"] == "string").map(|(name, _)| name.clone()))
    };
    let Some((tool, mut made, name)) =
        callable.find_map(|(tool, made)| of_text(&tool).map(|name| (tool, made, name)))
    else {
        skipped!("no tool that may be called has an argument of text")
    };
    made[&name] = json!({ "not": ["a", "text"] });
    let draft = probe.call(tool, &made, None).await?.without(&header_of(tool, &name));
    let refusal = draft.send().await?.refusal().await?;
    let is_refused = refusal.code.is_some() || refusal.body["result"]["isError"] == true;
    ensure!(is_refused, "{} took an object for its argument {name} of text: {refusal}", tool["name"]);
    Ok(())
}

fn header_of(tool: &Value, name: &str) -> String {
    let header = tool["inputSchema"]["properties"][name]["x-mcp-header"].as_str().unwrap_or_default();
    format!("mcp-param-{header}")
}

async fn output_schema(probe: &Probe<'_>) -> Checked {
    let mut seen = 0;
    for (tool, result) in results(probe).await? {
        let Some(schema) = tool.get("outputSchema").filter(|_| result["isError"] != true) else { continue };
        // A schema that cannot be read is the finding of another check.
        let Ok(validator) = jsonschema::validator_for(schema) else { continue };
        let Some(content) = result.get("structuredContent") else {
            failed!("{} has an outputSchema, and its result no structuredContent", tool["name"])
        };
        if let Err(error) = validator.validate(content) {
            failed!("the structuredContent of {} breaks its outputSchema: {error}", tool["name"]);
        }
        seen += 1;
    }
    if seen == 0 {
        skipped!("no tool that may be called has an outputSchema");
    }
    Ok(())
}

async fn structured_text(probe: &Probe<'_>) -> Checked {
    let mut seen = 0;
    for (tool, result) in results(probe).await? {
        let Some(structured) = result.get("structuredContent") else { continue };
        let texts =
            result["content"].as_array().into_iter().flatten().filter_map(|block| block["text"].as_str());
        let mut values = texts.filter_map(|text| serde_json::from_str::<Value>(text).ok());
        if !values.any(|value| value == *structured) {
            warning!("the structuredContent of {} is in no text of its result", tool["name"]);
        }
        seen += 1;
    }
    if seen == 0 {
        skipped!("no tool that may be called has structured content");
    }
    Ok(())
}
