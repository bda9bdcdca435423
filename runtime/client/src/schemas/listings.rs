//! Names, URIs and templates of what a server lists.

use std::collections::BTreeSet;

use serde_json::Value;
use url::Url;

use super::{
    report::{Findings, Subject},
    rules::{PROMPT, RESOURCE, Rule, TEMPLATE, TOOL_NAME},
    uri_template,
};

/// What a text is called where it is missing.
const WITHOUT: &str = "(without a name)";

/// The name of a listed thing, for a finding.
pub(super) fn name_of(item: &Value) -> &str {
    item["name"].as_str().unwrap_or(WITHOUT)
}

/// Names of tools.
pub(super) fn tools(tools: &[Value], findings: &mut Findings) {
    let mut seen = BTreeSet::new();
    for tool in tools {
        let subject = Subject { kind: "tool", name: name_of(tool) };
        let Some(name) = tool["name"].as_str() else {
            findings.add(TOOL_NAME, subject, "name", format!("{} is not a text", tool["name"]));
            continue;
        };
        let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        if !(1..=128).contains(&name.len()) || !name.bytes().all(is_valid) {
            findings.add(TOOL_NAME, subject, "name", "has other characters, none, or more than 128");
        }
        unique(TOOL_NAME, subject, "name", name, &mut seen, findings);
    }
}

/// Prompts and their arguments.
pub(super) fn prompts(prompts: &[Value], findings: &mut Findings) {
    let mut seen = BTreeSet::new();
    for prompt in prompts {
        let subject = Subject { kind: "prompt", name: name_of(prompt) };
        if let Some(name) = named(PROMPT, subject, &prompt["name"], "name", findings) {
            unique(PROMPT, subject, "name", name, &mut seen, findings);
        }
        let mut arguments = BTreeSet::new();
        for (at, argument) in prompt["arguments"].as_array().into_iter().flatten().enumerate() {
            let place = format!("arguments/{at}/name");
            if let Some(name) = named(PROMPT, subject, &argument["name"], &place, findings) {
                unique(PROMPT, subject, &place, name, &mut arguments, findings);
            }
        }
    }
}

/// Resources and their URIs.
pub(super) fn resources(resources: &[Value], findings: &mut Findings) {
    let mut seen = BTreeSet::new();
    for resource in resources {
        let uri = resource["uri"].as_str();
        let subject = Subject { kind: "resource", name: uri.unwrap_or_else(|| name_of(resource)) };
        named(RESOURCE, subject, &resource["name"], "name", findings);
        let Some(uri) = uri else {
            findings.add(RESOURCE, subject, "uri", format!("{} is not a text", resource["uri"]));
            continue;
        };
        if let Err(error) = Url::parse(uri) {
            findings.add(RESOURCE, subject, "uri", format!("is not an absolute URI: {error}"));
        }
        unique(RESOURCE, subject, "uri", uri, &mut seen, findings);
    }
}

/// Resource templates.
pub(super) fn templates(templates: &[Value], findings: &mut Findings) {
    let mut seen = BTreeSet::new();
    for template in templates {
        let text = template["uriTemplate"].as_str();
        let subject = Subject { kind: "template", name: text.unwrap_or_else(|| name_of(template)) };
        named(TEMPLATE, subject, &template["name"], "name", findings);
        let Some(text) = text else {
            findings.add(
                TEMPLATE,
                subject,
                "uriTemplate",
                format!("{} is not a text", template["uriTemplate"]),
            );
            continue;
        };
        if let Err(problem) = uri_template::check(text) {
            findings.add(TEMPLATE, subject, "uriTemplate", problem);
        }
        unique(TEMPLATE, subject, "uriTemplate", text, &mut seen, findings);
    }
}

/// A name that is a text and not empty.
fn named<'v>(
    rule: Rule,
    subject: Subject<'_>,
    value: &'v Value,
    place: &str,
    findings: &mut Findings,
) -> Option<&'v str> {
    let name = value.as_str().filter(|name| !name.is_empty());
    if name.is_none() {
        findings.add(rule, subject, place, format!("{value} is not a text, or empty"));
    }
    name
}

fn unique<'n>(
    rule: Rule,
    subject: Subject<'_>,
    place: &str,
    name: &'n str,
    seen: &mut BTreeSet<&'n str>,
    findings: &mut Findings,
) {
    if !seen.insert(name) {
        findings.add(rule, subject, place, format!("{name:?} is there twice"));
    }
}
