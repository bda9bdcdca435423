//! Whose tokens are taken, for clients that have none yet: <https://www.rfc-editor.org/rfc/rfc9728#section-3>.

use http::{HeaderValue, Method, Request, Response, StatusCode, header};

use super::{Body, body, reply};
use crate::auth::ProtectedResource;

/// The document, for anybody who asks.
pub(crate) fn document(resource: &ProtectedResource, request: &Request<Body>) -> Response<Body> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refused = reply::json(StatusCode::METHOD_NOT_ALLOWED, bytes::Bytes::from_static(b"{}"));
        refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    let text = resource.metadata(request.headers()).to_string();
    let mut response = reply::json(StatusCode::OK, text.into());
    if *request.method() == Method::HEAD {
        *response.body_mut() = body::full(bytes::Bytes::new());
    }
    response
}
