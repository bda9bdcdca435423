//! A response in the format that the gateway of the event expects.

use std::{borrow::Cow, panic::AssertUnwindSafe};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures::FutureExt;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header, response::Parts};
use http_body::Body as _;
use http_body_util::BodyExt;
use serde::{Serialize, Serializer, de::IgnoredAny};

use super::{
    classify::IngressKind,
    response_body::{Chunks, NOT_EMPTY},
};
use mcp_lambda_core::{
    error::Causes,
    http::{Body, full, internal_error},
};

/// What the Runtime API receives as the response to an invocation.
pub(super) enum ResponsePayload {
    /// A JSON document.
    Buffered(Bytes),
    /// A JSON document with a response body that has ended, which is kept until the document is on its way.
    Collected { json: Bytes, body: Body },
    /// A prelude and a body, sent while the body is produced.
    Streaming(Chunks),
}

/// The largest buffered response that Lambda accepts, in bytes of JSON:
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html> (read 2026-11-20).
pub(super) const BUFFERED_LIMIT: usize = 6 * 1024 * 1024;
/// The largest response that a load balancer accepts, in bytes of JSON:
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html> (read 2026-11-20).
const LOAD_BALANCER_LIMIT: usize = 1024 * 1024;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// The separator between the prelude and the body.
const PRELUDE_END: &[u8] = &[0; 8];

/// The JSON before the body of a streamed response.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Prelude<'a> {
    status_code: u16,
    headers: Single<'a>,
    cookies: Vec<String>,
}

/// Streams a response. Its prelude and the first chunk are sent in one write if the chunk is ready, as it often is.
///
/// A streamed body must not be empty: gateways wait for a first byte, some until the function's timeout
/// (<https://github.com/aws/aws-lambda-nodejs-runtime-interface-client/issues/95>, read 2026-11-26). A response without a
/// body, such as 202, gets an empty JSON object: Java clients take no other type for one
/// (<https://github.com/modelcontextprotocol/java-sdk/issues/748>), and others read no body of such a status.
pub(super) async fn streamed(response: Response<Body>) -> ResponsePayload {
    let (mut parts, body) = response.into_parts();
    let body = if is_empty(&body) { no_body(&mut parts) } else { body };
    let cookies = take_cookies(&mut parts.headers);
    parts.headers.entry(header::CONTENT_TYPE).or_insert(TEXT);
    parts.headers.remove(header::CONTENT_LENGTH);
    let prelude = Prelude { status_code: parts.status.as_u16(), headers: Single(&parts.headers), cookies };
    // The prelude contains nothing but text, so its serialization does not fail.
    let prelude = serde_json::to_vec(&prelude).unwrap_or_default();
    ResponsePayload::Streaming(Chunks::streamed(prelude.into(), PRELUDE_END, body).await)
}

/// The body that a streamed response without one gets. A 204 must not have one, so it becomes a 200.
fn no_body(parts: &mut Parts) -> Body {
    if parts.status == StatusCode::NO_CONTENT {
        parts.status = StatusCode::OK;
    }
    match parts.headers.get(header::CONTENT_TYPE) {
        None => {
            parts.headers.insert(header::CONTENT_TYPE, JSON);
            full("{}")
        }
        Some(kind) if kind == JSON => full("{}"),
        Some(_) => full(NOT_EMPTY),
    }
}

/// Whether a body is known to be empty before it is read.
fn is_empty(body: &Body) -> bool {
    body.is_end_stream() || body.size_hint().exact() == Some(0)
}

/// A buffered response.
pub(super) async fn buffered(response: Response<Body>, ingress: IngressKind) -> ResponsePayload {
    let (mut parts, mut body) = response.into_parts();
    if !is_empty(&body) {
        // The default of a gateway would be JSON.
        parts.headers.entry(header::CONTENT_TYPE).or_insert(TEXT);
    }
    let bytes = match AssertUnwindSafe((&mut body).collect()).catch_unwind().await {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(error)) => {
            tracing::error!(error = %Causes(&*error), "a response body failed");
            return failure(ingress, "internal error");
        }
        Err(_) => {
            tracing::error!("a response body panicked");
            return failure(ingress, "internal error");
        }
    };
    let output = encode(parts.status, &mut parts.headers, &bytes, ingress);
    let limit = match ingress {
        IngressKind::Alb { .. } => LOAD_BALANCER_LIMIT,
        IngressKind::FunctionUrl | IngressKind::HttpApi | IngressKind::RestApi => BUFFERED_LIMIT,
    };
    if output.len() > limit {
        tracing::error!(bytes = output.len(), limit, "a response is too large for the gateway");
        let text = format!(
            "the response is larger than {} MB, the limit of the gateway; request less data",
            limit >> 20
        );
        return failure(ingress, &text);
    }
    ResponsePayload::Collected { json: output.into(), body }
}

