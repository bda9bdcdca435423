//! A JSON-RPC message sent with the Invoke API: for other functions, tests and the command line.
//!
//! A direct invocation has no HTTP headers, so those that mirror fields of the body are set from the body. Only requests
//! of 2026-07-28 can be sent this way: a session needs headers in both directions.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use serde_json::Value;

use mcp_lambda_core::{
    auth::Principal,
    http::{Body, full},
    protocol::{self, headers, meta},
};

/// The HTTP request that a client would send for this message.
pub(super) fn request(path: &str, event: &str) -> Request<Body> {
    let message: Value = serde_json::from_str(event).unwrap_or_default();
    let mut request = Request::new(full(Bytes::copy_from_slice(event.as_bytes())));
    request.extensions_mut().insert(Principal::invoker());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = path.parse().unwrap_or_default();
    let head = request.headers_mut();
    head.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // A direct invocation returns one response, so the client accepts no event stream.
    head.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    let method = message["method"].as_str().unwrap_or_default();
    let version = message["params"]["_meta"][meta::PROTOCOL_VERSION].as_str();
    let name = protocol::Method::from(method.to_owned())
        .mirrored_parameter()
        .and_then(|field| message["params"][field].as_str());
    let mirrored =
        [(headers::PROTOCOL_VERSION, version), (headers::METHOD, Some(method)), (headers::NAME, name)];
    for (header, value) in mirrored {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(&mirror(value)).ok()) {
            head.insert(header, value);
        }
    }
    request
}

/// Encodes a value that a header cannot contain as `=?base64?...?=`.
fn mirror(value: &str) -> String {
    let plain = value.bytes().all(|byte| (0x21..0x7f).contains(&byte)) && !value.starts_with("=?base64?");
    if plain { value.to_owned() } else { format!("=?base64?{}?=", STANDARD.encode(value)) }
}
