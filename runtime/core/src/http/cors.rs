//! Cross-origin rules, as tower-http applies them.

use http::{HeaderName, HeaderValue, Method, header, request::Parts};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer, ExposeHeaders};

use super::{allows, guard::is_loopback_origin};
use crate::config::{AllowList, CorsConfig};

const MCP_SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
const MCP_PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");

pub(crate) fn layer(config: &CorsConfig) -> CorsLayer {
    let origins = config.origins.clone();
    let allow = if origins == AllowList::Any {
        AllowOrigin::any()
    } else {
        AllowOrigin::predicate(move |origin: &HeaderValue, _: &Parts| {
            origin.to_str().is_ok_and(|origin| allows(&origins, origin, is_loopback_origin))
        })
    };
    CorsLayer::new()
        .allow_origin(allow)
        .allow_methods([Method::GET, Method::POST, Method::DELETE, Method::OPTIONS])
        .allow_headers(allow_headers())
        .expose_headers(ExposeHeaders::list([MCP_SESSION_ID, MCP_PROTOCOL_VERSION, header::WWW_AUTHENTICATE]))
        .allow_credentials(config.credentials)
        .max_age(config.max_age)
}

/// Whatever the client asks for: `Mcp-Param-*` headers are named by tools, so no list could be complete, and a header
/// that a page may set gives it nothing its origin was not allowed already.
fn allow_headers() -> AllowHeaders {
    AllowHeaders::mirror_request()
}
