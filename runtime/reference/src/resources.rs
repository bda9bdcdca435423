//! One resource, `server://about`: the name, version and platform of this server.

use rmcp::{
    ErrorData,
    model::{ListResourcesResult, ReadResourceResponse, ReadResourceResult, Resource, ResourceContents},
};
use serde_json::json;

use crate::host::Host;

const ABOUT: &str = "server://about";

pub(crate) fn list() -> ListResourcesResult {
    let about = Resource::new(ABOUT, "about")
        .with_description("Version, platform and uptime of this server")
        .with_mime_type("application/json");
    ListResourcesResult::with_all_items(vec![about])
}

pub(crate) fn read(uri: &str, host: &Host) -> Result<ReadResourceResponse, ErrorData> {
    if uri != ABOUT {
        return Err(ErrorData::resource_not_found(
            format!("resource not found: {uri}"),
            Some(json!({ "uri": uri })),
        ));
    }
    let about = json!({
        "name": "mcp-lambda-reference",
        "version": env!("CARGO_PKG_VERSION"),
        "place": host.platform(),
        "uptime_seconds": host.uptime().as_secs(),
    });
    let contents = ResourceContents::text(about.to_string(), ABOUT).with_mime_type("application/json");
    Ok(ReadResourceResult::new(vec![contents]).into())
}
