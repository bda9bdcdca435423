//! What the APIs of language models take.

use serde_json::Value;

use super::{
    parts::{Part, escaped, parts},
    provider::Provider,
    report::{Findings, Subject},
    rules::{
        ANTHROPIC_NAME, ANTHROPIC_PROPERTY, ANTHROPIC_TOP, BEDROCK_DESCRIPTION, BEDROCK_NAME, GEMINI_ENUM,
        GEMINI_ITEMS, GEMINI_NAME, GEMINI_PROPERTY, OPENAI_DESCRIPTION, OPENAI_NAME, OPENAI_SIZE, OPENAI_TOP,
        Rule,
    },
};

const DESCRIPTION: usize = 1_024;
const OBJECTS: usize = 10;
const PROPERTIES: usize = 5_000;
const VALUES: usize = 1_000;
const NAMES: usize = 120_000;

/// Compares a tool with the limits of one API.
pub(super) fn tool(provider: Provider, tool: &Value, subject: Subject<'_>, findings: &mut Findings) {
    let (name, schema) = (tool["name"].as_str().unwrap_or_default(), &tool["inputSchema"]);
    let found = parts(schema);
    match provider {
        Provider::OpenAi => {
            named(OPENAI_NAME, name, 64, "_-", subject, findings);
            openai_description(tool, subject, findings);
            root(OPENAI_TOP, &["anyOf", "oneOf", "allOf", "enum", "not"], schema, subject, findings);
            openai_size(&found, subject, findings);
        }
        Provider::Anthropic => {
            named(ANTHROPIC_NAME, name, 128, "_-", subject, findings);
            root(ANTHROPIC_TOP, &["anyOf", "oneOf", "allOf"], schema, subject, findings);
            anthropic_properties(&found, subject, findings);
        }
        Provider::Gemini => {
            let begins = name.starts_with(|one: char| one.is_ascii_alphabetic() || one == '_');
            if begins {
                named(GEMINI_NAME, name, 64, "_-.:", subject, findings);
            } else {
                findings.add(GEMINI_NAME, subject, "name", "begins with another character");
            }
            gemini(&found, subject, findings);
        }
        Provider::Bedrock => {
            named(BEDROCK_NAME, name, 64, "_-", subject, findings);
            if tool["description"].as_str().is_some_and(str::is_empty) {
                findings.add(BEDROCK_DESCRIPTION, subject, "description", "is empty");
            }
        }
    }
}

/// A name of letters, digits and these characters.
fn named(rule: Rule, name: &str, most: usize, others: &str, subject: Subject<'_>, findings: &mut Findings) {
    if let Some(problem) = problem_of_name(name, most, others) {
        findings.add(rule, subject, "name", problem);
    }
}

fn problem_of_name(name: &str, most: usize, others: &str) -> Option<String> {
    let other = name.chars().find(|one| !one.is_ascii_alphanumeric() && !others.contains(*one));
    match (other, name.chars().count()) {
        (Some(one), _) => Some(format!("has the character {one:?}")),
        (_, 0) => Some("is empty".to_owned()),
        (_, count) if count > most => Some(format!("has {count} characters, more than {most}")),
        _ => None,
    }
}

fn root(rule: Rule, refused: &[&str], schema: &Value, subject: Subject<'_>, findings: &mut Findings) {
    for keyword in refused.iter().filter(|keyword| schema.get(**keyword).is_some()) {
        findings.add(rule, subject, &format!("inputSchema/{keyword}"), format!("{keyword} is at the root"));
    }
}

fn openai_description(tool: &Value, subject: Subject<'_>, findings: &mut Findings) {
    let count = tool["description"].as_str().map_or(0, |text| text.chars().count());
    if count > DESCRIPTION {
        let problem = format!("has {count} characters, more than {DESCRIPTION}");
        findings.add(OPENAI_DESCRIPTION, subject, "description", problem);
    }
}

fn openai_size(found: &[Part<'_>], subject: Subject<'_>, findings: &mut Findings) {
    let names = || found.iter().flat_map(names_of);
    let values = found.iter().filter_map(|part| part.schema["enum"].as_array()).map(Vec::len).sum::<usize>();
    for (what, count, most) in [
        ("levels of objects", found.iter().map(|part| part.objects).max().unwrap_or(0), OBJECTS),
        ("properties", names().count(), PROPERTIES),
        ("values of enums", values, VALUES),
        ("characters of names", names().map(|name| name.chars().count()).sum(), NAMES),
    ] {
        if count > most {
            let problem = format!("has {count} {what}, more than {most}");
            findings.add(OPENAI_SIZE, subject, "inputSchema", problem);
        }
    }
}

fn names_of<'s>(part: &Part<'s>) -> impl Iterator<Item = &'s String> + use<'s> {
    part.schema["properties"].as_object().into_iter().flat_map(serde_json::Map::keys)
}

fn anthropic_properties(found: &[Part<'_>], subject: Subject<'_>, findings: &mut Findings) {
    for part in found {
        for name in names_of(part) {
            if let Some(problem) = problem_of_name(name, 64, "_-.") {
                let place = format!("inputSchema{}/properties/{}", part.path, escaped(name));
                findings.add(ANTHROPIC_PROPERTY, subject, &place, problem);
            }
        }
    }
}

fn gemini(found: &[Part<'_>], subject: Subject<'_>, findings: &mut Findings) {
    for part in found {
        let place = format!("inputSchema{}", part.path);
        let values = part.schema["enum"].as_array();
        if let Some(value) = values.into_iter().flatten().find(|value| !value.is_string()) {
            findings.add(GEMINI_ENUM, subject, &format!("{place}/enum"), format!("{value} is not a string"));
        }
        if part.schema["type"] == "array" && !part.schema["items"].is_object() {
            findings.add(GEMINI_ITEMS, subject, &place, "is an array without items");
        }
        for (name, property) in part.schema["properties"].as_object().into_iter().flatten() {
            let is_other = ["$ref", "anyOf", "oneOf", "allOf"].iter().any(|key| property.get(*key).is_some());
            if !property["type"].is_string() && !is_other {
                let problem = match &property["type"] {
                    Value::Null => "has no type".to_owned(),
                    kinds => format!("has the types {kinds}"),
                };
                let place = format!("{place}/properties/{}", escaped(name));
                findings.add(GEMINI_PROPERTY, subject, &place, problem);
            }
        }
    }
}
