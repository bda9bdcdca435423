//! Values of DynamoDB as plain JSON.

use rmcp::schemars::{self, JsonSchema};
use serde::Deserialize;
use serde_json::{Map, Number, Value, json};

/// A value of a key.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum KeyValue {
    Text(String),
    Number(Number),
}

impl KeyValue {
    /// The value as DynamoDB writes it.
    pub(super) fn attribute(&self) -> Value {
        match self {
            Self::Text(text) => json!({ "S": text }),
            Self::Number(number) => json!({ "N": number.to_string() }),
        }
    }
}

/// An item as a plain object: sets are arrays, binary values are `{"$binary": "<base64>"}`, and a number that JSON readers would
/// round is a text.
pub(super) fn plain_item(item: &Value) -> Map<String, Value> {
    let attributes = item.as_object().into_iter().flatten();
    attributes.map(|(name, value)| (name.clone(), plain(value))).collect()
}

fn plain(attribute: &Value) -> Value {
    let Some((kind, value)) = attribute.as_object().and_then(|typed| typed.iter().next()) else {
        return Value::Null;
    };
    let array = || value.as_array().into_iter().flatten();
    match kind.as_str() {
        "S" | "BOOL" => value.clone(),
        "N" => number(value),
        "M" => Value::Object(plain_item(value)),
        "L" => array().map(plain).collect(),
        "SS" => array().cloned().collect(),
        "NS" => array().map(number).collect(),
        "B" => binary(value),
        "BS" => array().map(binary).collect(),
        _ => Value::Null,
    }
}

fn binary(base64: &Value) -> Value {
    json!({ "$binary": base64 })
}

fn number(text: &Value) -> Value {
    let Some(digits) = text.as_str() else { return Value::Null };
    let exact =
        digits.parse::<i64>().ok().filter(|number| number.unsigned_abs() <= 1 << 53).map(Number::from);
    let exact = exact.or_else(|| {
        let number = Number::from_f64(digits.parse().ok()?)?;
        (number.to_string() == digits).then_some(number)
    });
    exact.map_or_else(|| text.clone(), Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_plain_json_and_no_digit_is_lost() {
        let item = json!({
            "id": { "S": "a" },
            "count": { "N": "42" },
            "share": { "N": "0.25" },
            "long": { "N": "12345678901234567890123456789012345678" },
            "none": { "NULL": true },
            "tags": { "SS": ["x", "y"] },
            "sizes": { "NS": ["1", "2.5"] },
            "bytes": { "B": "AAE=" },
            "deep": { "M": { "list": { "L": [{ "BOOL": true }, { "N": "-1" }] } } },
        });
        assert_eq!(
            Value::Object(plain_item(&item)),
            json!({
                "id": "a",
                "count": 42,
                "share": 0.25,
                "long": "12345678901234567890123456789012345678",
                "none": null,
                "tags": ["x", "y"],
                "sizes": [1, 2.5],
                "bytes": { "$binary": "AAE=" },
                "deep": { "list": [true, -1] },
            })
        );
    }

    #[test]
    fn a_key_is_a_text_or_a_number() {
        for (given, attribute) in [
            (json!("a"), json!({ "S": "a" })),
            (json!(7), json!({ "N": "7" })),
            (json!(0.5), json!({ "N": "0.5" })),
        ] {
            let key: KeyValue = serde_json::from_value(given).expect("a value of a key");
            assert_eq!(key.attribute(), attribute);
        }
    }
}
