//! A response as the front behind the event wants it.

use std::{borrow::Cow, panic::AssertUnwindSafe};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures::FutureExt;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body_util::BodyExt;
use serde::{Serialize, Serializer, de::IgnoredAny};

use super::{classify::IngressKind, response_body::Chunks};
use mcp_lambda_core::{error::Causes, http::Body};

/// What the loop hands to Lambda.
pub(super) enum InvocationResponse {
    /// JSON in one piece.
    Buffered(Bytes),
    /// A prelude and a body, as it is written.
    Streaming(Chunks),
}

/// The largest response Lambda passes on in one piece, encoded:
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html> (read 2026-11-20).
const BUFFERED_LIMIT: usize = 6 * 1024 * 1024;
/// And the largest a load balancer takes:
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html> (read 2026-11-20).
const LOAD_BALANCER_LIMIT: usize = 1024 * 1024;

/// What separates the prelude from the body.
const PRELUDE_END: &[u8] = &[0; 8];

/// What a streamed response begins with.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Prelude<'a> {
    status_code: u16,
    headers: Single<'a>,
    cookies: Vec<String>,
}

/// Streams a response. Its head leaves in one write with the chunk that is ready, which is often all there is.
pub(super) async fn streamed(response: Response<Body>) -> InvocationResponse {
    let (mut parts, body) = response.into_parts();
    if parts.status == StatusCode::NO_CONTENT {
        // 204 forbids the byte that must be sent.
        parts.status = StatusCode::OK;
    }
    let cookies = take_cookies(&mut parts.headers);
    content_type(&mut parts.headers);
    parts.headers.remove(header::CONTENT_LENGTH);
    let prelude = Prelude { status_code: parts.status.as_u16(), headers: Single(&parts.headers), cookies };
    // A prelude is made of text and always encodes.
    let mut head = serde_json::to_vec(&prelude).unwrap_or_default();
    head.extend_from_slice(PRELUDE_END);
    InvocationResponse::Streaming(Chunks::streamed(head, body).await)
}

/// A response in one piece.
pub(super) async fn buffered(response: Response<Body>, ingress: IngressKind) -> InvocationResponse {
    let (mut parts, body) = response.into_parts();
    content_type(&mut parts.headers);
    let body = match AssertUnwindSafe(body.collect()).catch_unwind().await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) => {
            tracing::error!(error = %Causes(&*error), "a response body failed");
            return failure(ingress, "internal error");
        }
        Err(_) => {
            tracing::error!("a response body panicked");
            return failure(ingress, "internal error");
        }
    };
    let output = encode(parts.status, &mut parts.headers, &body, ingress);
    let limit = match ingress {
        IngressKind::Alb { .. } => LOAD_BALANCER_LIMIT,
        IngressKind::FunctionUrl | IngressKind::HttpApi | IngressKind::RestApi => BUFFERED_LIMIT,
    };
    if output.len() > limit {
        tracing::error!(bytes = output.len(), limit, "a response is too large for this ingress");
        let text = format!(
            "the answer is larger than {} MB, the most this ingress passes on; ask for less",
            limit >> 20
        );
        return failure(ingress, &text);
    }
    InvocationResponse::Buffered(output.into())
}

/// Raw JSON: the answer to an invocation that came through no front. A notification has none.
pub(super) fn raw(body: Bytes) -> InvocationResponse {
    let is_json = serde_json::from_slice::<IgnoredAny>(&body).is_ok();
    InvocationResponse::Buffered(if is_json { body } else { Bytes::from_static(b"null") })
}

/// 500, because the body names no request: at 200 a client would wait on for an answer with its id.
fn failure(ingress: IngressKind, message: &str) -> InvocationResponse {
    let body =
        serde_json::json!({ "jsonrpc": "2.0", "error": { "code": -32603, "message": message } }).to_string();
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    InvocationResponse::Buffered(encode(status, &mut headers, body.as_bytes(), ingress).into())
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
        // Load balancers want the words too.
        status_description: matches!(ingress, IngressKind::Alb { .. })
            .then(|| format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or("Unknown"))),
        headers: (!lists).then_some(Single(headers)),
        multi_value_headers: lists.then_some(Lists(headers)),
        cookies,
        body: text.unwrap_or(&encoded),
        is_base64_encoded: text.is_none(),
    };
    // A response is made of text and always encodes.
    serde_json::to_vec(&response).unwrap_or_default()
}

/// `Set-Cookie` cannot be folded into one line, so fronts take it apart from the headers.
fn take_cookies(headers: &mut HeaderMap) -> Vec<String> {
    let cookies = headers.get_all(header::SET_COOKIE).iter();
    let cookies = cookies.filter_map(|cookie| cookie.to_str().ok().map(str::to_owned)).collect();
    headers.remove(header::SET_COOKIE);
    cookies
}

/// There is one line for all cookies, and two in one line would be one cookie with the other among its attributes.
fn keep_one_cookie(headers: &mut HeaderMap) {
    let cookies = headers.get_all(header::SET_COOKIE).iter().count();
    if let Some(first) = headers.get(header::SET_COOKIE).filter(|_| cookies > 1).cloned() {
        tracing::warn!(
            cookies,
            "only the first cookie is sent: the target group takes no multi-value headers"
        );
        headers.insert(header::SET_COOKIE, first);
    }
}

/// Lambda would call a body without a type `application/octet-stream`.
fn content_type(headers: &mut HeaderMap) {
    headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("text/plain; charset=utf-8"));
}

/// Headers for fronts that take one value each: those of a list go into one, as RFC 9110 5.3 allows.
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

/// Headers for fronts that take lists.
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
