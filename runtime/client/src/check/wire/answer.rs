//! A response that is read as far as a check needs: the head, then event by event.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::time::{Instant, timeout, timeout_at};

use super::{Body, SseEvent, sse::SseParser};
use crate::check::finding::{Checked, Exchange, Stop, ensure, failed};

/// How much of a response is read. A server that sends more fails the check.
const LARGEST: usize = 8 << 20;
/// How much of a response is kept for the report.
const SHOWN: usize = 2_000;

/// The exchanges of one check, for the report.
pub(crate) type Transcript = Arc<Mutex<Vec<Exchange>>>;

/// A response that may still be arriving.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The certificate of the server in DER, of a response that came over TLS.
    pub(crate) certificate: Option<Vec<u8>>,
    body: Body,
    events: SseParser,
    size: usize,
    deadline: Instant,
    transcript: Transcript,
    /// The place of this exchange in the transcript.
    at: usize,
}

/// What a stream brought within some time.
#[derive(Debug)]
pub(crate) enum Next {
    Event(SseEvent),
    End,
    Nothing,
}

/// A response that is an error: its status and the code of its JSON-RPC error.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: Option<i64>,
    pub(crate) body: Value,
}

impl Answer {
    pub(super) fn new(
        response: http::Response<Body>,
        deadline: Instant,
        transcript: Transcript,
        at: usize,
    ) -> Self {
        let (parts, body) = response.into_parts();
        let tls = parts.extensions.get::<reqwest::tls::TlsInfo>();
        let certificate = tls.and_then(|tls| tls.peer_certificate()).map(<[u8]>::to_vec);
        let (status, headers) = (parts.status, parts.headers);
        Self {
            status,
            headers,
            certificate,
            body,
            events: SseParser::default(),
            size: 0,
            deadline,
            transcript,
            at,
        }
    }

    /// The value of a header, with bytes that are not ASCII replaced.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    }

    /// The media type, without parameters, in lower case.
    pub(crate) fn media_type(&self) -> String {
        let full = self.header("content-type").unwrap_or_default();
        full.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    pub(crate) fn is_stream(&self) -> bool {
        self.media_type() == "text/event-stream"
    }

    /// The next bytes of the body, `None` at its end.
    async fn chunk(&mut self) -> Checked<Option<Bytes>> {
        let Ok(frame) = timeout_at(self.deadline, self.body.frame()).await else {
            failed!("the response did not end in time")
        };
        let chunk = match frame {
            None => return Ok(None),
            Some(Err(error)) => failed!("the response broke off: {error}"),
            Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
        };
        self.size += chunk.len();
        ensure!(self.size <= LARGEST, "the response is larger than {LARGEST} bytes");
        self.show(&chunk);
        Ok(Some(chunk))
    }

    fn show(&self, chunk: &[u8]) {
        let mut transcript = self.transcript.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(exchange) = transcript.get_mut(self.at) else { return };
        if exchange.received.len() < SHOWN {
            exchange.received.push_str(&shortened(&String::from_utf8_lossy(chunk), SHOWN));
        }
    }

    /// The rest of the body, as text.
    pub(crate) async fn text(&mut self) -> Checked<String> {
        let mut whole = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            whole.extend_from_slice(&chunk);
        }
        match String::from_utf8(whole) {
            Ok(text) => Ok(text),
            Err(error) => failed!("the body is not UTF-8: {error}"),
        }
    }

    /// The next event that is more than a comment, `None` at the end of the stream.
    pub(crate) async fn event(&mut self) -> Checked<Option<SseEvent>> {
        loop {
            if let Some(event) = self.events.next() {
                return Ok(Some(event));
            }
            let Some(chunk) = self.chunk().await? else { return Ok(None) };
            self.events.push(&chunk);
        }
    }

    /// What the stream brings within this time.
    pub(crate) async fn event_within(&mut self, patience: Duration) -> Checked<Next> {
        match timeout(patience, self.event()).await {
            Ok(event) => Ok(event?.map_or(Next::End, Next::Event)),
            Err(_) => Ok(Next::Nothing),
        }
    }

    /// The next message: of the stream, or the one JSON body. `None` at the end.
    pub(crate) async fn message(&mut self) -> Checked<Option<Value>> {
        if !self.is_stream() {
            let text = self.text().await?;
            return if text.is_empty() { Ok(None) } else { parsed(&text).map(Some) };
        }
        loop {
            let Some(event) = self.event().await? else { return Ok(None) };
            match event.json() {
                None => {}
                Some(Ok(message)) => return Ok(Some(message)),
                Some(Err(error)) => {
                    failed!("an event has data that is not JSON ({error}): {:?}", event.data)
                }
            }
        }
    }

    /// Every message until the end.
    pub(crate) async fn messages(&mut self) -> Checked<Vec<Value>> {
        let mut messages = Vec::new();
        while let Some(message) = self.message().await? {
            messages.push(message);
        }
        Ok(messages)
    }

    /// The response, whether result or error. What follows it in a stream is not read.
    pub(crate) async fn response(&mut self) -> Checked<Value> {
        while let Some(message) = self.message().await? {
            if message.get("result").is_some() || message.get("error").is_some() {
                return Ok(message);
            }
        }
        failed!("no JSON-RPC response came (HTTP {})", self.status.as_u16())
    }

    /// The result. An error fails the check.
    pub(crate) async fn result(&mut self) -> Checked<Value> {
        let mut response = self.response().await?;
        if let Some(error) = response.get("error") {
            failed!("an error came instead of a result (HTTP {}): {}", self.status.as_u16(), brief(error))
        }
        ensure!(self.status == StatusCode::OK, "a result has HTTP {} instead of 200", self.status.as_u16());
        Ok(response["result"].take())
    }

    /// The status and the code of an error. A body that is no JSON has no code.
    pub(crate) async fn refusal(&mut self) -> Checked<Refusal> {
        let status = self.status.as_u16();
        if self.is_stream() {
            let body = self.response().await?;
            return Ok(Refusal { status, code: body["error"]["code"].as_i64(), body });
        }
        let body = serde_json::from_str(&self.text().await?).unwrap_or(Value::Null);
        Ok(Refusal { status, code: body["error"]["code"].as_i64(), body })
    }
}

impl Refusal {
    /// Fails the check unless the code and one of the statuses are these.
    pub(crate) fn expect(&self, what: &str, statuses: &[u16], code: i64) -> Checked {
        if self.code == Some(code) && statuses.contains(&self.status) {
            return Ok(());
        }
        let statuses: Vec<String> = statuses.iter().map(ToString::to_string).collect();
        failed!("{what}: expected HTTP {} with code {code}, got {self}", statuses.join(" or "))
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.code {
            Some(code) => write!(f, "HTTP {} with code {code}", self.status),
            None if self.body.get("result").is_some() => write!(f, "HTTP {} with a result", self.status),
            None => write!(f, "HTTP {} without a JSON-RPC error", self.status),
        }
    }
}

fn parsed(text: &str) -> Checked<Value> {
    serde_json::from_str(text)
        .map_err(|error| Stop::Failed(format!("the body is not JSON ({error}): {:?}", shortened(text, 200))))
}

/// A JSON value as a text of readable length.
pub(crate) fn brief(value: &Value) -> String {
    shortened(&value.to_string(), 300)
}

/// The beginning of a text, of at most so many bytes.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    format!("{}... ({} bytes)", &text[..text.floor_char_boundary(most)], text.len())
}
