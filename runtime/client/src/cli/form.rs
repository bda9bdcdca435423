//! Values that a person types, one for each property of a JSON Schema.

use serde_json::{Map, Value};

use super::arguments;
use crate::schemas::within;

/// How deep references of a schema are followed.
const DEPTH: usize = 16;

/// Lines of a person.
pub(super) trait Lines {
    /// Asks for a line. `None` if the person has gone, or wants to stop.
    async fn line(&mut self, prompt: &str, choices: &[String]) -> Option<String>;

    /// Writes a line.
    fn say(&mut self, text: &str);
}

/// The properties that a person is asked for, of those that have no value yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    /// All of them.
    All,
    /// Those that the schema requires.
    Required,
}

/// Asks for the properties of an object that have no value yet, first for those that are required. `None` if the person stops.
pub(super) async fn fill(
    lines: &mut impl Lines,
    schema: &Value,
    content: &mut Map<String, Value>,
    ask: Ask,
) -> Option<()> {
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = schema["properties"].as_object();
    let mut missing: Vec<(&String, &Value, bool)> = properties
        .into_iter()
        .flatten()
        .filter(|(name, _)| !content.contains_key(*name))
        .map(|(name, property)| (name, resolved(property, schema), required.contains(&name.as_str())))
        .filter(|(_, _, needed)| *needed || ask == Ask::All)
        .collect();
    missing.sort_by_key(|(_, _, needed)| !needed);
    for (name, property, needed) in missing {
        if let Some(value) = value(lines, name, property, schema, needed).await? {
            content.insert(name.clone(), value);
        }
    }
    Some(())
}

