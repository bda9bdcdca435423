//! A JSON Schema in the five words of a Lambda target.
//!
//! The values of an `enum`, bounds and defaults become words of the description, which models read. Each thing that is left out or
//! changed is named, once for each place.

use serde_json::{Map, Value, json};

use super::merged::Merged;

/// The deepest nesting of a schema.
const DEEPEST: usize = 32;
/// The most schemas of one tool: references that double at each level end here.
const MOST: usize = 5_000;
/// The longest list of values in a description.
const MOST_VALUES: usize = 30;

/// Keywords that say nothing to a caller of the tool.
const SILENT: [&str; 8] =
    ["$schema", "$id", "$anchor", "$comment", "$defs", "definitions", "$vocabulary", "$dynamicAnchor"];
/// Keywords that become words of the description.
const IN_WORDS: [(&str, &str); 15] = [
    ("const", "always"),
    ("default", "default"),
    ("minimum", "minimum"),
    ("maximum", "maximum"),
    ("exclusiveMinimum", "more than"),
    ("exclusiveMaximum", "less than"),
    ("multipleOf", "a multiple of"),
    ("minLength", "minimum length"),
    ("maxLength", "maximum length"),
    ("pattern", "pattern"),
    ("format", "format"),
    ("minItems", "minimum number of items"),
    ("maxItems", "maximum number of items"),
    ("minProperties", "minimum number of properties"),
    ("maxProperties", "maximum number of properties"),
];
const IN_DESCRIPTION: &str = "is put into the description";

/// Writes a schema in the words of a target, and calls `lose` with the JSON path of each thing that they cannot express.
pub(super) fn flatten(schema: &Value, path: &str, lose: &mut dyn FnMut(&str, &str)) -> Value {
    let mut flattening = Flattening { root: schema, lose, open: Vec::new(), count: 0 };
    flattening.schema(schema, path, 0)
}

struct Flattening<'a> {
    root: &'a Value,
    lose: &'a mut dyn FnMut(&str, &str),
    /// The references that are being resolved.
    open: Vec<String>,
    count: usize,
}

impl<'a> Flattening<'a> {
    fn schema(&mut self, schema: &'a Value, path: &str, depth: usize) -> Value {
        self.count += 1;
        if depth > DEEPEST || self.count > MOST {
            (self.lose)(
                path,
                "is nested too deep or repeated too often: an object without properties stands for it",
            );
            return json!({ "type": "object" });
        }
        let Some(schema) = schema.as_object() else {
            if *schema != Value::Bool(true) {
                (self.lose)(path, "allows no value, which cannot be said: a string stands for it");
            } else {
                (self.lose)(path, "allows any value: a string stands for it");
            }
            return json!({ "type": "string" });
        };
        let opened = self.open.len();
        let merged = self.merged(schema, path);
        self.open.extend(merged.references.iter().cloned());
        let flat = self.object(&merged, path, depth);
        self.open.truncate(opened);
        flat
    }

