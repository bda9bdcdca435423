//! Questions of a server, asked on the terminal.

use std::io::{IsTerminal, Write};

use rmcp::model::{ElicitRequestParams, ElicitResult, ElicitationAction, ErrorData};
use serde_json::{Map, Value};

use super::arguments;

/// Asks a person. Without a terminal the question is declined.
pub(super) async fn ask(request: ElicitRequestParams) -> Result<ElicitResult, ErrorData> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        eprintln!("mcp-lambda: the server asks a question, and there is no terminal to ask it on: declined");
        return Ok(ElicitResult::new(ElicitationAction::Decline));
    }
    let answered = tokio::task::spawn_blocking(move || on_terminal(&request)).await;
    answered.map_err(|error| ErrorData::internal_error(error.to_string(), None))
}

fn on_terminal(request: &ElicitRequestParams) -> ElicitResult {
    match request {
        ElicitRequestParams::FormElicitationParams { message, requested_schema, .. } => {
            eprintln!("{message}");
            let schema = serde_json::to_value(requested_schema).unwrap_or_default();
            match form(&schema) {
                Some(content) => ElicitResult::new(ElicitationAction::Accept).with_content(content),
                None => ElicitResult::new(ElicitationAction::Cancel),
            }
        }
        ElicitRequestParams::UrlElicitationParams { message, url, .. } => {
            eprintln!("{message}\n{url}");
            match line("Open the page, then press Enter (or type \"no\"): ").as_deref() {
                Some("") => ElicitResult::new(ElicitationAction::Accept),
                Some(_) => ElicitResult::new(ElicitationAction::Decline),
                None => ElicitResult::new(ElicitationAction::Cancel),
            }
        }
        _ => ElicitResult::new(ElicitationAction::Decline),
    }
}

/// Asks for each property. `None` at the end of the input.
fn form(schema: &Value) -> Option<Value> {
    let required: Vec<&str> = schema["required"].as_array()?.iter().filter_map(Value::as_str).collect();
    let mut content = Map::new();
    for (name, property) in schema["properties"].as_object()? {
        let needed = required.contains(&name.as_str());
        loop {
            let text = line(&prompt(name, property, needed))?;
            if text.is_empty() {
                match property.get("default") {
                    Some(default) => {
                        content.insert(name.clone(), default.clone());
                        break;
                    }
                    None if !needed => break,
                    None => continue,
                }
            }
            match arguments::typed(name, &text, property) {
                Ok(value) => {
                    content.insert(name.clone(), value);
                    break;
                }
                Err(problem) => eprintln!("{problem}"),
            }
        }
    }
    Some(Value::Object(content))
}

fn prompt(name: &str, property: &Value, needed: bool) -> String {
    let title = property["title"].as_str().unwrap_or(name);
    let mut notes = Vec::new();
    if let Some(choices) = property["enum"].as_array() {
        let choices: Vec<&str> = choices.iter().filter_map(Value::as_str).collect();
        notes.push(choices.join("|"));
    } else if let Some(kind) = property["type"].as_str() {
        notes.push(kind.to_owned());
    }
    if let Some(default) = property.get("default") {
        notes.push(format!("default {default}"));
    } else if !needed {
        notes.push("optional".to_owned());
    }
    let description = property["description"].as_str().map(|text| format!(" - {text}")).unwrap_or_default();
    format!("{title} ({}){description}: ", notes.join(", "))
}

fn line(prompt: &str) -> Option<String> {
    eprint!("{prompt}");
    std::io::stderr().flush().ok()?;
    let mut text = String::new();
    let read = std::io::stdin().read_line(&mut text).ok()?;
    (read > 0).then(|| text.trim().to_owned())
}
