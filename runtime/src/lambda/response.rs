//! A response as the front behind the event wants it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures::Stream;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body::Body as _;
use http_body_util::BodyExt;
use lambda_runtime::{FunctionResponse, MetadataPrelude, StreamResponse};
use serde::Serialize;
use serde_json::{Map, Value, value::RawValue};

use super::invocation::FrontKind;
use crate::http::Body;

/// What the loop hands to Lambda.
pub(super) type Output = FunctionResponse<Box<RawValue>, Chunks>;

/// The largest response a buffered front passes on, encoded:
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html> (read 2026-11-20).
const BUFFERED_LIMIT: usize = 6 * 1024 * 1024;

/// What is sent where a streamed body would be empty: some fronts wait for its first byte until they time out.
const NOT_EMPTY: Bytes = Bytes::from_static(b"\n");

/// Streams a response: head first, then each chunk as it is written.
pub(super) fn streamed(response: Response<Body>) -> Output {
    let (mut parts, body) = response.into_parts();
    let is_empty = body.size_hint().exact() == Some(0);
    if is_empty && parts.status == StatusCode::NO_CONTENT {
        // 204 forbids the byte that must be sent.
        parts.status = StatusCode::OK;
    }
    let cookies = take_cookies(&mut parts.headers);
    content_type(&mut parts.headers);
    parts.headers.remove(header::CONTENT_LENGTH);
    let metadata_prelude = MetadataPrelude { status_code: parts.status, headers: single_valued(&parts.headers), cookies };
    let stream = Chunks { first: is_empty.then_some(NOT_EMPTY), body: Some(body) };
    FunctionResponse::StreamingResponse(StreamResponse { metadata_prelude, stream })
}

/// A response in one piece.
pub(super) async fn buffered(response: Response<Body>, front: FrontKind) -> Output {
    let (mut parts, body) = response.into_parts();
    content_type(&mut parts.headers);
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => {
            tracing::error!(error = &*error as &dyn std::error::Error, "a response body failed");
            return failure(front, "internal error");
        }
    };
    let output = encode(parts.status, &mut parts.headers, &body, front);
    if output.get().len() > BUFFERED_LIMIT {
        tracing::error!(bytes = output.get().len(), limit = BUFFERED_LIMIT, "a response is too large for this front");
        return failure(front, "the answer is larger than 6 MB, the most this front passes on; ask for less");
    }
    FunctionResponse::BufferedResponse(output)
}

/// Raw JSON: the answer to an invocation that came through no front.
pub(super) fn raw(json: Bytes) -> Output {
    let text = String::from_utf8(json.into()).ok().and_then(|text| RawValue::from_string(text).ok());
    FunctionResponse::BufferedResponse(text.unwrap_or_default())
}

fn failure(front: FrontKind, message: &str) -> Output {
    let body = serde_json::json!({ "jsonrpc": "2.0", "error": { "code": -32603, "message": message } }).to_string();
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    FunctionResponse::BufferedResponse(encode(StatusCode::OK, &mut headers, body.as_bytes(), front))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Buffered<'a> {
    status_code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multi_value_headers: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cookies: Vec<String>,
    body: &'a str,
    is_base64_encoded: bool,
}

fn encode(status: StatusCode, headers: &mut HeaderMap, body: &[u8], front: FrontKind) -> Box<RawValue> {
    let text = std::str::from_utf8(body).ok().filter(|_| !headers.contains_key(header::CONTENT_ENCODING));
    let encoded = if text.is_none() { STANDARD.encode(body) } else { String::new() };
    let lists = matches!(front, FrontKind::RestApi | FrontKind::Alb { multi_value: true });
    let cookies = match front {
        FrontKind::FunctionUrl | FrontKind::HttpApi => take_cookies(headers),
        FrontKind::RestApi | FrontKind::Alb { .. } => Vec::new(),
    };
    let response = Buffered {
        status_code: status.as_u16(),
        // Load balancers want the words too.
        status_description: matches!(front, FrontKind::Alb { .. })
            .then(|| format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or("Unknown"))),
        headers: (!lists).then(|| as_map(&single_valued(headers))),
        multi_value_headers: lists.then(|| as_lists(headers)),
        cookies,
        body: text.unwrap_or(&encoded),
        is_base64_encoded: text.is_none(),
    };
    serde_json::value::to_raw_value(&response).unwrap_or_default()
}

/// `Set-Cookie` cannot be folded into one line, so fronts take it apart from the headers.
fn take_cookies(headers: &mut HeaderMap) -> Vec<String> {
    let cookies = headers.get_all(header::SET_COOKIE).iter();
    let cookies = cookies.filter_map(|cookie| cookie.to_str().ok().map(str::to_owned)).collect();
    headers.remove(header::SET_COOKIE);
    cookies
}

/// Lambda would call a body without a type `application/octet-stream`.
fn content_type(headers: &mut HeaderMap) {
    headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("text/plain; charset=utf-8"));
}

/// Fronts that take one value a header get the values of a list in one, as RFC 9110 5.3 allows.
fn single_valued(headers: &HeaderMap) -> HeaderMap {
    let mut single = HeaderMap::with_capacity(headers.keys_len());
    for name in headers.keys() {
        let mut values = headers.get_all(name).iter();
        let first = values.next().cloned();
        let joined = values.fold(first, |joined, value| {
            let joined = [joined?.as_bytes(), b", ", value.as_bytes()].concat();
            HeaderValue::from_bytes(&joined).ok()
        });
        if let Some(value) = joined {
            single.insert(name.clone(), value);
        }
    }
    single
}

fn as_map(headers: &HeaderMap) -> Map<String, Value> {
    headers.iter().map(|(name, value)| (name.to_string(), text(value).into())).collect()
}

fn as_lists(headers: &HeaderMap) -> Map<String, Value> {
    let lists = headers.keys().map(|name| {
        let values: Vec<Value> = headers.get_all(name).iter().map(|value| text(value).into()).collect();
        (name.to_string(), values.into())
    });
    lists.collect()
}

fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

/// A body, chunk by chunk. It never yields an error, which the Runtime API client would write into the client's
/// stream, and it outlives a panic.
pub(super) struct Chunks {
    first: Option<Bytes>,
    body: Option<Body>,
}

impl Stream for Chunks {
    type Item = Result<Bytes, std::io::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        loop {
            let Some(body) = &mut self.body else { return Poll::Ready(None) };
            let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(body).poll_frame(cx)));
            match polled {
                Ok(Poll::Pending) => return Poll::Pending,
                Ok(Poll::Ready(Some(Ok(frame)))) => match frame.into_data() {
                    Ok(data) if !data.is_empty() => return Poll::Ready(Some(Ok(data))),
                    _ => {}
                },
                Ok(Poll::Ready(None)) => self.body = None,
                Ok(Poll::Ready(Some(Err(error)))) => {
                    tracing::error!(error = &*error as &dyn std::error::Error, "a response body failed");
                    self.body = None;
                }
                Err(_) => {
                    tracing::error!("a response body panicked");
                    self.body = None;
                }
            }
        }
    }
}
