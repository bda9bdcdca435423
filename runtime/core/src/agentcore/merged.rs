//! A schema with its references, the parts of `allOf`, and its alternatives, as one.

use indexmap::IndexMap;
use serde_json::Value;

/// The parts of a schema, each with its place.
#[derive(Default)]
pub(super) struct Merged<'a> {
    pub(super) keywords: Placed<'a>,
    pub(super) properties: Placed<'a>,
    pub(super) required: Vec<&'a str>,
    /// The references that were resolved.
    pub(super) references: Vec<String>,
    /// The type that alternatives have, if the schema names none beside them.
    pub(super) kind: Option<&'a str>,
    /// The values of alternatives that are constants.
    pub(super) values: Vec<Value>,
    /// Words for the description.
    pub(super) words: Vec<String>,
}

/// Values by name, in the order of the schema, each with its JSON path.
pub(super) type Placed<'a> = IndexMap<String, (String, &'a Value)>;

impl<'a> Merged<'a> {
    pub(super) fn text(&self, keyword: &str) -> Option<&'a str> {
        self.keywords.get(keyword).and_then(|(_, value)| value.as_str())
    }

    /// The type that the schema names, or that its keywords imply.
    pub(super) fn kind(&self) -> Option<&'a str> {
        let named = match self.keywords.get("type").map(|(_, value)| *value) {
            Some(Value::String(kind)) => Some(kind.as_str()),
            Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
            _ => None,
        };
        let of_values = || {
            let constant = self.keywords.get("const").map(|(_, value)| *value);
            let first = || self.keywords.get("enum").and_then(|(_, values)| values.get(0));
            constant.or_else(first).map(kind_of)
        };
        let implied = || {
            let has = |keyword: &str| self.keywords.contains_key(keyword);
            match () {
                () if !self.properties.is_empty() || has("additionalProperties") => Some("object"),
                () if has("items") => Some("array"),
                () => None,
            }
        };
        named.or(self.kind).or_else(of_values).or_else(implied)
    }

    /// Takes over alternatives: of those that have the type `kind`, all properties, and the keywords of the first.
    pub(super) fn take_choices(&mut self, choices: Vec<Self>, kind: &'a str) {
        self.kind.get_or_insert(kind);
        let mut required: Option<Vec<&'a str>> = None;
        for (number, choice) in
            choices.into_iter().filter(|choice| choice.kind().is_none_or(|own| own == kind)).enumerate()
        {
            required = Some(match required {
                None => choice.required,
                Some(names) => names.into_iter().filter(|name| choice.required.contains(name)).collect(),
            });
            self.references.extend(choice.references);
            for (name, property) in choice.properties {
                self.properties.entry(name).or_insert(property);
            }
            if number == 0 {
                self.values.extend(choice.values);
                self.words.extend(choice.words);
                for (keyword, value) in choice.keywords {
                    self.keywords.entry(keyword).or_insert(value);
                }
            }
        }
        for name in required.unwrap_or_default() {
            if !self.required.contains(&name) {
                self.required.push(name);
            }
        }
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
