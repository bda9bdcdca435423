//! Each rule is broken once, and a server without faults breaks none.

use serde_json::{Value, json};

use super::{
    RULES,
    listed::Listed,
    provider::Provider,
    report::{Findings, text},
    validation::{compare, of_tools},
};
use crate::{
    check::Era,
    schemas::{Counts, Report},
};

fn compared(listed: &Listed, era: Era) -> Vec<(&'static str, String, String)> {
    let mut findings = Findings::default();
    compare(listed, era, &Provider::ALL, &mut findings);
    findings.kept.into_iter().map(|one| (one.rule, one.place, one.problem)).collect()
}

fn tool_with(name: &str, schema: Value) -> Value {
    let mut tool = json!({ "name": name, "description": "Does something." });
    tool["inputSchema"] = schema;
    tool
}

fn with_property(property: Value) -> Value {
    let mut schema = json!({ "type": "object", "properties": {} });
    schema["properties"]["p"] = property;
    tool_with("a", schema)
}

/// Objects within objects, this many levels deep.
fn deep(levels: usize) -> Value {
    (1..levels).fold(
        json!({ "type": "object", "properties": {} }),
        |inner, _| json!({ "type": "object", "properties": { "p": inner } }),
    )
}

/// A tool, the rule that it breaks, the place, and a part of the problem.
fn broken_tools() -> Vec<(Value, &'static str, &'static str, &'static str)> {
    let object = json!({ "type": "object" });
    let mut output = tool_with("a", object.clone());
    output["outputSchema"] = json!("object");
    let mut long = tool_with("a", object.clone());
    long["description"] = json!("x".repeat(1025));
    let mut empty = tool_with("a", object.clone());
    empty["description"] = json!("");
    let long_name = "n".repeat(65);
    let root = |keyword: &str| tool_with("a", json!({ "type": "object", keyword: [{ "required": [] }] }));
    vec![
        (json!({ "name": 7, "inputSchema": object }), "tool-name", "name", "7 is not a text"),
        (tool_with("größe", object.clone()), "tool-name", "name", "other characters"),
        (json!({ "name": "a" }), "input-schema", "inputSchema", "is missing"),
        (tool_with("a", json!({})), "input-schema", "inputSchema", "has no type"),
        (tool_with("a", json!({ "type": "array" })), "input-schema", "inputSchema", "has the type \"array\""),
        (tool_with("a", json!(true)), "input-schema", "inputSchema", "is not an object"),
        (output, "output-schema", "outputSchema", "is not an object"),
        (
            tool_with("a", json!({ "type": "object", "$schema": "https://example.com/none" })),
            "dialect",
            "inputSchema/$schema",
            "example.com",
        ),
        (
            tool_with("a", json!({ "type": "object", "$schema": 7 })),
            "dialect",
            "inputSchema/$schema",
            "not a text",
        ),
        (
            with_property(json!({ "type": "string", "minLength": "1" })),
            "json-schema",
            "inputSchema/properties/p/minLength",
            "\"1\"",
        ),
        (with_property(json!({ "type": "text" })), "json-schema", "inputSchema/properties/p/type", "text"),
        (
            with_property(json!({ "type": "string", "pattern": "(" })),
            "json-schema",
            "inputSchema/properties/p/pattern",
            "(",
        ),
        (with_property(json!({ "$ref": "#/$defs/none" })), "reference", "inputSchema", "none"),
        (
            with_property(json!({ "$ref": "https://example.com/schema.json" })),
            "reference",
            "inputSchema",
            "example.com",
        ),
        (
            tool_with(
                "a",
                json!({ "type": "object", "properties": {}, "required": ["p"], "additionalProperties": false }),
            ),
            "satisfiable",
            "inputSchema/required",
            "\"p\"",
        ),
        (
            with_property(json!({ "type": "integer", "minimum": 1, "default": 0 })),
            "default",
            "inputSchema/properties/p/default",
            "0",
        ),
        (
            with_property(json!({ "type": "number", "x-mcp-header": "P" })),
            "x-mcp-header",
            "inputSchema",
            "\"number\"",
        ),
        (tool_with(&long_name, object.clone()), "openai-name", "name", "65 characters"),
        (long, "openai-description", "description", "1025"),
        (root("allOf"), "openai-root", "inputSchema/allOf", "allOf"),
        (tool_with("a", deep(11)), "openai-size", "inputSchema", "11 levels"),
        (tool_with("a.b", object.clone()), "anthropic-name", "name", "'.'"),
        (root("anyOf"), "anthropic-root", "inputSchema/anyOf", "anyOf"),
        (
            tool_with("a", json!({ "type": "object", "properties": { "a/b": { "type": "string" } } })),
            "anthropic-property",
            "inputSchema/properties/a~1b",
            "'/'",
        ),
        (tool_with("1a", object), "gemini-name", "name", "begins"),
        (
            with_property(json!({ "type": "integer", "enum": [1] })),
            "gemini-enum",
            "inputSchema/properties/p/enum",
            "1 is not a string",
        ),
        (
            with_property(json!({ "type": "array" })),
            "gemini-items",
            "inputSchema/properties/p",
            "without items",
        ),
        (with_property(json!({})), "gemini-type", "inputSchema/properties/p", "no type"),
        (
            with_property(json!({ "type": ["string", "null"] })),
            "gemini-type",
            "inputSchema/properties/p",
            "[\"string\",\"null\"]",
        ),
        (empty, "bedrock-description", "description", "is empty"),
    ]
}

