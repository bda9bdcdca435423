//! The messages of `InvokeWithResponseStream`
//! ([events](https://docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStream.html), read 2026-11-27).

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use bytes::Bytes;
use serde_json::json;

use crate::failure::FunctionError;

/// A part of the payload.
pub(crate) fn payload(chunk: Bytes) -> Bytes {
    message("PayloadChunk", "application/octet-stream", chunk)
}

/// The end: the function's error, if it failed.
pub(crate) fn complete(error: Option<&FunctionError>) -> Bytes {
    let end = match error {
        None => json!({}),
        Some(error) => {
            json!({ "ErrorCode": error.kind, "ErrorDetails": String::from_utf8_lossy(&error.payload) })
        }
    };
    message("InvokeComplete", "application/json", end.to_string().into())
}

fn message(kind: &'static str, content_type: &'static str, payload: Bytes) -> Bytes {
    let text = |text: &'static str| HeaderValue::String(text.into());
    let message = Message::new(payload)
        .add_header(Header::new(":message-type", text("event")))
        .add_header(Header::new(":event-type", text(kind)))
        .add_header(Header::new(":content-type", text(content_type)));
    let mut bytes = Vec::new();
    write_message_to(&message, &mut bytes).expect("a message whose headers and payload fit into one");
    bytes.into()
}
