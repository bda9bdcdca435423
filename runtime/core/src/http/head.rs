//! Checks of a request's head, before any layer of the program sees it.

use std::{convert::Infallible, future::ready};

use futures::{FutureExt, future::BoxFuture};
use http::{HeaderMap, HeaderName, Method, Request, Response};
use tower::{ServiceExt, service_fn};

use super::{Body, McpService, guard, refusal::Refusal, reply};
use crate::{
    auth::{GatewayIdentity, HEADER_PREFIX},
    config::{CorsConfig, RequestLimits},
};

type ResponseFuture = BoxFuture<'static, Result<Response<Body>, Infallible>>;

/// Refuses the preflight request of an origin that is not allowed with 403, like the request itself.
/// <https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#security-warning>
/// (read 2026-11-20)
pub(crate) fn check_preflights(cors: CorsConfig) -> impl FnOnce(McpService) -> McpService {
    move |inner| {
        McpService::new(service_fn(move |request: Request<Body>| -> ResponseFuture {
            let checked = match *request.method() {
                Method::OPTIONS => guard::check_origin(&cors, request.headers()),
                _ => Ok(()),
            };
            pass(&inner, request, checked)
        }))
    }
}

/// Refuses oversized heads, and replaces `X-Authorizer-*` headers of the client with the values of the gateway.
pub(crate) fn check_heads(limits: RequestLimits) -> impl FnOnce(McpService) -> McpService {
    move |inner| {
        McpService::new(service_fn(move |mut request: Request<Body>| -> ResponseFuture {
            let checked = check_head(&request, limits);
            strip(request.headers_mut());
            if let Some(identity) = request.extensions().get::<GatewayIdentity>().cloned() {
                identity.forward(request.headers_mut());
            }
            pass(&inner, request, checked)
        }))
    }
}

fn pass(inner: &McpService, request: Request<Body>, checked: Result<(), Refusal>) -> ResponseFuture {
    match checked {
        Ok(()) => inner.clone().oneshot(request).boxed(),
        Err(refusal) => ready(Ok(reply::refusal(&refusal))).boxed(),
    }
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
    Ok(())
}

fn strip(headers: &mut HeaderMap) {
    let forged: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with(HEADER_PREFIX)).cloned().collect();
    for name in forged {
        headers.remove(name);
    }
}
