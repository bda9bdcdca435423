//! The resources and their one template.

use mcp_lambda_server::rmcp::{
    ErrorData,
    model::{ReadResourceResult, Resource, ResourceContents, ResourceTemplate},
};
use serde_json::json;

use crate::content;

const TEXT: &str = "test://static-text";
const BINARY: &str = "test://static-binary";
/// The resource that clients subscribe to.
pub(crate) const WATCHED: &str = "test://watched-resource";

/// The part of a template's URI before and after its `{id}`.
const TEMPLATE: (&str, &str) = ("test://template/", "/data");

pub(crate) fn all() -> Vec<Resource> {
    let resource = |uri: &str, name: &str, description: &str, mime_type: &str| {
        Resource::new(uri, name).with_description(description).with_mime_type(mime_type)
    };
    vec![
        resource(TEXT, "static-text", "A text that never changes", "text/plain"),
        resource(BINARY, "static-binary", "An image that never changes", "image/png"),
        resource(WATCHED, "watched-resource", "A text to subscribe to", "text/plain"),
    ]
}

/// The URI of the template.
pub(crate) fn template() -> String {
    let (before, after) = TEMPLATE;
    format!("{before}{{id}}{after}")
}

pub(crate) fn templates() -> Vec<ResourceTemplate> {
    vec![
        ResourceTemplate::new(template(), "template")
            .with_description("What is known about an id")
            .with_mime_type("application/json"),
    ]
}

pub(crate) fn read(uri: &str) -> Result<ReadResourceResult, ErrorData> {
    let contents = match uri {
        TEXT => ResourceContents::text("This is the content of the static text resource.", uri),
        BINARY => ResourceContents::blob(content::PNG, uri).with_mime_type("image/png"),
        WATCHED => ResourceContents::text("This is the content of the watched resource.", uri),
        _ => from_template(uri).ok_or_else(|| not_found(uri))?,
    };
    Ok(ReadResourceResult::new(vec![contents]))
}

fn from_template(uri: &str) -> Option<ResourceContents> {
    let (before, after) = TEMPLATE;
    let id =
        uri.strip_prefix(before)?.strip_suffix(after).filter(|id| !id.is_empty() && !id.contains('/'))?;
    let data = json!({ "id": id, "templateTest": true, "data": format!("Data for ID: {id}") });
    Some(ResourceContents::text(data.to_string(), uri).with_mime_type("application/json"))
}

/// -32002 in the 2025 era; the runtime makes it -32602 of it in 2026-07-28 (SEP-2164).
fn not_found(uri: &str) -> ErrorData {
    ErrorData::resource_not_found("Resource not found", Some(json!({ "uri": uri })))
}
