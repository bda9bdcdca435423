//! Results, as text or as JSON.

use std::io::Write;

use rmcp::model::CallToolResult;
use serde::Serialize;
use serde_json::Value;

use super::{args::Output, failure::Failure};

/// Prints a line to stdout. A reader that has gone ends the command quietly, as `head` expects.
pub(super) fn line(text: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::refused(format!("stdout: {error}")))
        }
        _ => Ok(()),
    }
}

/// Prints a value: its JSON, or the text that `text` makes of it.
pub(super) fn print<T: Serialize>(
    output: Output,
    value: &T,
    text: impl FnOnce(&Value) -> String,
) -> Result<(), Failure> {
    let value = serde_json::to_value(value).map_err(|error| Failure::refused(error.to_string()))?;
    match output {
        Output::Json => line(&value.to_string()),
        Output::Text => line(&text(&value)),
    }
}

/// Prints the result of a tool. One that reports an error fails the command.
pub(super) fn print_result(output: Output, value: &CallToolResult) -> Result<(), Failure> {
    print(output, value, result)?;
    if value.is_error == Some(true) { Err(Failure::tool_error()) } else { Ok(()) }
}

/// The content of a tool's result.
pub(super) fn result(result: &Value) -> String {
    let blocks = result["content"].as_array().into_iter().flatten();
    let lines: Vec<String> = blocks.map(block).collect();
    if lines.is_empty()
        && let Some(content) = result.get("structuredContent")
    {
        return pretty(content);
    }
    lines.join("\n")
}

fn block(block: &Value) -> String {
    let text = |key: &str| block[key].as_str().unwrap_or_default();
    match text("type") {
        "text" => text("text").to_owned(),
        kind @ ("image" | "audio") => {
            format!("[{kind} {}, {} bytes in base64]", text("mimeType"), text("data").len())
        }
        "resource_link" => format!("[resource {} {}]", text("uri"), text("name")),
        "resource" => match block["resource"]["text"].as_str() {
            Some(text) => text.to_owned(),
            None => format!("[resource {}]", block["resource"]["uri"].as_str().unwrap_or_default()),
        },
        _ => block.to_string(),
    }
}

/// JSON with line ends.
pub(super) fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_kind_of_content_has_a_line() {
        let content = json!({ "content": [
            { "type": "text", "text": "a" },
            { "type": "image", "mimeType": "image/png", "data": "AAAA" },
            { "type": "resource_link", "uri": "file:///a", "name": "a" },
            { "type": "resource", "resource": { "uri": "file:///b", "text": "b" } },
            { "type": "resource", "resource": { "uri": "file:///c", "blob": "AA==" } },
            { "type": "hologram" },
        ] });
        let expected = "a\n[image image/png, 4 bytes in base64]\n[resource file:///a a]\nb\n[resource file:///c]\n{\"type\":\"hologram\"}";
        assert_eq!(result(&content), expected);
    }

    #[test]
    fn structured_content_is_printed_where_there_is_no_other() {
        assert_eq!(result(&json!({ "content": [], "structuredContent": { "a": 1 } })), "{\n  \"a\": 1\n}");
    }
}
