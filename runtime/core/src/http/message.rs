//! A JSON-RPC message that came without HTTP, as the request that a client would send.
//!
//! Such a message has no headers, so those that mirror fields of the body are set from the body. Only requests of 2026-07-28
//! can be sent this way: a session needs headers in both directions.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, header};
use http_body_util::{BodyExt, Collected};
use rmcp::{ErrorData, model::ErrorCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::body::{Body, full};
use crate::{
    auth::Principal,
    ingress::WithoutHeaders,
    protocol::{self, headers, meta, version},
};

/// The HTTP request that a client would send for a message, of this principal.
#[must_use]
pub fn request_of_message(path: &str, message: Bytes, principal: Principal) -> Request<Body> {
    let head = MessageHead::of(&message);
    let mut request = Request::new(full(message));
    request.extensions_mut().insert(principal);
    request.extensions_mut().insert(WithoutHeaders);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = path.parse().unwrap_or_default();
    let headers = request.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // One response is returned, so the client accepts no event stream.
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    let mirrored = [
        (headers::PROTOCOL_VERSION, &head.version),
        (headers::METHOD, &head.method),
        (headers::NAME, &head.name),
    ];
    for (name, value) in mirrored {
        if let Some(value) = value.as_deref().and_then(|value| HeaderValue::from_str(&mirror(value)).ok()) {
            headers.insert(name, value);
        }
    }
    request
}

/// The fields of a message that headers mirror.
struct MessageHead {
    version: Option<String>,
    method: Option<String>,
    name: Option<String>,
}

impl MessageHead {
    fn of(message: &[u8]) -> Self {
        let message: Value = serde_json::from_slice(message).unwrap_or_default();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let params = &message["params"];
        let method = message["method"].as_str().unwrap_or_default();
        let mirrored = protocol::Method::from(method.to_owned()).mirrored_parameter();
        Self {
            version: text(&params["_meta"][meta::PROTOCOL_VERSION]),
            name: mirrored.and_then(|field| text(&params[field])),
            method: Some(method.to_owned()),
        }
    }
}

/// Encodes a value that a header cannot contain as `=?base64?...?=`.
fn mirror(value: &str) -> String {
    let plain = value.bytes().all(|byte| (0x21..0x7f).contains(&byte)) && !value.starts_with("=?base64?");
    if plain { value.to_owned() } else { format!("=?base64?{}?=", STANDARD.encode(value)) }
}

/// A request of 2026-07-28, from a client of this name that can fulfil no request of the server.
#[must_use]
pub fn stateless_message(id: &str, method: &str, mut params: Map<String, Value>, client: &str) -> Bytes {
    let meta = json!({
        meta::PROTOCOL_VERSION: version::STATELESS_VERSION,
        meta::CLIENT_INFO: { "name": client, "version": env!("CARGO_PKG_VERSION") },
        meta::CLIENT_CAPABILITIES: {},
    });
    params.insert("_meta".into(), meta);
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string().into()
}

/// The result in the response to a message, without its `resultType`, which is that of a complete result.
///
/// # Errors
///
/// The JSON-RPC error of the response. A result that is not complete is one too: it waits for what its caller cannot give.
pub async fn result_of_response(response: Response<Body>) -> Result<Map<String, Value>, ErrorData> {
    #[derive(Deserialize)]
    struct Answer {
        result: Option<Map<String, Value>>,
        error: Option<ErrorData>,
    }
    let status = response.status();
    let body = response.into_body().collect().await.map(Collected::to_bytes).unwrap_or_default();
    let answer: Option<Answer> = serde_json::from_slice(&body).ok();
    let unreadable =
        || ErrorData::new(ErrorCode::INTERNAL_ERROR, format!("no response, with HTTP status {status}"), None);
    let Answer { result, error } = answer.ok_or_else(unreadable)?;
    if let Some(error) = error {
        return Err(error);
    }
    let mut result = result.ok_or_else(unreadable)?;
    match result.shift_remove("resultType").as_ref().and_then(Value::as_str) {
        None | Some("complete") => {}
        Some(kind) => {
            let text = format!("the result is of the type {kind}, for which this caller cannot wait");
            return Err(ErrorData::new(ErrorCode::INTERNAL_ERROR, text, None));
        }
    }
    Ok(result)
}

/// Removes the name and version of the server, which 2026-07-28 has in the `_meta` of each result, and returns them.
pub fn take_server_info(result: &mut Map<String, Value>) -> Option<Value> {
    let Some(Value::Object(fields)) = result.get_mut("_meta") else { return None };
    let info = fields.shift_remove(meta::SERVER_INFO);
    if fields.is_empty() {
        result.shift_remove("_meta");
    }
    info
}
