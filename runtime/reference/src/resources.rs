//! `server://about`, and two templates: the checks of this server, and the counters of the caller.

use mcp_lambda_server::McpContext;
use percent_encoding::percent_decode_str;
use rmcp::{
    ErrorData, RoleServer,
    model::{
        ListResourceTemplatesResult, ListResourcesResult, ReadResourceResponse, ReadResourceResult, Resource,
        ResourceContents, ResourceTemplate,
    },
    service::RequestContext,
};
use serde_json::{Value, json};

use crate::host::Host;

const ABOUT: &str = "server://about";
pub(crate) const HEALTH: &str = "server://health/{check}";
const COUNTER: &str = "counter://{name}";
/// The checks of `lambda_diagnostics`.
pub(crate) const CHECKS: [&str; 4] = ["events", "memory", "sns", "state"];

pub(crate) fn list() -> ListResourcesResult {
    let about = Resource::new(ABOUT, "about")
        .with_description("Version, platform and uptime of this server")
        .with_mime_type("application/json");
    ListResourcesResult::with_all_items(vec![about])
}

pub(crate) fn templates() -> ListResourceTemplatesResult {
    let health = ResourceTemplate::new(HEALTH, "health")
        .with_description("One health check of this server: events, memory, sns or state")
        .with_mime_type("application/json");
    let counter = ResourceTemplate::new(COUNTER, "counter")
        .with_description("The value of a named counter of the caller")
        .with_mime_type("application/json");
    ListResourceTemplatesResult::with_all_items(vec![health, counter])
}

/// Reads a resource. `health` are the checks, which run if the resource is one of them.
pub(crate) async fn read(
    uri: &str,
    host: &Host,
    health: impl Future<Output = Value>,
    context: &RequestContext<RoleServer>,
) -> Result<ReadResourceResponse, ErrorData> {
    let value = if uri == ABOUT {
        Some(json!({
            "name": "mcp-lambda-reference",
            "version": env!("CARGO_PKG_VERSION"),
            "place": host.platform(),
            "uptime_seconds": host.uptime().as_secs(),
        }))
    } else if let Some(check) = uri.strip_prefix("server://health/") {
        match CHECKS.contains(&check) {
            true => Some(json!({ "check": check, "status": health.await["checks"][check] })),
            false => None,
        }
    } else if let Some(name) = uri.strip_prefix("counter://") {
        counter(name, context).await?
    } else {
        None
    };
    let Some(value) = value else {
        return Err(ErrorData::resource_not_found(
            format!("resource not found: {uri}"),
            Some(json!({ "uri": uri })),
        ));
    };
    let contents = ResourceContents::text(value.to_string(), uri).with_mime_type("application/json");
    Ok(ReadResourceResult::new(vec![contents]).into())
}

/// A counter that was never written has no resource.
async fn counter(name: &str, context: &RequestContext<RoleServer>) -> Result<Option<Value>, ErrorData> {
    let name = percent_decode_str(name).decode_utf8().ok();
    let Some(name) = name.filter(|name| (1..=128).contains(&name.chars().count())) else { return Ok(None) };
    let value = context.handles()?.open(&name).get::<i64>("counter").await?;
    Ok(value.map(|value| json!({ "name": name, "value": value })))
}
