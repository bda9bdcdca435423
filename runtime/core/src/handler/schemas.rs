//! The input schemas of tools, compiled once each, and what does not fit them in words for a model.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use jsonschema::{
    ValidationError, Validator,
    error::{TypeKind, ValidationErrorKind},
};
use rmcp::model::JsonObject;
use serde_json::Value;

use crate::protocol::explain::{described, short};

/// How many schemas are kept. A program that defines its tools anew for each call does not fill the memory.
const KEPT: usize = 512;
/// How many faults of one call its result names.
const NAMED: usize = 5;

/// The compiled schemas, by the name of their tool.
#[derive(Default)]
pub(super) struct Schemas(Mutex<HashMap<String, Compiled>>);

struct Compiled {
    schema: Arc<JsonObject>,
    /// `None`: the schema cannot be compiled, so nothing is checked.
    validator: Option<Arc<Validator>>,
}

impl Schemas {
    /// Checks arguments. The error names each that does not fit.
    pub(super) fn check(
        &self,
        tool: &str,
        schema: &Arc<JsonObject>,
        arguments: &Value,
    ) -> Result<(), String> {
        let Some(validator) = self.validator(tool, schema) else { return Ok(()) };
        if validator.is_valid(arguments) {
            return Ok(());
        }
        let mut faults: Vec<String> = validator.iter_errors(arguments).map(|error| fault(&error)).collect();
        faults.dedup();
        if faults.len() > NAMED {
            let more = faults.len() - NAMED;
            faults.truncate(NAMED);
            faults.push(format!("and {more} more"));
        }
        Err(faults.join("; "))
    }

    fn validator(&self, tool: &str, schema: &Arc<JsonObject>) -> Option<Arc<Validator>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(compiled) = kept.get(tool)
            && (Arc::ptr_eq(&compiled.schema, schema) || compiled.schema == *schema)
        {
            return compiled.validator.clone();
        }
        if kept.len() >= KEPT {
            kept.clear();
        }
        let validator = compile(tool, schema);
        let compiled = Compiled { schema: Arc::clone(schema), validator: validator.clone() };
        kept.insert(tool.to_owned(), compiled);
        validator
    }
}

fn compile(tool: &str, schema: &JsonObject) -> Option<Arc<Validator>> {
    let schema = Value::Object(schema.clone());
    match jsonschema::options().should_validate_formats(true).offline().build(&schema) {
        Ok(validator) => Some(Arc::new(validator)),
        Err(error) => {
            tracing::warn!(tool, %error, "the input schema of a tool is not valid: its arguments are not checked");
            None
        }
    }
}

/// What does not fit, by its path, with what was expected and what came.
fn fault(error: &ValidationError<'_>) -> String {
    use ValidationErrorKind as Kind;
    let path = path(error.instance_path().as_str());
    let came = described(error.instance());
    let expected = match error.kind() {
        Kind::Required { property } => {
            let property = property.as_str().unwrap_or_default();
            let of = if path == ROOT { String::new() } else { format!("{path}.") };
            return format!("{of}{property} is required");
        }
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            let keys: Vec<_> = unexpected.iter().take(NAMED).map(|key| format!("{:?}", short(key))).collect();
            return format!("{path} must not have {}", keys.join(", "));
        }
        Kind::Type { kind } => types(kind),
        Kind::Minimum { limit } => format!("at least {limit}"),
        Kind::Maximum { limit } => format!("at most {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("more than {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("less than {limit}"),
        Kind::MultipleOf { multiple_of } => format!("a multiple of {multiple_of}"),
        Kind::Enum { options } => format!("one of {}", listed(options)),
        Kind::Constant { expected_value } => listed(expected_value),
        Kind::Format { format } => format!("a text in the format {format}"),
        Kind::Pattern { pattern } => format!("a text that matches {pattern}"),
        Kind::MinLength { limit } => return format!("{path} must have at least {limit} characters"),
        Kind::MaxLength { limit } => return format!("{path} must have at most {limit} characters"),
        Kind::MinItems { limit } => return format!("{path} must have at least {limit} items"),
        Kind::MaxItems { limit } => return format!("{path} must have at most {limit} items"),
        Kind::MinProperties { limit } => return format!("{path} must have at least {limit} keys"),
        Kind::MaxProperties { limit } => return format!("{path} must have at most {limit} keys"),
        Kind::UniqueItems => return format!("{path} must not have an item twice"),
        _ => format!("what {:?} of its schema says", error.kind().keyword()),
    };
    format!("{path} must be {expected}, not {came}")
}

fn types(kind: &TypeKind) -> String {
    let names: Vec<String> = match kind {
        TypeKind::Single(one) => vec![one.to_string()],
        TypeKind::Multiple(several) => several.iter().map(|one| one.to_string()).collect(),
    };
    let with_article = |name: &String| match name.as_str() {
        "null" => "null".to_owned(),
        "boolean" => "true or false".to_owned(),
        "integer" | "array" | "object" => format!("an {name}"),
        _ => format!("a {name}"),
    };
    names.iter().map(with_article).collect::<Vec<_>>().join(" or ")
}

fn listed(value: &Value) -> String {
    let options = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    let mut named: Vec<String> = options.iter().take(20).map(|option| short(&option.to_string())).collect();
    if options.len() > named.len() {
        named.push(format!("and {} more", options.len() - named.len()));
    }
    named.join(", ")
}

const ROOT: &str = "arguments";

/// A JSON pointer as a path: `/steps/0/name` is `steps[0].name`.
fn path(pointer: &str) -> String {
    let mut text = String::new();
    for key in pointer.split('/').skip(1) {
        if key.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
            text.push_str(&format!("[{key}]"));
        } else {
            if !text.is_empty() {
                text.push('.');
            }
            text.push_str(&short(&key.replace("~1", "/").replace("~0", "~")));
        }
    }
    if text.is_empty() { ROOT.into() } else { text }
}
