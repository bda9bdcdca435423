//! HTTP, and event streams as a client reads them.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use lambda_emulator::EnvironmentId;
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};

use super::SOON;

/// A response that may still be arriving.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    body: Incoming,
    unread: Vec<u8>,
}

/// One event of a stream: its lines, without the empty one at its end.
pub(crate) type SseEvent = Vec<String>;

impl Reply {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// Who served it, as the emulator says.
    pub(crate) fn environment(&self) -> EnvironmentId {
        EnvironmentId(self.header("x-emulator-environment").parse().unwrap())
    }

    pub(crate) async fn bytes(self) -> Bytes {
        self.try_bytes().await.unwrap()
    }

    /// The body, or the error that cut it off.
    pub(crate) async fn try_bytes(self) -> Result<Bytes, hyper::Error> {
        assert!(self.unread.is_empty(), "half of the body has been read already");
        let body = timeout(SOON, self.body.collect()).await.expect("the body did not end");
        Ok(body?.to_bytes())
    }

    pub(crate) async fn text(self) -> String {
        String::from_utf8(self.bytes().await.to_vec()).unwrap()
    }

    /// The body as JSON.
    pub(crate) async fn json(self) -> Value {
        let text = self.text().await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// The next event of a stream; `None` at its end.
    pub(crate) async fn event(&mut self) -> Option<SseEvent> {
        self.try_event().await.unwrap()
    }

    /// The next event of a stream, `None` at its end, or the error that cut it off.
    pub(crate) async fn try_event(&mut self) -> Result<Option<SseEvent>, hyper::Error> {
        loop {
            if let Some(end) = self.unread.windows(2).position(|two| two == b"\n\n") {
                let event: Vec<u8> = self.unread.drain(..end + 2).collect();
                return Ok(Some(
                    String::from_utf8(event).unwrap().trim_end().lines().map(str::to_owned).collect(),
                ));
            }
            match timeout(SOON, self.body.frame()).await.expect("no event came") {
                Some(frame) => self.unread.extend_from_slice(&frame?.into_data().unwrap_or_default()),
                None => return Ok(None),
            }
        }
    }

    /// The next JSON-RPC message of a stream; what carries none is skipped.
    pub(crate) async fn message(&mut self) -> Option<Value> {
        loop {
            let event = self.event().await?;
            let data =
                event.iter().find_map(|line| line.strip_prefix("data: ")).filter(|data| !data.is_empty());
            if let Some(data) = data {
                return Some(serde_json::from_str(data).unwrap());
            }
        }
    }

    /// The text a tool answered with, in whichever form the answer came.
    pub(crate) async fn tool_text(mut self) -> String {
        assert_eq!(self.status, StatusCode::OK);
        let mut last = Value::Null;
        if self.header("content-type") == "text/event-stream" {
            while let Some(message) = self.message().await {
                last = message;
            }
        } else {
            last = self.json().await;
        }
        last["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{last}")).to_owned()
    }
}

/// One request on a connection of its own, which ends when the reply is dropped.
pub(crate) async fn send(method: &Method, url: &str, headers: &HeaderMap, body: Bytes) -> Reply {
    timeout(SOON, start(method, url, headers, body)).await.expect("no response came")
}

async fn start(method: &Method, url: &str, headers: &HeaderMap, body: Bytes) -> Reply {
    let uri: http::Uri = url.parse().unwrap();
    let authority = uri.authority().unwrap().as_str();
    let stream = TcpStream::connect(authority).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(connection);
    tasks.detach_all();
    let mut request = http::Request::new(Full::new(body));
    *request.method_mut() = method.clone();
    *request.uri_mut() = uri.path_and_query().unwrap().as_str().parse().unwrap();
    *request.headers_mut() = headers.clone();
    request.headers_mut().entry("host").or_insert(authority.parse().unwrap());
    let (parts, body) = sender.send_request(request).await.unwrap().into_parts();
    Reply { status: parts.status, headers: parts.headers, body, unread: Vec::new() }
}