#[test]
fn each_rule_of_tools_is_found_where_it_is_broken() {
    for (tool, rule, place, problem) in broken_tools() {
        let found = compared(&of_tools(vec![tool.clone()]), Era::Stateless);
        let matching =
            found.iter().any(|(id, at, text)| *id == rule && at == place && text.contains(problem));
        assert!(matching, "{tool}: no {rule} at {place} with {problem:?}, but {found:#?}");
    }
}

/// The APIs refuse what their rules say, and rules of the others do not count.
#[test]
fn a_provider_counts_only_where_it_is_asked_for() {
    let listed = of_tools(vec![tool_with("a.b", json!({ "type": "object" }))]);
    for (provider, expected) in [
        (Provider::OpenAi, vec!["openai-name"]),
        (Provider::Anthropic, vec!["anthropic-name"]),
        (Provider::Gemini, vec![]),
        (Provider::Bedrock, vec!["bedrock-name"]),
    ] {
        let mut findings = Findings::default();
        compare(&listed, Era::Stateless, &[provider], &mut findings);
        let rules: Vec<&str> = findings.kept.iter().map(|one| one.rule).collect();
        assert_eq!(rules, expected, "{provider:?}");
    }
}

#[test]
fn each_rule_of_prompts_resources_and_templates_is_found_where_it_is_broken() {
    let argument = json!({ "name": "x" });
    let listed = Listed {
        tools: vec![tool_with("a", json!({ "type": "object" })); 2],
        prompts: vec![
            json!({ "name": "p", "arguments": [argument, argument, {}] }),
            json!({ "name": "p" }),
            json!({ "name": "" }),
        ],
        resources: vec![
            json!({ "uri": "relative", "name": "r" }),
            json!({ "uri": "a://b" }),
            json!({ "uri": "a://b", "name": "r" }),
            json!({ "name": "r" }),
        ],
        templates: vec![
            json!({ "uriTemplate": "a://{", "name": "t" }),
            json!({ "uriTemplate": "a://{x}" }),
            json!({ "uriTemplate": 7, "name": "t" }),
        ],
    };
    let found = compared(&listed, Era::Stateless);
    let found: Vec<(&str, &str)> = found.iter().map(|(rule, place, _)| (*rule, place.as_str())).collect();
    let expected = [
        ("tool-name", "name"),
        ("prompt", "arguments/1/name"),
        ("prompt", "arguments/2/name"),
        ("prompt", "name"),
        ("prompt", "name"),
        ("resource", "uri"),
        ("resource", "name"),
        ("resource", "uri"),
        ("resource", "uri"),
        ("template", "uriTemplate"),
        ("template", "name"),
        ("template", "uriTemplate"),
    ];
    assert_eq!(found, expected);
}

