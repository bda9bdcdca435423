//! Checks of a request's head, before any layer of the program sees it.

use std::future::ready;

use futures::FutureExt;
use http::{HeaderMap, HeaderName, Method, Request, header};
use tower::{Layer, Service};

use super::{Body, McpService, ResponseFuture, cors, guard, refusal::Refusal, reply};
use crate::{
    auth::{GatewayIdentity, HEADER_PREFIX},
    config::{CorsConfig, RequestLimits},
    ingress::{HostCheck, Ingress},
    telemetry::ServedRequest,
};

/// The rules of browsers: CORS headers, and preflight requests. That of an origin that is not allowed is refused with
/// 403, like the request itself.
/// <https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#security-warning>
/// (read 2026-11-20)
pub(crate) fn browsers(cors: CorsConfig) -> impl FnOnce(McpService) -> McpService {
    move |inner| {
        // Always ready, as what it is around.
        let with_cors = cors::layer(&cors).layer(inner.clone());
        McpService::new(move |request| {
            if *request.method() != Method::OPTIONS {
                return with_cors.clone().call(request).boxed();
            }
            if let Err(refusal) = guard::check_origin(&cors, request.headers()) {
                return refused(&request, &refusal);
            }
            // The layer answers any OPTIONS as a preflight request, and this one may be a request for what is allowed.
            if request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
                return with_cors.clone().call(request).boxed();
            }
            inner.answer(request)
        })
    }
}

/// Refuses oversized heads, and replaces `X-Authorizer-*` headers of the client with the values of the gateway.
pub(crate) fn check_heads(limits: RequestLimits) -> impl FnOnce(McpService) -> McpService {
    move |inner| {
        McpService::new(move |mut request| {
            if let Err(refusal) = check_head(&request, limits) {
                return refused(&request, &refusal);
            }
            strip(request.headers_mut());
            if let Some(identity) = request.extensions().get::<GatewayIdentity>().cloned() {
                identity.forward(request.headers_mut());
            }
            inner.answer(request)
        })
    }
}

fn refused(request: &Request<Body>, refusal: &Refusal) -> ResponseFuture {
    let served = ServedRequest::of(request.extensions());
    ready(Ok(reply::refusal(refusal, &served))).boxed()
}

/// The request line counts with the headers: both are read before the caller is authenticated.
fn check_head(request: &Request<Body>, limits: RequestLimits) -> Result<(), Refusal> {
    let headers = request.headers();
    let line = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    let size = |(name, value): (&HeaderName, &http::HeaderValue)| name.as_str().len() + value.len();
    let bytes = line + headers.iter().map(size).sum::<usize>();
    if headers.len() > limits.headers {
        return Err(Refusal::ManyHeaders { limit: limits.headers });
    }
    if bytes > limits.header_bytes {
        return Err(Refusal::LargeHeaders { limit: limits.header_bytes });
    }
    // A gateway has read the host of what it routes.
    match request.extensions().get::<Ingress>() {
        Some(Ingress { host: HostCheck::Routed, .. }) => Ok(()),
        _ => guard::check_host_field(request),
    }
}

fn strip(headers: &mut HeaderMap) {
    let forged: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with(HEADER_PREFIX)).cloned().collect();
    for name in forged {
        headers.remove(name);
    }
}