    /// A schema with its references, the parts of `allOf`, and one of its alternatives, as one.
    fn merged(&mut self, schema: &'a Map<String, Value>, path: &str) -> Merged<'a> {
        let mut merged = Merged::default();
        self.merge(schema, path, &mut merged, 0);
        merged
    }

    fn merge(&mut self, schema: &'a Map<String, Value>, path: &str, merged: &mut Merged<'a>, depth: usize) {
        self.count += 1;
        if depth > DEEPEST || self.count > MOST {
            (self.lose)(path, "is nested too deep or repeated too often: the rest of it is left out");
            return;
        }
        for (keyword, value) in schema {
            match keyword.as_str() {
                "properties" => {
                    for (name, property) in value.as_object().into_iter().flatten() {
                        let place = format!("{path}.properties.{name}");
                        merged.properties.entry(name.clone()).or_insert((place, property));
                    }
                }
                "required" => {
                    let names = value.as_array().into_iter().flatten().filter_map(Value::as_str);
                    for name in names.filter(|name| !merged.required.contains(name)).collect::<Vec<_>>() {
                        merged.required.push(name);
                    }
                }
                "$ref" | "$dynamicRef" | "allOf" | "anyOf" | "oneOf" => {}
                _ => {
                    let place = format!("{path}.{keyword}");
                    merged.keywords.entry(keyword.clone()).or_insert((place, value));
                }
            }
        }
        if let Some(target) = schema.get("$ref").or_else(|| schema.get("$dynamicRef")) {
            self.merge_reference(target, path, merged, depth);
        }
        for (number, part) in schema.get("allOf").and_then(Value::as_array).into_iter().flatten().enumerate()
        {
            if let Some(part) = part.as_object() {
                self.merge(part, &format!("{path}.allOf[{number}]"), merged, depth + 1);
            }
        }
        for keyword in ["anyOf", "oneOf"] {
            if let Some(choices) = schema.get(keyword).and_then(Value::as_array) {
                self.merge_choices(choices, &format!("{path}.{keyword}"), merged, depth);
            }
        }
    }

    fn merge_reference(&mut self, target: &'a Value, path: &str, merged: &mut Merged<'a>, depth: usize) {
        let place = format!("{path}.$ref");
        let name = target.as_str().unwrap_or_default();
        if self.open.iter().any(|open| open == name) {
            (self.lose)(
                &place,
                "refers to a schema that contains it: an object without properties stands for it",
            );
            merged.kind.get_or_insert("object");
            return;
        }
        match name.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer)).and_then(Value::as_object)
        {
            Some(found) => {
                self.open.push(name.to_owned());
                self.merge(found, path, merged, depth + 1);
                self.open.pop();
                merged.references.push(name.to_owned());
            }
            None => (self.lose)(
                &place,
                &format!("refers to {name:?}, which is not in the schema, and is left out"),
            ),
        }
    }

    /// One alternative stands for all of them. Properties of objects are those of all, of which only those are required that
    /// each of them requires.
    fn merge_choices(&mut self, choices: &'a [Value], path: &str, merged: &mut Merged<'a>, depth: usize) {
        let mut read: Vec<Merged<'a>> = Vec::new();
        for (number, choice) in choices.iter().enumerate() {
            let Some(choice) = choice.as_object() else { continue };
            let mut one = Merged::default();
            self.merge(choice, &format!("{path}[{number}]"), &mut one, depth + 1);
            read.push(one);
        }
        let count = read.len();
        read.retain(|choice| choice.kind() != Some("null"));
        if read.len() < count {
            (self.lose)(path, "allows null, which is left out: leave the value out instead");
        }
        let mut kinds: Vec<&str> = Vec::new();
        for kind in read.iter().map(|choice| choice.kind().unwrap_or("string")) {
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        let Some(&first) = kinds.first() else { return };
        if read.iter().all(|choice| choice.keywords.contains_key("const")) && read.len() > 1 {
            let values = read
                .iter()
                .filter_map(|choice| choice.keywords.get("const"))
                .map(|(_, value)| (*value).clone());
            merged.values.extend(values);
            merged.kind.get_or_insert(first);
            (self.lose)(path, IN_DESCRIPTION);
            return;
        }
        if read.len() > 1 {
            let what = format!(
                "has {} alternatives ({}), of which one stands for all",
                read.len(),
                kinds.join(", ")
            );
            (self.lose)(path, &what);
            if kinds.len() > 1 {
                merged.words.push(format!("one of the types {}", kinds.join(", ")));
            }
        }
        merged.take_choices(read, first);
    }

    fn object(&mut self, merged: &Merged<'a>, path: &str, depth: usize) -> Value {
        let mut words = merged.words.clone();
        let kind = self.kind(merged, path, &mut words);
        let items = self.keywords(merged, kind, depth, &mut words);
        let mut flat = Map::new();
        flat.insert("type".into(), kind.into());
        if let Some(description) = described(merged, &words) {
            flat.insert("description".into(), description.into());
        }
        if let Some(items) = items {
            flat.insert("items".into(), items);
        }
        self.properties(merged, kind, path, depth, &mut flat);
        flat.into()
    }

    /// Makes words of the keywords, and names those that are left out. Returns the schema of the items of an array.
    fn keywords(
        &mut self,
        merged: &Merged<'a>,
        kind: &str,
        depth: usize,
        words: &mut Vec<String>,
    ) -> Option<Value> {
        let (mut items, mut values) = (None, merged.values.clone());
        let is_description = merged.text("description").is_none();
        for (keyword, (place, value)) in &merged.keywords {
            match keyword.as_str() {
                "type" | "description" => {}
                "title" if is_description => {}
                "items" if kind == "array" && value.is_object() => {
                    items = Some(self.schema(value, place, depth + 1));
                }
                "enum" => {
                    values.extend(value.as_array().into_iter().flatten().cloned());
                    (self.lose)(place, IN_DESCRIPTION);
                }
                "additionalProperties" | "unevaluatedProperties" if **value == Value::Bool(true) => {}
                keyword if SILENT.contains(&keyword) => {}
                keyword => match IN_WORDS.iter().find(|(name, _)| *name == keyword) {
                    Some((_, name)) => {
                        words.push(format!("{name} {value}"));
                        (self.lose)(place, IN_DESCRIPTION);
                    }
                    None => (self.lose)(place, "is left out"),
                },
            }
        }
        if !values.is_empty() {
            let shown: Vec<_> = values.iter().take(MOST_VALUES).map(Value::to_string).collect();
            let more = if values.len() > MOST_VALUES { ", ..." } else { "" };
            words.insert(0, format!("one of {}{more}", shown.join(", ")));
        }
        items
    }

    fn properties(
        &mut self,
        merged: &Merged<'a>,
        kind: &str,
        path: &str,
        depth: usize,
        flat: &mut Map<String, Value>,
    ) {
        if kind != "object" {
            if !merged.properties.is_empty() {
                (self.lose)(&format!("{path}.properties"), "is left out: the type is no object");
            }
            return;
        }
        let mut properties = Map::new();
        for (name, (place, property)) in &merged.properties {
            properties.insert(name.clone(), self.schema(property, place, depth + 1));
        }
        let (known, unknown): (Vec<&str>, Vec<&str>) =
            merged.required.iter().copied().partition(|name| properties.contains_key(*name));
        if !unknown.is_empty() {
            let what = format!("names {}, which has no schema and is left out", unknown.join(", "));
            (self.lose)(&format!("{path}.required"), &what);
        }
        if !properties.is_empty() {
            flat.insert("properties".into(), properties.into());
        }
        if !known.is_empty() {
            flat.insert("required".into(), known.into());
        }
    }

    /// The one type of a value. A target has no `null`, and no list of types.
    fn kind(&mut self, merged: &Merged<'a>, path: &str, words: &mut Vec<String>) -> &'a str {
        let Some((place, Value::Array(kinds))) = merged.keywords.get("type") else {
            return match merged.kind() {
                Some("null") => {
                    (self.lose)(path, "allows null only, which cannot be said: a string stands for it");
                    "string"
                }
                Some(kind) => kind,
                None => {
                    (self.lose)(path, "has no type: a string stands for any value");
                    "string"
                }
            };
        };
        let kinds: Vec<&str> = kinds.iter().filter_map(Value::as_str).collect();
        let named: Vec<&str> = kinds.iter().copied().filter(|kind| *kind != "null").collect();
        if named.len() < kinds.len() {
            (self.lose)(place, "allows null, which is left out: leave the value out instead");
        }
        if named.len() > 1 {
            (self.lose)(
                place,
                &format!("has the types {}, of which the first stands for all", named.join(", ")),
            );
            words.push(format!("one of the types {}", named.join(", ")));
        }
        named.first().copied().unwrap_or("string")
    }
}

/// The description, or else the title, with the words behind it.
fn described(merged: &Merged<'_>, words: &[String]) -> Option<String> {
    let own = merged.text("description").or_else(|| merged.text("title")).filter(|text| !text.is_empty());
    let words = (!words.is_empty()).then(|| words.join("; "));
    match (own, words) {
        (Some(own), Some(words)) => Some(format!("{own} ({words})")),
        (own, words) => own.map(str::to_owned).or(words),
    }
}