/// The response to a direct invocation: the JSON-RPC message itself, or `null` for a notification.
pub(super) fn raw(body: Bytes) -> ResponsePayload {
    let is_json = serde_json::from_slice::<IgnoredAny>(&body).is_ok();
    ResponsePayload::Buffered(if is_json { body } else { Bytes::from_static(b"null") })
}

/// An internal error, with status 500: the body has no request id, and after a 200 a client would wait for a response with
/// the id of its request.
fn failure(ingress: IngressKind, message: &str) -> ResponsePayload {
    let (status, body) = internal_error(message);
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, JSON);
    ResponsePayload::Buffered(encode(status, &mut headers, &body, ingress).into())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Buffered<'a> {
    status_code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<Single<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multi_value_headers: Option<Lists<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cookies: Vec<String>,
    body: &'a str,
    is_base64_encoded: bool,
}

fn encode(status: StatusCode, headers: &mut HeaderMap, body: &[u8], ingress: IngressKind) -> Vec<u8> {
    let text = std::str::from_utf8(body).ok().filter(|_| !headers.contains_key(header::CONTENT_ENCODING));
    let encoded = if text.is_none() { STANDARD.encode(body) } else { String::new() };
    let lists = matches!(ingress, IngressKind::RestApi | IngressKind::Alb { multi_value: true });
    let cookies = match ingress {
        IngressKind::FunctionUrl | IngressKind::HttpApi => take_cookies(headers),
        IngressKind::Alb { multi_value: false } => {
            keep_one_cookie(headers);
            Vec::new()
        }
        IngressKind::RestApi | IngressKind::Alb { multi_value: true } => Vec::new(),
    };
    let response = Buffered {
        status_code: status.as_u16(),
        // A load balancer also requires the reason phrase.
        status_description: matches!(ingress, IngressKind::Alb { .. })
            .then(|| format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or("Unknown"))),
        headers: (!lists).then_some(Single(headers)),
        multi_value_headers: lists.then_some(Lists(headers)),
        cookies,
        body: text.unwrap_or(&encoded),
        is_base64_encoded: text.is_none(),
    };
    // The response contains nothing but text, so its serialization does not fail.
    serde_json::to_vec(&response).unwrap_or_default()
}

/// Removes the cookies from the headers: `Set-Cookie` headers cannot be joined into one, so gateways expect them in a field
/// of their own.
fn take_cookies(headers: &mut HeaderMap) -> Vec<String> {
    let cookies = headers.get_all(header::SET_COOKIE).iter();
    let cookies = cookies.filter_map(|cookie| cookie.to_str().ok().map(str::to_owned)).collect();
    headers.remove(header::SET_COOKIE);
    cookies
}

/// Keeps the first cookie only: without multi-value headers a response has one `Set-Cookie` header, and a second cookie in
/// it would be read as an attribute of the first.
fn keep_one_cookie(headers: &mut HeaderMap) {
    let cookies = headers.get_all(header::SET_COOKIE).iter().count();
    if let Some(first) = headers.get(header::SET_COOKIE).filter(|_| cookies > 1).cloned() {
        tracing::warn!(
            cookies,
            "only the first cookie is sent: multi-value headers are not enabled for the target group"
        );
        headers.insert(header::SET_COOKIE, first);
    }
}

/// Headers with one value each: the values of a repeated header are joined, as RFC 9110 5.3 allows.
struct Single<'a>(&'a HeaderMap);

impl Serialize for Single<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.keys().map(|name| {
            let mut values = self.0.get_all(name).iter();
            let first = values.next().map(text).unwrap_or_default();
            (name.as_str(), values.fold(first, |joined, value| format!("{joined}, {}", text(value)).into()))
        }))
    }
}

/// Headers with a list of values each.
struct Lists<'a>(&'a HeaderMap);

impl Serialize for Lists<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.keys().map(|name| {
            let values: Vec<_> = self.0.get_all(name).iter().map(text).collect();
            (name.as_str(), values)
        }))
    }
}

fn text(value: &HeaderValue) -> Cow<'_, str> {
    String::from_utf8_lossy(value.as_bytes())
}
