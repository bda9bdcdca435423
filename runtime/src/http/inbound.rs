//! What is settled about a request before any layer of the program sees it.

use http::{HeaderMap, HeaderName, Request};
use tower::ServiceExt;

use super::{Body, McpService};
use crate::auth::{HEADER_PREFIX, Vouched};

/// Wraps a service so that `X-Authorizer-*` says what a front has checked, and never what a client wrote.
pub(crate) fn settled(inner: McpService) -> McpService {
    McpService::new(tower::service_fn(move |mut request: Request<Body>| {
        settle(&mut request);
        inner.clone().oneshot(request)
    }))
}

fn settle(request: &mut Request<Body>) {
    strip(request.headers_mut());
    if let Some(vouched) = request.extensions().get::<Vouched>().cloned() {
        vouched.forward(request.headers_mut());
    }
}

fn strip(headers: &mut HeaderMap) {
    let forged: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with(HEADER_PREFIX)).cloned().collect();
    for name in forged {
        headers.remove(name);
    }
}
