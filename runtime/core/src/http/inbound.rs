//! What is settled about a request before any layer of the program sees it.

use std::{convert::Infallible, future::ready};

use futures::{FutureExt, future::BoxFuture};
use http::{HeaderMap, HeaderName, Method, Request, Response};
use tower::{ServiceExt, service_fn};

use super::{Body, McpService, guard, reply, reply::Refusal};
use crate::{
    auth::{GatewayIdentity, HEADER_PREFIX},
    config::{CorsConfig, RequestLimits},
};

type Answer = BoxFuture<'static, Result<Response<Body>, Infallible>>;

/// Refuses a preflight from a page that may not call, before it is answered: 403, as its request would be.
/// <https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#security-warning>
/// (read 2026-11-20)
pub(crate) fn preflights(cors: CorsConfig) -> impl FnOnce(McpService) -> McpService {
    move |inner| {
        McpService::new(service_fn(move |request: Request<Body>| -> Answer {
            let checked = match *request.method() {
                Method::OPTIONS => guard::check_origin(&cors, request.headers()),
                _ => Ok(()),
            };
            pass(&inner, request, checked)
        }))
    }
}

/// Refuses what is too much to look at, and makes `X-Authorizer-*` say what a front has checked, never what a client wrote.
pub(crate) fn settled(limits: RequestLimits) -> impl FnOnce(McpService) -> McpService {
    move |inner| {
        McpService::new(service_fn(move |mut request: Request<Body>| -> Answer {
            let checked = check_head(&request, limits);
            strip(request.headers_mut());
            if let Some(identity) = request.extensions().get::<GatewayIdentity>().cloned() {
                identity.forward(request.headers_mut());
            }
            pass(&inner, request, checked)
        }))
    }
}

fn pass(inner: &McpService, request: Request<Body>, checked: Result<(), Refusal>) -> Answer {
    match checked {
        Ok(()) => inner.clone().oneshot(request).boxed(),
        Err(refusal) => ready(Ok(reply::refusal(&refusal))).boxed(),
    }
}

/// The request line counts with the headers: both are read before anything is known of the caller.
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
