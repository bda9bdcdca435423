//! AWS as a test wants it: an endpoint that records requests, and answers them by a function of the test.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// How long anything takes at most.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// A request as it was on the wire.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    /// Method and target, such as `GET /2015-03-31/functions/`.
    pub(crate) line: String,
    head: String,
    pub(crate) body: String,
}

impl Sent {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    /// A field of the body, which is a form.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let value = self.body.split('&').find_map(|field| field.strip_prefix(name)?.strip_prefix('='))?;
        Some(percent_encoding::percent_decode_str(value).decode_utf8().expect("UTF-8").into_owned())
    }

    /// The service and the region of the signature.
    pub(crate) fn scope(&self) -> (String, String) {
        let authorization = self.header("authorization").expect("a signature");
        let mut scope = authorization.split('/');
        let region = scope.nth(2).expect("a region").to_owned();
        (scope.next().expect("a service").to_owned(), region)
    }
}

/// An answer: status, content type, body.
pub(crate) type Answer = (u16, &'static str, String);
type Script = dyn Fn(&Sent) -> Answer + Send + Sync;

pub(crate) struct Cloud {
    pub(crate) endpoint: String,
    sent: Arc<Mutex<Vec<Sent>>>,
    _running: JoinSet<()>,
}

impl Cloud {
    pub(crate) async fn start(script: impl Fn(&Sent) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let sent = Arc::new(Mutex::new(Vec::new()));
        let (script, all): (Arc<Script>, _) = (Arc::new(script), Arc::clone(&sent));
        let mut running = JoinSet::new();
        running.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&script), Arc::clone(&all)));
            }
        });
        Self { endpoint, sent, _running: running }
    }

    /// Answers all requests with one JSON.
    pub(crate) async fn json(status: u16, body: Value) -> Self {
        Self::start(move |_| (status, "application/x-amz-json-1.0", body.to_string())).await
    }

    /// All requests so far.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().expect("no test panics here").clone()
    }

    /// The only request.
    pub(crate) fn one(&self) -> Sent {
        let mut sent = self.sent();
        assert_eq!(sent.len(), 1, "{sent:?}");
        sent.remove(0)
    }
}

async fn serve(mut stream: TcpStream, script: Arc<Script>, all: Arc<Mutex<Vec<Sent>>>) {
    let mut read = Vec::new();
    while let Some(sent) = next(&mut stream, &mut read).await {
        let (status, content_type, body) = script(&sent);
        all.lock().expect("no test panics here").push(sent);
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        if stream.write_all(format!("{head}{body}").as_bytes()).await.is_err() {
            return;
        }
    }
}

/// The next request of a connection.
async fn next(stream: &mut TcpStream, read: &mut Vec<u8>) -> Option<Sent> {
    let end = loop {
        if let Some(at) = read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(read).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(read[..end].to_vec()).expect("text");
    let mut sent = Sent { line: String::new(), head, body: String::new() };
    let line = sent.head.lines().next().unwrap_or_default().to_owned();
    line.trim_end_matches(" HTTP/1.1").clone_into(&mut sent.line);
    let length: usize = sent.header("content-length").map_or(0, |length| length.parse().expect("a number"));
    while read.len() < end + length {
        if stream.read_buf(read).await.ok()? == 0 {
            return None;
        }
    }
    sent.body = String::from_utf8(read[end..end + length].to_vec()).expect("text");
    read.drain(..end + length);
    Some(sent)
}
