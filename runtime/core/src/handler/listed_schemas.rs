//! The schemas of tools as clients list them.
//!
//! A schema that was derived of a Rust type says more than JSON Schema knows, and clients, validators and models stumble
//! over it. The handler's own schema stays what calls are checked against: what is listed is never wider than it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use futures::future::{BoxFuture, FutureExt};
use rmcp::model::{ClientRequest, JsonObject, ServerResult, Tool};
use serde_json::{Map, Value, json};

use super::{Handler, HandlerResult, Layer, Request};

/// The most tools whose schemas are kept. A handler with more of them is served all the same.
const KEPT: usize = 1024;

/// The layer: `tools/list` has the schemas as [`listed`] writes them, each written once.
pub(super) struct ListedSchemas {
    inner: Arc<dyn Handler>,
    known: Mutex<HashMap<(Use, String), Known>>,
}

struct Known {
    own: Arc<JsonObject>,
    listed: Arc<JsonObject>,
}

/// What a schema describes. An optional property of an input may be left out; one of an output may be `null`, since serde
/// writes it so.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Use {
    Input,
    Output,
}

impl ListedSchemas {
    pub(super) fn new(inner: Arc<dyn Handler>) -> Self {
        Self { inner, known: Mutex::default() }
    }

    fn rewrite(&self, tool: &mut Tool) {
        self.replace(Use::Input, &tool.name, &mut tool.input_schema);
        if let Some(schema) = &mut tool.output_schema {
            self.replace(Use::Output, &tool.name, schema);
        }
    }

    fn replace(&self, of: Use, tool: &str, schema: &mut Arc<JsonObject>) {
        let key = (of, tool.to_owned());
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.get(&key)
            && (Arc::ptr_eq(&found.own, schema) || found.own == *schema)
        {
            *schema = Arc::clone(&found.listed);
            return;
        }
        let own = Arc::clone(schema);
        *schema = Arc::new(listed(of, &own));
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(key, Known { own, listed: Arc::clone(schema) });
    }
}

impl Layer for ListedSchemas {
    fn inner(&self) -> &dyn Handler {
        &*self.inner
    }

    fn request(&self, request: Request) -> BoxFuture<'_, HandlerResult> {
        let is_list = matches!(request.typed, ClientRequest::ListToolsRequest(_));
        let result = self.inner.request(request);
        if !is_list {
            return result;
        }
        result
            .map(|result| {
                let mut result = result?;
                if let ServerResult::ListToolsResult(list) = &mut result {
                    list.tools.iter_mut().for_each(|tool| self.rewrite(tool));
                }
                Ok(result)
            })
            .boxed()
    }
}

/// A schema as it is listed:
///
/// * without the formats of Rust's numbers, which validators do not know; their bounds say the same,
/// * without `$schema` where it was derived: the dialect is that of MCP, and validators of older drafts refuse its name,
/// * of an input, an optional property has the type of its value, without `null` and without `null` as its default,
/// * with a type for each property and for the items of each array.
fn listed(of: Use, own: &JsonObject) -> JsonObject {
    let mut schema = own.clone();
    if schema.get("$schema").is_some_and(|dialect| dialect == DIALECT) && !schema.iter().any(is_handwritten) {
        schema.shift_remove("$schema");
    }
    rewrite(of, &mut schema);
    schema
}

/// The dialect of MCP, as schemars names it.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Whether a keyword, or one below it, is of this dialect and never derived: then the dialect may be meant.
fn is_handwritten((keyword, value): (&String, &Value)) -> bool {
    const WRITTEN: [&str; 8] = [
        "$id",
        "$anchor",
        "$dynamicAnchor",
        "$dynamicRef",
        "$vocabulary",
        "dependentRequired",
        "dependentSchemas",
        "unevaluatedItems",
    ];
    WRITTEN.contains(&keyword.as_str())
        || match value {
            Value::Object(inner) => inner.iter().any(is_handwritten),
            Value::Array(items) => {
                items.iter().filter_map(Value::as_object).any(|inner| inner.iter().any(is_handwritten))
            }
            _ => false,
        }
}

fn rewrite(of: Use, schema: &mut Map<String, Value>) {
    bound(schema);
    properties(of, schema);
    if schema.get("type").is_some_and(|kind| kind == "array") && !schema.contains_key("prefixItems") {
        typed(schema.entry("items").or_insert(Value::Bool(true)));
    }
    for (keyword, value) in schema.iter_mut() {
        match keyword.as_str() {
            "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas" => {
                value.as_object_mut().into_iter().flatten().for_each(|(_, inner)| inside(of, inner));
            }
            "items"
            | "additionalProperties"
            | "contains"
            | "not"
            | "if"
            | "then"
            | "else"
            | "propertyNames"
            | "unevaluatedItems"
            | "unevaluatedProperties" => inside(of, value),
            "anyOf" | "oneOf" | "allOf" | "prefixItems" => {
                value.as_array_mut().into_iter().flatten().for_each(|inner| inside(of, inner));
            }
            _ => {}
        }
    }
}

