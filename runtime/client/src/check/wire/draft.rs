//! A request that is being written: complete at first, with methods that spoil one thing.

use std::{sync::PoisonError, time::Duration};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::{
    Answer, Http,
    answer::{Transcript, shortened},
};
use crate::check::finding::{Checked, Exchange, Stop};

/// How much of a request is kept for the report.
const SHOWN: usize = 1_000;
/// Headers that prove the caller.
const CREDENTIALS: [&str; 4] = ["authorization", "cookie", "x-amz-security-token", "x-api-key"];

/// A request to be sent.
#[derive(Clone)]
pub(crate) struct Draft<'a> {
    http: &'a dyn Http,
    transcript: Transcript,
    patience: Duration,
    url: String,
    method: Method,
    headers: Vec<(String, String)>,
    body: Content,
}

#[derive(Clone)]
enum Content {
    Json(Value),
    Text(String),
}

impl<'a> Draft<'a> {
    pub(crate) fn new(
        http: &'a dyn Http,
        transcript: Transcript,
        patience: Duration,
        url: &str,
        method: Method,
    ) -> Self {
        let (headers, body) = (Vec::new(), Content::Text(String::new()));
        Self { http, transcript, patience, url: url.to_owned(), method, headers, body }
    }

    /// Sets a header, in place of what had its name.
    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self = self.without(name);
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Takes a header away.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    /// Sends it through another transport: as another caller.
    pub(crate) fn by(mut self, http: &'a dyn Http) -> Self {
        self.http = http;
        self
    }

    /// Sends it elsewhere.
    pub(crate) fn to(mut self, url: impl Into<String>) -> Self {
        self.url = url.into();
        self
    }

    /// Sets the body.
    pub(crate) fn json(mut self, body: Value) -> Self {
        self.body = Content::Json(body);
        self.header("content-type", "application/json")
    }

    /// Sets the body to a text, which need not be JSON.
    pub(crate) fn text(mut self, body: &str) -> Self {
        self.body = Content::Text(body.to_owned());
        self.header("content-type", "application/json")
    }

    /// Changes the JSON of the body. Headers stay as they are.
    pub(crate) fn edit(mut self, change: impl FnOnce(&mut Value)) -> Self {
        if let Content::Json(body) = &mut self.body {
            change(body);
        }
        self
    }

    /// Sets the id of the message.
    pub(crate) fn id(self, id: impl Into<Value>) -> Self {
        self.edit(|body| body["id"] = id.into())
    }

    /// The JSON of the body.
    pub(crate) fn body(&self) -> Value {
        match &self.body {
            Content::Json(body) => body.clone(),
            Content::Text(_) => Value::Null,
        }
    }

    /// Sends it. The response is read as the check asks for it, within the same time.
    pub(crate) async fn send(self) -> Checked<Answer> {
        let request = self.request()?;
        let at = self.note();
        let deadline = Instant::now() + self.patience;
        let response = match timeout_at(deadline, self.http.send(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                let reason = format!("no response: {}", causes(error.as_ref()));
                self.received(at, &reason);
                return Err(Stop::Failed(reason));
            }
            Err(_) => {
                let reason = format!("no response within {} s", self.patience.as_secs_f32());
                self.received(at, &reason);
                return Err(Stop::Failed(reason));
            }
        };
        let mut head = format!("HTTP {}\n", response.status().as_u16());
        for (name, value) in response.headers() {
            head.push_str(&format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())));
        }
        self.received(at, &(head + "\n"));
        Ok(Answer::new(response, deadline, self.transcript, at))
    }

    fn request(&self) -> Checked<Request<Bytes>> {
        let unusable = |error: String| Stop::Skipped(format!("the request cannot be written: {error}"));
        let mut request = Request::new(Bytes::from(self.payload()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.url.parse().map_err(|error| unusable(format!("{error}")))?;
        for (name, value) in &self.headers {
            let name =
                HeaderName::from_bytes(name.as_bytes()).map_err(|error| unusable(error.to_string()))?;
            let value =
                HeaderValue::from_bytes(value.as_bytes()).map_err(|error| unusable(error.to_string()))?;
            request.headers_mut().append(name, value);
        }
        Ok(request)
    }

    fn payload(&self) -> String {
        match &self.body {
            Content::Json(body) => body.to_string(),
            Content::Text(text) => text.clone(),
        }
    }

    /// Begins the exchange in the transcript, and returns its place.
    fn note(&self) -> usize {
        let mut sent = format!("{} {}\n", self.method, self.url);
        for (name, value) in &self.headers {
            let is_secret = CREDENTIALS.contains(&name.to_ascii_lowercase().as_str());
            sent.push_str(&format!("{name}: {}\n", if is_secret { "(left out)" } else { value }));
        }
        sent.push('\n');
        sent.push_str(&shortened(&self.payload(), SHOWN));
        let mut transcript = self.transcript.lock().unwrap_or_else(PoisonError::into_inner);
        transcript.push(Exchange { sent, received: String::new() });
        transcript.len() - 1
    }

    fn received(&self, at: usize, text: &str) {
        let mut transcript = self.transcript.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(exchange) = transcript.get_mut(at) {
            exchange.received.push_str(text);
        }
    }
}

/// The text of an error with those of its causes.
pub(crate) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}
