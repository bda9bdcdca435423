//! Reads JSON into a type, and says in the words of JSON why it does not fit: where, what was expected, and what came.

use serde::Deserialize;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

/// How many characters of a value an explanation quotes.
const QUOTED: usize = 60;

/// Reads a value. The error names it by its path from `root`.
pub fn read<'a, T: Deserialize<'a>>(text: &'a str, root: &str) -> Result<T, String> {
    // The path is kept by a second reading, so that a value that fits costs nothing more.
    serde_json::from_str(text).or_else(|_| {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
            let found = serde_json::from_str(text).ok();
            let found = found.as_ref().and_then(|value| at(value, error.path()));
            explain(&path_text(root, error.path()), &error.inner().to_string(), found)
        })
    })
}

/// Reads an object. serde also reads a struct from an array, by position; JSON-RPC has objects here.
pub fn read_object<'a, T: Deserialize<'a>>(text: &'a str, root: &str) -> Result<T, String> {
    if text.starts_with('{') {
        return read(text, root);
    }
    let value: Value = read(text, root)?;
    Err(format!("{root} must be an object, not {}", kind(&value)))
}

/// The explanation of an error of a reader of values, such as a handler that reads its arguments into a type. The error
/// has no path.
pub fn reworded(subject: &str, error: &str) -> String {
    explain(subject, error, None)
}

fn explain(path: &str, error: &str, found: Option<&Value>) -> String {
    let error = error.split(" at line ").next().unwrap_or(error);
    if let Some(field) = quoted_after(error, "missing field ") {
        return format!("{path}.{field} is required");
    }
    if let Some(field) = quoted_after(error, "duplicate field ") {
        return format!("{path} has the key {field} twice");
    }
    if let Some(field) = quoted_after(error, "unknown field ") {
        return format!("{path} has the key {field:?}, which is not known");
    }
    if error.contains("surrogate") || error.contains("unexpected end of hex escape") {
        return format!("{path} holds half a surrogate pair: such an escape is no character by itself");
    }
    if error.contains("number out of range") {
        return format!("{path} is a number that is too large");
    }
    let came = found.map(|found| format!(", not {}", described(found))).or_else(|| {
        let (_, came) = error.split_once("invalid ")?;
        let (came, _) = came.split_once(": ")?.1.split_once(", expected")?;
        Some(format!(", not {}", plain_found(came)))
    });
    let came = came.unwrap_or_default();
    if error.starts_with("unknown variant") {
        let options = error.split_once("expected ").map_or("", |(_, options)| options);
        let options = options.trim_start_matches("one of ").replace('`', "\"");
        return format!("{path} must be {}{came}", options.replace(", ", " or "));
    }
    match error.split_once(", expected ") {
        Some((_, expected)) => format!("{path} must be {}{came}", plain_expected(expected)),
        None if error.contains("nteger") || error.contains("number or string") => {
            format!("{path} must be a string or an integer{came}")
        }
        None => format!("{path} has none of the forms that MCP defines for it{came}"),
    }
}

fn quoted_after<'a>(error: &'a str, words: &str) -> Option<&'a str> {
    error.strip_prefix(words)?.split('`').nth(1)
}

/// What was expected, in the words of JSON.
fn plain_expected(expected: &str) -> &str {
    let first = expected.split(' ').next().unwrap_or_default();
    match (first, expected) {
        ("struct" | "map", _) | (_, "a map") => "an object",
        ("tuple", _) | (_, "a sequence" | "an array") => "an array",
        ("i8" | "i16" | "i32" | "i64" | "isize", _) => "an integer",
        ("u8" | "u16" | "u32" | "u64" | "usize", _) => "an integer of 0 or more",
        ("f32" | "f64", _) => "a number",
        ("unit", _) => "null",
        (_, "a boolean") => "true or false",
        (_, "a string" | "a borrowed string" | "variant identifier") => "a string",
        _ => "a value that MCP defines for it",
    }
}

/// What came, in the words of JSON.
fn plain_found(found: &str) -> String {
    let (kind, rest) = found.split_once(' ').unwrap_or((found, ""));
    match kind {
        "map" => "an object".into(),
        "sequence" => "an array".into(),
        "integer" | "floating" => {
            format!("the number {}", short(rest.trim_start_matches("point ").trim_matches('`')))
        }
        "string" => format!("the string {}", short(rest)),
        "boolean" => rest.trim_matches('`').to_owned(),
        "null" | "unit" | "Option" => "null".into(),
        _ => "what came".into(),
    }
}

/// The value with its kind, shortened.
pub fn described(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(_) => value.to_string(),
        Value::Number(number) => format!("the number {}", short(&number.to_string())),
        Value::String(text) => format!("the string {:?}", short(text)),
        Value::Array(_) | Value::Object(_) => kind(value).into(),
    }
}

/// The kind of the value.
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// The beginning of a text.
pub fn short(text: &str) -> String {
    match text.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

fn path_text(root: &str, path: &Path) -> String {
    let mut text = root.to_owned();
    for segment in path {
        match segment {
            Segment::Seq { index } => text.push_str(&format!("[{index}]")),
            Segment::Map { key } => {
                text.push('.');
                text.push_str(&short(key));
            }
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    text
}

fn at<'v>(value: &'v Value, path: &Path) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, segment| match segment {
        Segment::Seq { index } => value.get(index),
        Segment::Map { key } => value.get(key),
        Segment::Enum { .. } | Segment::Unknown => Some(value),
    })
}
