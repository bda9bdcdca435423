//! The answer to a request, read as far as a test asks: the head first, then event by event.

use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use http::{HeaderMap, Response, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;

use crate::{
    sse::{SseEvent, SseParser},
    transport::{Body, BoxError},
};

/// A reply that may still be arriving.
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    body: Body,
    events: SseParser,
    /// How long the next bytes may take. A server in this process may be on a paused clock, and has no such limit.
    patience: Option<Duration>,
}

impl Reply {
    pub fn of(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let (status, headers) = (parts.status, parts.headers);
        Self { status, headers, body, events: SseParser::default(), patience: None }
    }

    /// The same, failing the test when the next bytes take longer.
    pub fn within(self, patience: Duration) -> Self {
        Self { patience: Some(patience), ..self }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("visible ASCII"))
    }

    pub fn is_stream(&self) -> bool {
        self.header("content-type") == Some("text/event-stream")
    }

    /// The next bytes of the body, `None` at its end, or the error that cut it off.
    pub async fn try_chunk(&mut self) -> Result<Option<Bytes>, BoxError> {
        let frame = match self.patience {
            Some(patience) => {
                tokio::time::timeout(patience, self.body.frame()).await.expect("the reply goes on in time")
            }
            None => self.body.frame().await,
        };
        Ok(frame.transpose()?.map(|frame| frame.into_data().unwrap_or_default()))
    }

    /// The next bytes of the body; `None` at its end.
    pub async fn chunk(&mut self) -> Option<Bytes> {
        self.try_chunk().await.expect("the body is not cut off")
    }

    /// The whole body, or the error that cut it off.
    pub async fn try_bytes(mut self) -> Result<Bytes, BoxError> {
        assert!(self.events.is_between_events(), "half of an event has been read already");
        let mut whole = Vec::new();
        while let Some(chunk) = self.try_chunk().await? {
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.into())
    }

    /// The whole body.
    pub async fn bytes(self) -> Bytes {
        self.try_bytes().await.expect("the body is not cut off")
    }

    /// The whole body, which is text.
    pub async fn text(self) -> String {
        String::from_utf8(self.bytes().await.to_vec()).expect("a body of text")
    }

    /// The body as one JSON object, which its content type announces.
    pub async fn json(self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"), "status {}", self.status);
        let bytes = self.bytes().await;
        serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{error}: {bytes:?}"))
    }

    /// The body as JSON, of whichever content type.
    pub async fn json_of_any_type(self) -> Value {
        let text = self.text().await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// The next event of a stream, comments included, `None` at its end, or the error that cut it off.
    pub async fn try_event(&mut self) -> Result<Option<SseEvent>, BoxError> {
        loop {
            if let Some(event) = self.events.next() {
                return Ok(Some(event));
            }
            let Some(chunk) = self.try_chunk().await? else {
                assert!(self.events.is_between_events(), "the stream ended inside an event");
                return Ok(None);
            };
            self.events.push(&chunk);
        }
    }

    /// The next event of a stream, comments included; `None` at its end.
    pub async fn event(&mut self) -> Option<SseEvent> {
        self.try_event().await.expect("the stream is not cut off")
    }

    /// The next event of a stream that is more than a comment.
    pub async fn event_after_comments(&mut self) -> Option<SseEvent> {
        loop {
            match self.event().await {
                Some(event) if event.is_comment() => {}
                other => return other,
            }
        }
    }

    /// The next JSON-RPC message of a stream.
    pub async fn message(&mut self) -> Value {
        self.next_message().await.expect("the stream goes on")
    }

    /// The next JSON-RPC message of a stream; `None` at its end. Events that carry no message are skipped.
    pub async fn next_message(&mut self) -> Option<Value> {
        loop {
            let event = self.event().await?;
            if event.is_message() {
                return Some(event.json());
            }
        }
    }

    /// Every message until the end: of the stream, or the one JSON body.
    pub async fn messages(mut self) -> Vec<Value> {
        if !self.is_stream() {
            return vec![self.json().await];
        }
        let mut messages = Vec::new();
        while let Some(message) = self.next_message().await {
            messages.push(message);
        }
        messages
    }

    /// Whether nothing has arrived: the body has no frame ready now.
    pub fn is_waiting(&mut self) -> bool {
        self.event().now_or_never().is_none()
    }

    /// The result of a reply that is 200 and no error, from JSON or from the end of a stream.
    pub async fn result(self) -> Value {
        assert_eq!(self.status, StatusCode::OK);
        let last = self.messages().await.pop().expect("a response");
        assert!(last.get("error").is_none(), "an error: {last}");
        last["result"].clone()
    }

    /// The text of a tool's result.
    pub async fn tool_text(self) -> String {
        let result = self.result().await;
        result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("no text: {result}")).to_owned()
    }
}

/// The status of an error, its JSON-RPC code, and its whole body.
pub async fn refused(reply: Reply) -> (u16, i64, Value) {
    let status = reply.status.as_u16();
    let body = reply.json().await;
    let code = body["error"]["code"].as_i64().unwrap_or_else(|| panic!("not an error: {body}"));
    (status, code, body)
}

/// [`Reply::result`], as a function.
pub async fn result(reply: Reply) -> Value {
    reply.result().await
}

/// [`Reply::tool_text`], as a function.
pub async fn text(reply: Reply) -> String {
    reply.tool_text().await
}