fn inside(of: Use, value: &mut Value) {
    if let Value::Object(schema) = value {
        rewrite(of, schema);
    }
}

/// Replaces the format of a Rust number by its bounds. The bounds of 64 bits are no numbers that JSON clients can write.
fn bound(schema: &mut Map<String, Value>) {
    let Some(format) = schema.get("format").and_then(Value::as_str) else { return };
    let (least, most) = match format {
        "int8" => (Some(i64::from(i8::MIN)), Some(i64::from(i8::MAX))),
        "int16" => (Some(i64::from(i16::MIN)), Some(i64::from(i16::MAX))),
        "int32" => (Some(i64::from(i32::MIN)), Some(i64::from(i32::MAX))),
        "uint8" => (Some(0), Some(i64::from(u8::MAX))),
        "uint16" => (Some(0), Some(i64::from(u16::MAX))),
        "uint32" => (Some(0), Some(i64::from(u32::MAX))),
        "uint" | "uint64" | "uint128" => (Some(0), None),
        "int" | "int64" | "int128" | "float" | "double" => (None, None),
        _ => return,
    };
    schema.shift_remove("format");
    let is_exclusive = |name: &str| schema.contains_key(name);
    let (least, most) = (
        least.filter(|_| !is_exclusive("exclusiveMinimum")),
        most.filter(|_| !is_exclusive("exclusiveMaximum")),
    );
    for (keyword, bound) in [("minimum", least), ("maximum", most)] {
        if let Some(bound) = bound {
            schema.entry(keyword).or_insert(bound.into());
        }
    }
}

fn properties(of: Use, schema: &mut Map<String, Value>) {
    let required: Vec<String> = schema
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect())
        .unwrap_or_default();
    let Some(Value::Object(properties)) = schema.get_mut("properties") else { return };
    for (name, property) in properties {
        if of == Use::Input && !required.contains(name) {
            without_null(property);
        }
        typed(property);
    }
}

/// The schema of an optional value: that of the value. A caller without a value leaves the property out.
fn without_null(property: &mut Value) {
    let Value::Object(property) = property else { return };
    if property.get("default").is_some_and(Value::is_null) {
        property.shift_remove("default");
    }
    if let Some(Value::Array(kinds)) = property.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [only] = &mut kinds[..] {
            let only = only.take();
            property.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(values)) = property.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    for keyword in ["anyOf", "oneOf"] {
        let Some(Value::Array(choices)) = property.get_mut(keyword) else { continue };
        choices.retain(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
        // A single choice is no choice. What stands beside it, as its description, stays.
        if let [Value::Object(only)] = &mut choices[..] {
            let only = std::mem::take(only);
            property.shift_remove(keyword);
            for (keyword, value) in only {
                property.entry(keyword).or_insert(value);
            }
        }
    }
}

/// Gives a schema that allows any value the types that JSON has.
fn typed(schema: &mut Value) {
    const TYPING: [&str; 8] = ["type", "$ref", "anyOf", "oneOf", "allOf", "const", "enum", "not"];
    if *schema == Value::Bool(true) {
        *schema = json!({});
    }
    let Value::Object(object) = schema else { return };
    if let Some(kind) = kind_of(object) {
        object.insert("type".into(), kind.into());
    } else if !TYPING.iter().any(|keyword| object.contains_key(*keyword)) {
        let plain =
            json!([{ "type": "string" }, { "type": "number" }, { "type": "boolean" }, { "type": "object" }]);
        let mut any = plain.as_array().cloned().unwrap_or_default();
        any.push(json!({ "type": "array", "items": { "anyOf": plain } }));
        object.insert("anyOf".into(), any.into());
    }
}

/// The type that the other keywords of a schema without one tell.
fn kind_of(schema: &Map<String, Value>) -> Option<&'static str> {
    let has = |keyword: &str| schema.contains_key(keyword);
    if ["type", "$ref", "anyOf", "oneOf", "allOf"].into_iter().any(has) {
        return None;
    }
    let kind = |value: &Value| match value {
        Value::String(_) => Some("string"),
        Value::Bool(_) => Some("boolean"),
        Value::Number(number) if number.is_f64() => Some("number"),
        Value::Number(_) => Some("integer"),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    if let Some(value) = schema.get("const") {
        return kind(value);
    }
    if let Some(Value::Array(values)) = schema.get("enum") {
        let first = kind(values.first()?)?;
        return values.iter().all(|value| kind(value) == Some(first)).then_some(first);
    }
    match () {
        () if has("properties") || has("additionalProperties") => Some("object"),
        () if has("items") || has("prefixItems") => Some("array"),
        () if has("minLength") || has("maxLength") || has("pattern") || has("format") => Some("string"),
        () if has("minimum") || has("maximum") || has("multipleOf") => Some("number"),
        () => None,
    }
}
