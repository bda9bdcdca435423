//! Paths beside the endpoint, one for each thing a response can be.

use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{HeaderValue, Request, Response, header};
use http_body::Frame;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use mcp_lambda_server::{Body, http::BoxError};
use serde_json::{Map, Value, json};

type Whole = Response<Full<Bytes>>;

/// What arrived, as the runtime understood the event.
pub(crate) async fn request(request: Request<Body>) -> Whole {
    let (parts, body) = request.into_parts();
    let mut headers = Map::new();
    for (name, value) in &parts.headers {
        let values = headers.entry(name.as_str()).or_insert_with(|| json!([]));
        if let Value::Array(values) = values {
            values.push(String::from_utf8_lossy(value.as_bytes()).into());
        }
    }
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let arrived = json!({
        "method": parts.method.as_str(), "uri": parts.uri.to_string(), "headers": headers,
        "body": String::from_utf8_lossy(&body),
    });
    typed("application/json", arrived.to_string())
}

/// Two cookies, which no header line can hold together.
pub(crate) async fn cookies(_: Request<Body>) -> Whole {
    let mut response = typed("text/plain", "cookies");
    for cookie in ["a=1; Path=/; HttpOnly", "b=2, with a comma"] {
        response.headers_mut().append(header::SET_COOKIE, HeaderValue::from_static(cookie));
    }
    response
}

/// One header, twice.
pub(crate) async fn repeated(_: Request<Body>) -> Whole {
    let mut response = typed("text/plain", "repeated");
    for value in ["one", "two"] {
        response.headers_mut().append("x-many", HeaderValue::from_static(value));
    }
    response
}

/// A body that does not say what it is.
pub(crate) async fn untyped(_: Request<Body>) -> Whole {
    Response::new(Full::from("text without a type: grüße"))
}

/// Bytes that are no text.
pub(crate) async fn binary(_: Request<Body>) -> Whole {
    typed("application/octet-stream", Bytes::from_static(&[0xff, 0x00, 0xfe, 0x80]))
}

/// Nothing but a status.
pub(crate) fn empty(status: u16) -> Response<Empty<Bytes>> {
    let mut response = Response::new(Empty::new());
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    response
}

/// A stream that turns out to be empty: at once, or after it was waited for.
pub(crate) async fn unsaid(request: Request<Body>) -> Response<Body> {
    let late = request.uri().query() == Some("late");
    let nothing = stream::once(async move {
        if late {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let nothing = nothing.filter_map(|()| async { None::<Result<Frame<Bytes>, BoxError>> });
    Response::new(StreamBody::new(nothing).boxed_unsync())
}

/// A mistake outside of any tool.
pub(crate) async fn panic(_: Request<Body>) -> Whole {
    panic!("a route panics, as asked")
}

fn typed(content_type: &'static str, body: impl Into<Bytes>) -> Whole {
    let mut response = Response::new(Full::new(body.into()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