#[test]
fn the_output_of_2025_is_an_object_and_that_of_2026_is_anything() {
    let mut tool = tool_with("a", json!({ "type": "object" }));
    tool["outputSchema"] = json!({ "type": "array", "items": { "type": "string" } });
    let listed = of_tools(vec![tool]);
    assert_eq!(compared(&listed, Era::Stateless), []);
    assert_eq!(compared(&listed, Era::Session)[0].0, "output-schema");
}

#[test]
fn schemas_without_faults_have_no_findings() {
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": ["name"],
        "additionalProperties": false,
        "properties": {
            "name": { "type": "string", "minLength": 1, "x-mcp-header": "Name" },
            "colour": { "$ref": "#/$defs/colour", "default": "red" },
            "tags": { "type": "array", "items": { "type": "string" }, "default": [] },
            "either": { "anyOf": [{ "type": "integer" }, { "type": "string" }] },
        },
        "$defs": { "colour": { "type": "string", "enum": ["red", "blue"] } },
    });
    let listed = of_tools(vec![tool_with("a_b-c", schema)]);
    for era in [Era::Stateless, Era::Session] {
        assert_eq!(compared(&listed, era), [], "{era}");
    }
}

/// A list comes from a server: it may hold anything.
#[test]
fn strange_things_are_findings_and_no_panic() {
    for strange in [json!(null), json!(7), json!([]), json!("x"), json!({ "name": {}, "inputSchema": [[]] })]
    {
        let items = || vec![strange.clone()];
        let listed = Listed { tools: items(), prompts: items(), resources: items(), templates: items() };
        assert!(compared(&listed, Era::Stateless).len() > 3, "{strange}");
    }
}

#[test]
fn a_report_keeps_a_thousand_findings_and_counts_the_rest() {
    let listed = of_tools(vec![json!({ "name": "a" }); 1_200]);
    let mut findings = Findings::default();
    compare(&listed, Era::Stateless, &[], &mut findings);
    assert_eq!((findings.kept.len(), findings.more), (1_000, 1_399));
}

#[test]
fn the_text_is_a_table_with_the_rules_below_it() {
    let mut findings = Findings::default();
    let listed = of_tools(vec![with_property(json!({ "type": "array" }))]);
    compare(&listed, Era::Stateless, &Provider::ALL, &mut findings);
    let report = Report {
        url: "http://127.0.0.1:9000/mcp".into(),
        server: "one 1.0".into(),
        era: Era::Stateless,
        counts: Counts { tools: 1, ..Counts::default() },
        called: Vec::new(),
        notes: vec!["a was not compared: why".into()],
        findings: findings.kept,
        more: 0,
    };
    let expected = "RULE          WHERE                            PROBLEM\n\
        gemini-items  tool a inputSchema/properties/p  is an array without items\n\n\
        gemini-items: Gemini: an array names the schema of its items.\n    \
        https://ai.google.dev/api/caching#Schema (read 2026-11-26)\n\n\
        a was not compared: why\n\
        one 1.0, http://127.0.0.1:9000/mcp (2026-07-28): 1 tool, 0 prompts, 0 resources, 0 templates; 0 results: 1 finding";
    assert_eq!(text(&report), expected);
}

/// What no table above breaks needs a server: `list` and `output` are in tests/planted-faults.
#[test]
fn every_rule_is_broken_by_a_test() {
    let broken: Vec<&str> = broken_tools().iter().map(|row| row.1).collect();
    let elsewhere = ["list", "output", "prompt", "resource", "template", "anthropic-root", "bedrock-name"];
    for rule in RULES {
        assert!(broken.contains(&rule.id) || elsewhere.contains(&rule.id), "{}", rule.id);
    }
}
