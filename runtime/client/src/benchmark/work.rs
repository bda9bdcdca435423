//! The request that is sent again and again, and what came of one.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Uri};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use crate::check::{Http, SseParser, encoded};

/// How much of a response is read.
const LARGEST: usize = 16 << 20;
const STATELESS: &str = "2026-07-28";
const SESSION: &str = "2025-11-25";
/// How long a server may take to say which revision it speaks.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request to be measured.
#[derive(Debug, Clone)]
pub struct Work {
    uri: Uri,
    method: String,
    headers: Vec<(&'static str, String)>,
    params: Value,
}

/// What came of one request.
#[derive(Debug)]
pub(super) struct Outcome {
    /// `None` is success; otherwise the kind of the failure.
    pub(super) failure: Option<String>,
    /// When the first event of a stream came, or the first byte of another body.
    pub(super) first: Option<Instant>,
    /// Whether the response says that its environment was started for it.
    pub(super) is_cold: Option<bool>,
}

impl Work {
    /// A request of 2026-07-28 with this method and these parameters.
    ///
    /// # Errors
    ///
    /// When the URL is none.
    pub fn stateless(url: &str, method: &str, mut params: Value) -> Result<Self, String> {
        let uri = url.parse().map_err(|error| format!("{url:?} is no URL: {error}"))?;
        let name = params["name"].as_str().or(params["uri"].as_str()).map(encoded);
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": STATELESS,
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": { "name": "mcp-lambda", "version": env!("CARGO_PKG_VERSION") },
        });
        let mut headers =
            vec![("mcp-protocol-version", STATELESS.to_owned()), ("mcp-method", method.to_owned())];
        headers.extend(name.map(|name| ("mcp-name", name)));
        Ok(Self { uri, method: method.to_owned(), headers, params })
    }

    /// A request of a session that is open, with its id, if it has one, and its version.
    ///
    /// # Errors
    ///
    /// When the URL is none.
    pub fn of_session(
        url: &str,
        method: &str,
        params: Value,
        session: Option<&str>,
        version: &str,
    ) -> Result<Self, String> {
        let uri = url.parse().map_err(|error| format!("{url:?} is no URL: {error}"))?;
        let mut headers = vec![("mcp-protocol-version", version.to_owned())];
        headers.extend(session.map(|id| ("mcp-session-id", id.to_owned())));
        Ok(Self { uri, method: method.to_owned(), headers, params })
    }

    /// A request of 2026-07-28 if the server speaks it, else of a session that is opened for it. Without a method it is the
    /// smallest request of the revision: `server/discover`, or `ping`.
    ///
    /// # Errors
    ///
    /// When the server answers neither `server/discover` nor `initialize`.
    pub async fn negotiated(
        http: &dyn Http,
        url: &str,
        method: Option<&str>,
        params: Value,
    ) -> Result<Self, String> {
        let discover = Self::stateless(url, "server/discover", json!({}))?;
        if discover.send(http, 0, PATIENCE).await.failure.is_none() {
            return Self::stateless(url, method.unwrap_or("server/discover"), params);
        }
        let client = json!({ "name": "mcp-lambda", "version": env!("CARGO_PKG_VERSION") });
        let initialize = json!({ "protocolVersion": SESSION, "capabilities": {}, "clientInfo": client });
        let initialize = Self::of_session(url, "initialize", initialize, None, SESSION)?;
        let sent = timeout_at(Instant::now() + PATIENCE, http.send(initialize.request(0))).await;
        let response = match sent {
            Err(_) => return Err(format!("{url} did not answer within {} s", PATIENCE.as_secs())),
            Ok(Err(error)) => return Err(format!("{url}: {}", kind_of(error.as_ref()))),
            Ok(Ok(response)) if !response.status().is_success() => {
                return Err(format!("{url} answers initialize with HTTP {}", response.status().as_u16()));
            }
            Ok(Ok(response)) => response,
        };
        let session = response.headers().get("mcp-session-id").and_then(|id| id.to_str().ok());
        Self::of_session(url, method.unwrap_or("ping"), params, session, SESSION)
    }

    /// What is measured, in words.
    pub(super) fn title(&self) -> String {
        let tool = self.params["name"].as_str().map(|name| format!(" {name}")).unwrap_or_default();
        format!("{}{tool} at {}", self.method, self.uri)
    }

    fn request(&self, id: u64) -> Request<Bytes> {
        let body = json!({ "jsonrpc": "2.0", "id": id, "method": self.method, "params": self.params });
        let mut request = Request::new(Bytes::from(body.to_string()));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = self.uri.clone();
        let always =
            [("accept", "application/json, text/event-stream"), ("content-type", "application/json")];
        let own = self.headers.iter().map(|(name, value)| (*name, value.as_str()));
        for (name, value) in always.into_iter().chain(own) {
            if let Ok(value) = HeaderValue::from_str(value) {
                request.headers_mut().insert(http::HeaderName::from_static(name), value);
            }
        }
        request
    }

    /// Sends it once.
    pub(super) async fn send(&self, http: &dyn Http, id: u64, timeout: Duration) -> Outcome {
        let deadline = Instant::now() + timeout;
        let failed = |kind: String| Outcome { failure: Some(kind), first: None, is_cold: None };
        let response = match timeout_at(deadline, http.send(self.request(id))).await {
            Err(_) => return failed("time-out".to_owned()),
            Ok(Err(error)) => return failed(kind_of(error.as_ref())),
            Ok(Ok(response)) => response,
        };
        let (parts, body) = response.into_parts();
        let is_stream = parts
            .headers
            .get("content-type")
            .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        let read = match timeout_at(deadline, read(body, is_stream)).await {
            Err(_) => return failed("time-out".to_owned()),
            Ok(Err(kind)) => return failed(kind),
            Ok(Ok(read)) => read,
        };
        let says = parts.headers.get("server-timing").and_then(|value| value.to_str().ok()).map(|value| {
            value
                .split(',')
                .any(|metric| ["init", "cold"].contains(&metric.split(';').next().unwrap_or_default().trim()))
        });
        Outcome {
            failure: failure(parts.status.as_u16(), &read.response),
            first: read.first,
            is_cold: read
                .response
                .pointer("/result/structuredContent/metrics/cold")
                .and_then(Value::as_bool)
                .or(says),
        }
    }
}

