//! What the tests share: a client, a gate that holds a function, and a look at the operating system.

use std::{path::PathBuf, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use lambda_emulator::{Builder, Emulator, EnvironmentId};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    time::{Instant, sleep, timeout},
};

/// No wait of a test may be longer.
pub(crate) const SOON: Duration = Duration::from_secs(10);

/// The example next to the test's own executable.
pub(crate) fn bare_function() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(|deps| deps.parent()).unwrap().join("examples/bare-function");
    assert!(path.exists(), "build it: cargo build -p lambda-emulator --example bare-function");
    path
}

/// An emulator of one of the bare functions.
pub(crate) fn emulator(function: &str) -> Builder {
    Emulator::builder().binary(bare_function()).env("FUNCTION", function)
}

/// A port the function connects to when it is to wait.
pub(crate) struct Gate(TcpListener);

/// A function that waits.
pub(crate) struct Held {
    pub(crate) pid: u32,
    stream: BufReader<TcpStream>,
}

impl Gate {
    pub(crate) async fn open() -> Self {
        Gate(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(crate) fn port(&self) -> String {
        self.0.local_addr().unwrap().port().to_string()
    }

    /// The next function that comes to the gate.
    pub(crate) async fn held(&self) -> Held {
        let (stream, _) = timeout(SOON, self.0.accept()).await.expect("no function came").unwrap();
        let (mut stream, mut pid) = (BufReader::new(stream), String::new());
        stream.read_line(&mut pid).await.unwrap();
        Held { pid: pid.trim().parse().unwrap(), stream }
    }

    /// Whether nobody stands at the gate.
    pub(crate) async fn is_empty(&self) -> bool {
        timeout(Duration::from_millis(50), self.0.accept()).await.is_err()
    }
}

impl Held {
    /// Lets the function write a chunk.
    pub(crate) async fn say(&mut self, chunk: &str) {
        self.stream.write_all(format!("{chunk}\n").as_bytes()).await.unwrap();
    }

    /// Lets the function end.
    pub(crate) fn let_go(self) {
        drop(self.stream);
    }

    /// Waits until the function is no longer there.
    pub(crate) async fn gone(mut self) {
        let mut nothing = String::new();
        // A connection that is reset is as gone as one that is closed.
        let _ =
            timeout(SOON, self.stream.read_line(&mut nothing)).await.expect("the function is still there");
    }
}

/// A response that may still be arriving.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    body: Incoming,
}

impl Reply {
    pub(crate) async fn chunk(&mut self) -> Option<Bytes> {
        self.try_chunk().await.unwrap()
    }

    pub(crate) async fn try_chunk(&mut self) -> Result<Option<Bytes>, hyper::Error> {
        let frame = timeout(SOON, self.body.frame()).await.expect("no chunk came");
        Ok(frame.transpose()?.and_then(|frame| frame.into_data().ok()))
    }

    pub(crate) async fn bytes(self) -> Bytes {
        timeout(SOON, self.body.collect()).await.expect("the body did not end").unwrap().to_bytes()
    }

    pub(crate) async fn text(self) -> String {
        String::from_utf8(self.bytes().await.to_vec()).unwrap()
    }

    pub(crate) async fn json(self) -> Value {
        serde_json::from_slice(&self.bytes().await).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    pub(crate) fn environment(&self) -> EnvironmentId {
        EnvironmentId(self.header("x-emulator-environment").parse().unwrap())
    }
}

pub(crate) async fn get(url: impl AsRef<str>) -> Reply {
    send("GET", url.as_ref(), &[], Bytes::new()).await
}

pub(crate) async fn post(url: impl AsRef<str>, content_type: &str, body: impl Into<Bytes>) -> Reply {
    send("POST", url.as_ref(), &[("content-type", content_type)], body.into()).await
}

pub(crate) async fn send(method: &str, url: &str, headers: &[(&str, &str)], body: Bytes) -> Reply {
    timeout(SOON, start(method, url, headers, body)).await.expect("no response came")
}

/// One request on a connection of its own, which ends when the reply is dropped.
async fn start(method: &str, url: &str, headers: &[(&str, &str)], body: Bytes) -> Reply {
    let uri: http::Uri = url.parse().unwrap();
    let stream = TcpStream::connect(uri.authority().unwrap().as_str()).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(connection);
    tasks.detach_all();
    let mut request = Request::builder().method(method).uri(uri.path_and_query().unwrap().as_str());
    request = request.header("host", uri.authority().unwrap().as_str());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response: Response<Incoming> =
        sender.send_request(request.body(Full::new(body)).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    Reply { status: parts.status, headers: parts.headers, body }
}

/// Waits for something the emulator does on its own.
pub(crate) async fn eventually(what: &str, mut happened: impl FnMut() -> bool) {
    let end = Instant::now() + SOON;
    while !happened() {
        assert!(Instant::now() < end, "never: {what}");
        sleep(Duration::from_millis(2)).await;
    }
}

/// The process's state as the kernel sees it: `T` is stopped, `None` is gone.
pub(crate) fn process_state(pid: u32) -> Option<char> {
    // A zombie has ended; who reaps it is not the point.
    state_in(&format!("/proc/{pid}/stat").into()).filter(|state| *state != 'Z')
}

fn state_in(stat: &PathBuf) -> Option<char> {
    std::fs::read_to_string(stat).ok()?.rsplit_once(')')?.1.trim_start().chars().next()
}

/// Waits until every thread of the process has stopped.
pub(crate) async fn frozen(pid: u32) {
    let stopped = |thread: std::io::Result<std::fs::DirEntry>| state_in(&thread.ok()?.path().join("stat"));
    eventually("frozen", || {
        std::fs::read_dir(format!("/proc/{pid}/task"))
            .is_ok_and(|mut threads| threads.all(|thread| stopped(thread) == Some('T')))
    })
    .await;
}

pub(crate) async fn gone(pid: u32) {
    eventually("gone", || process_state(pid).is_none()).await;
}
