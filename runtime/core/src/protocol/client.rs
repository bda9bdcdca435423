//! What a client says about itself: its capabilities, its name and version.
//!
//! Clients send more than the schema has, and other kinds of values. What cannot be read is left out or read as far as
//! it goes: a value that nothing needs does not end a connection.

// SEP-2577 deprecates sampling and roots; clients of both eras use them until they are gone.
#![allow(deprecated)]

use std::collections::BTreeMap;

use rmcp::model::{ClientCapabilities, Implementation, JsonObject};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};

use super::explain;

/// Reads the capabilities of a client. They must be an object.
pub fn capabilities(raw: &RawValue, name: &str) -> Result<ClientCapabilities, String> {
    if raw.get().starts_with('{')
        && let Ok(capabilities) = serde_json::from_str(raw.get())
    {
        return Ok(capabilities);
    }
    let sent: Capabilities<'_> = explain::read_object(raw.get(), name)?;
    let mut capabilities = ClientCapabilities::default();
    capabilities.experimental = sent.experimental.and_then(entries);
    capabilities.extensions = sent.extensions.and_then(entries);
    capabilities.roots = sent.roots.and_then(declared);
    capabilities.sampling = sent.sampling.and_then(declared);
    capabilities.elicitation = sent.elicitation.and_then(declared);
    Ok(capabilities)
}

/// Reads the name and version of a client. A client without a name is called `unknown`.
#[must_use]
pub fn implementation(raw: Option<&RawValue>) -> Implementation {
    let text = raw.map_or("{}", RawValue::get);
    if let Ok(implementation) = serde_json::from_str(text) {
        return implementation;
    }
    let sent: JsonObject = serde_json::from_str(text).unwrap_or_default();
    let words = |key: &str| match sent.get(key) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    let name = words("name").unwrap_or_else(|| "unknown".into());
    let mut implementation = Implementation::new(name, words("version").unwrap_or_else(|| "0".into()));
    implementation.title = words("title");
    implementation.description = words("description");
    implementation.website_url = words("websiteUrl");
    if let Some(Value::Array(icons)) = sent.get("icons") {
        let icons: Vec<_> = icons.iter().filter_map(|icon| Deserialize::deserialize(icon).ok()).collect();
        implementation.icons = (!icons.is_empty()).then_some(icons);
    }
    implementation
}

#[derive(Deserialize)]
struct Capabilities<'a> {
    #[serde(borrow, default)]
    experimental: Option<&'a RawValue>,
    #[serde(borrow, default)]
    extensions: Option<&'a RawValue>,
    #[serde(borrow, default)]
    roots: Option<&'a RawValue>,
    #[serde(borrow, default)]
    sampling: Option<&'a RawValue>,
    #[serde(borrow, default)]
    elicitation: Option<&'a RawValue>,
}

/// A capability is declared by any value but `false` and `null`.
fn declared<T: DeserializeOwned + Default>(raw: &RawValue) -> Option<T> {
    match raw.get() {
        "false" | "null" => None,
        text => Some(serde_json::from_str(text).unwrap_or_default()),
    }
}

fn entries(raw: &RawValue) -> Option<BTreeMap<String, JsonObject>> {
    let sent: BTreeMap<String, &RawValue> = serde_json::from_str(raw.get()).ok()?;
    Some(sent.into_iter().filter_map(|(key, value)| Some((key, declared(value)?))).collect())
}