struct Read {
    response: Value,
    first: Option<Instant>,
}

/// Reads a body to its end: the response in it, and when its first event came.
async fn read(mut body: crate::check::Body, is_stream: bool) -> Result<Read, String> {
    let (mut whole, mut parser) = (Vec::new(), SseParser::default());
    let mut read = Read { response: Value::Null, first: None };
    let mut size = 0;
    while let Some(frame) = body.frame().await {
        let chunk = frame.map_err(|error| kind_of(error.as_ref()))?.into_data().unwrap_or_default();
        size += chunk.len();
        if size > LARGEST {
            return Err(format!("response larger than {LARGEST} bytes"));
        }
        if !is_stream {
            read.first.get_or_insert_with(Instant::now);
            whole.extend_from_slice(&chunk);
            continue;
        }
        parser.push(&chunk);
        for message in parser.by_ref().filter_map(|event| event.json()?.ok()) {
            read.first.get_or_insert_with(Instant::now);
            if message.get("method").is_none() {
                read.response = message;
            }
        }
    }
    if !is_stream {
        read.response = serde_json::from_slice(&whole).unwrap_or(Value::Null);
    }
    Ok(read)
}

/// The kind of a failure, or `None`.
fn failure(status: u16, response: &Value) -> Option<String> {
    if let Some(code) = response["error"]["code"].as_i64() {
        return Some(format!("HTTP {status}, JSON-RPC error {code}"));
    }
    if status != 200 {
        return Some(format!("HTTP {status}"));
    }
    match response.get("result") {
        None => Some("no JSON-RPC response".to_owned()),
        Some(result) if result["isError"] == true => Some("isError".to_owned()),
        Some(_) => None,
    }
}

/// A failure of the network in few words, so that equal ones are counted together.
fn kind_of(error: &(dyn std::error::Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    format!("network: {innermost}")
}
