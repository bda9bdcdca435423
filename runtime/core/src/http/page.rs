//! The page of metrics, on an address of its own.

use std::{future::ready, sync::Arc};

use futures::FutureExt;
use http::{HeaderValue, Method, Response, StatusCode, header};

use super::{Body, McpService, body, guard, reply};
use crate::{config::Config, ingress::HostCheck, telemetry::ServedRequest};

const PATH: &str = "/metrics";
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// The service of a page that is made anew for each request. It has the rules of the endpoint for hosts and origins, so that
/// no page of the web reads it.
pub(crate) fn page(
    config: Arc<Config>,
    text: impl Fn() -> String + Clone + Send + Sync + 'static,
) -> McpService {
    McpService::new(move |request| {
        let (parts, _) = request.into_parts();
        let response = match guard::check(&config, &parts, HostCheck::Check)
            .and_then(|()| guard::check_origin(&config.cors, &parts.headers))
        {
            Err(refusal) => reply::refusal(&refusal, &ServedRequest::of(&parts.extensions)),
            Ok(()) if parts.uri.path() != PATH => empty(StatusCode::NOT_FOUND),
            Ok(()) if !matches!(parts.method, Method::GET | Method::HEAD) => {
                let mut response = empty(StatusCode::METHOD_NOT_ALLOWED);
                response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
                response
            }
            Ok(()) => {
                let mut response = Response::new(body::full(text()));
                response.headers_mut().insert(header::CONTENT_TYPE, TEXT);
                response
            }
        };
        ready(Ok(response)).boxed()
    })
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(body::full(""));
    *response.status_mut() = status;
    response
}