/// Asks until there is a value that fits, or none where none is needed. The outer `None` is a person who stops.
async fn value(
    lines: &mut impl Lines,
    name: &str,
    property: &Value,
    root: &Value,
    needed: bool,
) -> Option<Option<Value>> {
    let choices = choices(property);
    if let Some(description) = property["description"].as_str() {
        lines.say(&description.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    loop {
        let text = lines.line(&prompt(name, property, needed), &choices).await?;
        if text.is_empty() {
            match property.get("default") {
                Some(default) => return Some(Some(default.clone())),
                None if !needed => return Some(None),
                None => continue,
            }
        }
        match read(name, &text, property, root) {
            Ok(value) => return Some(Some(value)),
            Err(problem) => lines.say(&problem),
        }
    }
}

/// Reads a text as the schema of a property says, and compares the value with that schema.
///
/// # Errors
///
/// What is wrong with the text, with the name of the property.
pub(super) fn read(name: &str, text: &str, property: &Value, root: &Value) -> Result<Value, String> {
    let property = resolved(property, root);
    let choices = choices(property);
    let is_choice = property["type"] != "array" && property["type"] != "boolean" && !choices.is_empty();
    if is_choice && !choices.iter().any(|choice| choice == text) {
        return Err(format!("{name}: {text:?} is none of {}", choices.join(", ")));
    }
    let is_list = property["type"] == "array" && !text.trim_start().starts_with('[');
    let value = if is_list {
        // Several choices with commas are easier to type than JSON.
        let items = resolved(&property["items"], root);
        let parts = text.split(',').map(|part| arguments::typed(name, part.trim(), items));
        parts.collect::<Result<Value, _>>()?
    } else {
        arguments::typed(name, text, property)?
    };
    match within(root, property) {
        Some(validator) => match validator.validate(&value) {
            Ok(()) => Ok(value),
            Err(error) => Err(format!("{name}: {error}")),
        },
        None => Ok(value),
    }
}

/// The schema that a schema refers to.
pub(super) fn resolved<'s>(schema: &'s Value, root: &'s Value) -> &'s Value {
    let mut found = schema;
    for _ in 0..DEPTH {
        let Some(target) = found["$ref"].as_str().and_then(|name| name.strip_prefix('#')) else { break };
        let Some(next) = root.pointer(target) else { break };
        found = next;
    }
    found
}

/// The values that a property may have, as texts, if there are only so many.
pub(super) fn choices(property: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if let Some(values) = property["enum"].as_array() {
        return values.iter().map(text).collect();
    }
    for keyword in ["oneOf", "anyOf"] {
        let constants: Option<Vec<String>> = property[keyword]
            .as_array()
            .map(|all| all.iter().map(|one| one.get("const").map(text)).collect::<Option<_>>())
            .unwrap_or_default();
        if let Some(constants) = constants {
            return constants;
        }
    }
    match property["type"].as_str() {
        Some("boolean") => vec!["true".to_owned(), "false".to_owned()],
        Some("array") => choices(&property["items"]),
        _ => Vec::new(),
    }
}

fn prompt(name: &str, property: &Value, needed: bool) -> String {
    let title = property["title"].as_str().unwrap_or(name);
    let mut notes = Vec::new();
    let choices = choices(property);
    if !choices.is_empty() && choices.len() <= 12 {
        notes.push(choices.join("|"));
    } else if let Some(kind) = property["type"].as_str() {
        notes.push(kind.to_owned());
    }
    if property["type"] == "array" {
        notes.push("several with commas".to_owned());
    }
    if let Some(default) = property.get("default") {
        notes.push(format!("default {default}"));
    } else if !needed {
        notes.push("optional".to_owned());
    }
    let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join(", ")) };
    format!("{title}{notes}: ")
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use serde_json::json;

    use super::*;

    /// Lines that are typed beforehand, and all that was written.
    struct Script {
        typed: VecDeque<&'static str>,
        shown: Vec<String>,
    }

    impl Lines for Script {
        async fn line(&mut self, prompt: &str, _: &[String]) -> Option<String> {
            self.shown.push(prompt.to_owned());
            self.typed.pop_front().map(str::to_owned)
        }

        fn say(&mut self, text: &str) {
            self.shown.push(text.to_owned());
        }
    }

    async fn filled(
        schema: &Value,
        given: Value,
        ask: Ask,
        typed: &[&'static str],
    ) -> (Option<Value>, Vec<String>) {
        let mut script = Script { typed: typed.iter().copied().collect(), shown: Vec::new() };
        let mut content = given.as_object().cloned().unwrap_or_default();
        let done = fill(&mut script, schema, &mut content, ask).await;
        (done.map(|()| Value::Object(content)), script.shown)
    }

    fn schema() -> Value {
        json!({
            "type": "object",
            "required": ["size", "name"],
            "properties": {
                "note": { "type": "string", "title": "A note", "description": "said aloud" },
                "name": { "type": "string", "minLength": 2 },
                "size": { "type": "integer", "maximum": 5 },
                "colour": { "$ref": "#/$defs/colour" },
                "loud": { "type": "boolean", "default": false },
                "days": { "type": "array", "items": { "type": "string", "enum": ["mon", "tue"] } },
            },
            "$defs": { "colour": { "oneOf": [{ "const": "red", "title": "Red" }, { "const": "blue" }], "type": "string" } },
        })
    }

    #[tokio::test]
    async fn required_properties_come_first_and_values_are_checked() {
        let typed = ["a", "ab", "six", "6", "5", "", "green", "red", "", "wed", "mon, tue"];
        let (content, shown) = filled(&schema(), json!({}), Ask::All, &typed).await;
        let expected =
            json!({ "name": "ab", "size": 5, "colour": "red", "loud": false, "days": ["mon", "tue"] });
        assert_eq!(content, Some(expected), "{shown:#?}");
        assert_eq!(shown[0], "name (string): ");
        assert!(shown[1].starts_with("name: \"a\" is shorter"), "{}", shown[1]);
        assert_eq!(shown[4], "size: \"six\" is not of type integer");
        assert!(shown[6].starts_with("size: 6 is greater"), "{}", shown[6]);
        let expected = [
            "said aloud",
            "A note (string, optional): ",
            "colour (red|blue, optional): ",
            "colour: \"green\" is none of red, blue",
            "colour (red|blue, optional): ",
            "loud (true|false, default false): ",
            "days (mon|tue, several with commas, optional): ",
            "days: \"wed\" is none of \"mon\", \"tue\"",
            "days (mon|tue, several with commas, optional): ",
        ];
        assert_eq!(shown[8..], expected);
    }

    #[tokio::test]
    async fn only_what_is_missing_is_asked_for() {
        let (content, shown) = filled(&schema(), json!({ "name": "ab" }), Ask::Required, &["3"]).await;
        assert_eq!((content, shown.len()), (Some(json!({ "name": "ab", "size": 3 })), 1));
        assert_eq!(filled(&schema(), json!({ "name": "ab" }), Ask::Required, &[]).await.0, None);
        assert_eq!(filled(&json!({}), json!({}), Ask::All, &[]).await.0, Some(json!({})));
    }

    /// A schema may be anything: it comes from the server.
    #[test]
    fn a_reference_to_itself_ends() {
        let root = json!({ "$defs": { "a": { "$ref": "#/$defs/a" } } });
        assert_eq!(resolved(&root["$defs"]["a"], &root), &root["$defs"]["a"]);
    }
}
