//! Arguments of a tool on the command line, read as its JSON Schema says.

use std::io::Read;

use serde_json::{Map, Value};

use super::failure::Failure;

/// The largest file or input that an argument is read from.
const LIMIT: u64 = 16 * 1024 * 1024;

/// Reads `NAME=VALUE` arguments, and adds them to those of `--json`.
pub(super) fn read(
    json: Option<&str>,
    pairs: &[String],
    schema: &Value,
) -> Result<Map<String, Value>, Failure> {
    let mut arguments = match json {
        None => Map::new(),
        Some(text) => object(&content("--json", text)?)?,
    };
    for pair in pairs {
        let (name, text) = pair.split_once('=').ok_or_else(|| {
            Failure::usage(format!("{pair:?}: expected NAME=VALUE, with the name of an argument of the tool"))
        })?;
        let text = if text.starts_with('@') { content(name, text)? } else { text.to_owned() };
        let property = &schema["properties"][name];
        if property.is_null() && schema["additionalProperties"] == false {
            return Err(Failure::usage(format!(
                "{name}: the tool has no such argument; it has {}",
                names(schema)
            )));
        }
        let value = typed(name, &text, property).map_err(Failure::usage)?;
        arguments.insert(name.to_owned(), value);
    }
    Ok(arguments)
}

fn names(schema: &Value) -> String {
    let names: Vec<&str> =
        schema["properties"].as_object().into_iter().flat_map(Map::keys).map(String::as_str).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn object(text: &str) -> Result<Map<String, Value>, Failure> {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Failure::usage("--json: expected a JSON object with the arguments of the tool")),
        Err(error) => Err(Failure::usage(format!("--json: not JSON: {error}"))),
    }
}

/// The text of an option: itself, the content of `@FILE`, or for `-` that of stdin.
pub(super) fn content(name: &str, text: &str) -> Result<String, Failure> {
    let read = |source: &mut dyn Read| {
        let mut content = String::new();
        source.take(LIMIT + 1).read_to_string(&mut content)?;
        Ok::<_, std::io::Error>(content)
    };
    let content = match (text, text.strip_prefix('@')) {
        ("-", _) => read(&mut std::io::stdin()),
        (_, Some(path)) => std::fs::File::open(path).and_then(|mut file| read(&mut file)),
        _ => return Ok(text.to_owned()),
    };
    let content = content.map_err(|error| Failure::usage(format!("{name}: {text}: {error}")))?;
    if content.len() as u64 > LIMIT {
        return Err(Failure::usage(format!("{name}: {text} is larger than {LIMIT} bytes")));
    }
    Ok(content)
}

/// The value of a text: of the type in the schema, and without one of the type that it looks like.
pub(super) fn typed(name: &str, text: &str, property: &Value) -> Result<Value, String> {
    let types = types(property);
    if types.is_empty() {
        return Ok(serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())));
    }
    let fits = types.iter().find_map(|kind| of_type(text, kind));
    let value = fits.ok_or_else(|| format!("{name}: {text:?} is not of type {}", types.join(" or ")))?;
    match property["enum"].as_array() {
        Some(choices) if !choices.contains(&value) => {
            let choices: Vec<String> = choices.iter().map(ToString::to_string).collect();
            Err(format!("{name}: {value} is none of {}", choices.join(", ")))
        }
        _ => Ok(value),
    }
}

/// The types that a schema allows, those first that fewer texts have.
fn types(property: &Value) -> Vec<String> {
    let mut types: Vec<String> = match &property["type"] {
        Value::String(kind) => vec![kind.clone()],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => ["anyOf", "oneOf"]
            .iter()
            .filter_map(|key| property[key].as_array())
            .flatten()
            .flat_map(types)
            .collect(),
    };
    const ORDER: [&str; 7] = ["null", "boolean", "integer", "number", "array", "object", "string"];
    types.sort_by_key(|kind| ORDER.iter().position(|known| known == kind));
    types.dedup();
    types
}

fn of_type(text: &str, kind: &str) -> Option<Value> {
    let parsed = || serde_json::from_str::<Value>(text).ok();
    match kind {
        "string" => Some(Value::String(text.to_owned())),
        "boolean" => match text {
            "true" | "yes" | "y" => Some(true.into()),
            "false" | "no" | "n" => Some(false.into()),
            _ => None,
        },
        "integer" => parsed().filter(|value| value.is_i64() || value.is_u64()),
        "number" => parsed().filter(Value::is_number),
        "array" => parsed().filter(Value::is_array),
        "object" => parsed().filter(Value::is_object),
        "null" => (text == "null").then_some(Value::Null),
        _ => parsed(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({ "type": "object", "additionalProperties": false, "properties": {
            "text": { "type": "string" }, "count": { "type": "integer" }, "ratio": { "type": "number" },
            "dry": { "type": "boolean" }, "tags": { "type": "array" }, "maybe": { "type": ["string", "null"] },
            "either": { "anyOf": [{ "type": "integer" }, { "type": "string" }] },
            "color": { "type": "string", "enum": ["red", "blue"] },
        } })
    }

    fn read(pairs: &[&str]) -> Result<Value, String> {
        let pairs: Vec<String> = pairs.iter().map(ToString::to_string).collect();
        super::read(None, &pairs, &schema()).map(Value::Object).map_err(|failure| format!("{failure:?}"))
    }

    #[test]
    fn values_have_the_type_of_the_schema() {
        let pairs = [
            "text=007",
            "count=7",
            "ratio=1.5",
            "dry=yes",
            "tags=[1]",
            "maybe=null",
            "either=x",
            "color=red",
        ];
        let expected = json!({ "text": "007", "count": 7, "ratio": 1.5, "dry": true, "tags": [1], "maybe": null,
            "either": "x", "color": "red" });
        assert_eq!(read(&pairs).expect("read"), expected);
        assert_eq!(read(&["either=12", "text=a=b"]).expect("read"), json!({ "either": 12, "text": "a=b" }));
    }

    #[test]
    fn what_does_not_fit_is_refused_with_what_was_expected() {
        for (pair, expected) in [
            ("count=x", "not of type integer"),
            ("count=1.5", "not of type integer"),
            ("dry=maybe", "not of type boolean"),
            ("color=green", "none of"),
            ("other=1", "it has text, count"),
            ("text", "expected NAME=VALUE"),
            ("text=@/there/is/no/such/file", "No such file"),
        ] {
            let error = read(&[pair]).expect_err(pair);
            assert!(error.contains(expected), "{pair}: {error}");
        }
    }

    #[test]
    fn json_is_the_base_to_which_pairs_are_added() {
        let pairs = ["count=2".to_owned()];
        let read = super::read(Some(r#"{"text":"a","count":1}"#), &pairs, &schema()).expect("read");
        assert_eq!(Value::Object(read), json!({ "text": "a", "count": 2 }));
        assert!(super::read(Some("[1]"), &[], &schema()).is_err());
    }

    #[test]
    fn without_a_schema_a_value_is_what_it_looks_like() {
        let pairs = ["a=1", "b=x", "c={\"d\":true}"].map(str::to_owned);
        let read = super::read(None, &pairs, &Value::Null).expect("read");
        assert_eq!(Value::Object(read), json!({ "a": 1, "b": "x", "c": { "d": true } }));
    }
}
