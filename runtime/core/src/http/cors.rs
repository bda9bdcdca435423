//! Cross-origin rules, as tower-http applies them.

use http::{HeaderName, HeaderValue, Method, header, request::Parts};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer, ExposeHeaders};

use super::guard::allows_origin;
use crate::{
    config::{AllowList, CorsConfig},
    protocol::headers,
};

const MCP_SESSION_ID: HeaderName = HeaderName::from_static(headers::SESSION_ID);
const MCP_PROTOCOL_VERSION: HeaderName = HeaderName::from_static(headers::PROTOCOL_VERSION);

pub(crate) fn layer(config: &CorsConfig) -> CorsLayer {
    let origins = config.origins.clone();
    let allow = if origins == AllowList::Any {
        AllowOrigin::any()
    } else {
        AllowOrigin::predicate(move |origin: &HeaderValue, _: &Parts| {
            origin.to_str().is_ok_and(|origin| allows_origin(&origins, origin))
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

/// Allows every header that the page asks for: tools name `Mcp-Param-*` headers, so no list is complete, and a header
/// gives a page nothing that its origin was not allowed already.
fn allow_headers() -> AllowHeaders {
    AllowHeaders::mirror_request()
}
