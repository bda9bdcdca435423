//! The metadata of the protected resource, which names its authorization server: <https://www.rfc-editor.org/rfc/rfc9728#section-3>.

use http::{Method, Request, Response, StatusCode};

use super::{Body, body, refusal::Refusal, reply};
use crate::{auth::ProtectedResource, telemetry::ServedRequest};

const METHODS: &str = "GET, HEAD, OPTIONS";

/// Answers a request for the document, without authentication.
pub(crate) fn document(resource: &ProtectedResource, request: &Request<Body>) -> Response<Body> {
    if *request.method() == Method::OPTIONS {
        return reply::allowed(METHODS);
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let served = ServedRequest::of(request.extensions());
        return reply::refusal(&Refusal::Method { allow: METHODS }, &served);
    }
    let text = resource.metadata(request.headers()).to_string();
    let mut response = reply::json(StatusCode::OK, text.into());
    if *request.method() == Method::HEAD {
        *response.body_mut() = body::full(bytes::Bytes::new());
    }
    response
}
