//! Responses, as far as a transport has to read them.

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use http::{Response, StatusCode, header};
use serde_json::Value;

use super::{
    message::{self, Kind, Message},
    shared::Shared,
    sse::Events,
};
use crate::{Error, sender::ResponseBody};

/// Whether the response is a stream of events.
pub(super) fn is_event_stream<B>(response: &Response<B>) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    response.status().is_success()
        && kind.is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("text/event-stream"))
}

/// Whether a message is an error response.
pub(super) fn is_error(value: &Value) -> bool {
    value["error"]["code"].is_i64()
}

/// The error of a stream that has not brought the response.
pub(super) fn lost(shared: &Shared, why: &str) -> Error {
    Error::Broken { address: shared.sender.address().to_owned(), source: why.into() }
}

/// The result of a request of this client's own.
pub(super) async fn result(
    shared: &Shared,
    request: &Message,
    response: Response<ResponseBody>,
) -> Result<Value, Error> {
    let status = response.status();
    let body = if is_event_stream(&response) {
        let mut events = Events::new(response.into_body(), shared.limits.message_bytes);
        loop {
            let Some(event) = events.next().await? else {
                return Err(lost(shared, "the stream ended without the response"));
            };
            let data = Bytes::from(event.data);
            if matches!(message::kind_of(&data), Some(Kind::Response(id)) if Some(&id) == request.id()) {
                break data;
            }
        }
    } else {
        collect(response.into_body(), shared.limits.message_bytes).await?
    };
    let mut value: Value = serde_json::from_slice(&body).unwrap_or_default();
    if let Some(result) = value.get_mut("result") {
        return Ok(result.take());
    }
    if !is_error(&value) {
        return Err(refusal(shared, status, &body));
    }
    let reason = value["error"]["message"].as_str().unwrap_or("no text");
    Err(Error::Protocol(format!("the server refused {}: {reason}", request.method)))
}

/// A response that is no message, as an error: the status, the begin of the body, and what to do about it.
pub(super) fn refusal(shared: &Shared, status: StatusCode, body: &[u8]) -> Error {
    let begin = String::from_utf8_lossy(&body[..body.len().min(300)]);
    let begin = begin.trim();
    let mut text = format!("{} answered HTTP {status}", shared.sender.address());
    if !begin.is_empty() {
        text.push_str(": ");
        text.push_str(begin);
    }
    match status.as_u16() {
        401 | 403 => {
            text.push_str(". ");
            text.push_str(&shared.sender.advice());
        }
        404 => text.push_str(". Is the path of the URL right? mcp-lambda-server serves MCP at /mcp."),
        _ => {}
    }
    Error::Protocol(text)
}

/// Reads a body, up to a limit.
pub(super) async fn collect(mut body: ResponseBody, limit: usize) -> Result<Bytes, Error> {
    let mut all = BytesMut::new();
    while let Some(chunk) = body.next().await.transpose()? {
        all.extend_from_slice(&chunk);
        if all.len() > limit {
            return Err(Error::TooLarge { what: "a message of the server", limit });
        }
    }
    Ok(all.freeze())
}
