//! A server that answers each request as a test says, and keeps what arrived.

use std::{net::Ipv4Addr, sync::Arc};

use bytes::Bytes;
use futures::{Stream, StreamExt, stream::BoxStream};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::{
    body::{Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
    task::JoinSet,
    time::timeout,
};

type Body = StreamBody<BoxStream<'static, Result<Frame<Bytes>, std::io::Error>>>;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    pub(crate) http_method: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Arrived {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The method of MCP.
    pub(crate) fn method(&self) -> String {
        self.json()["method"].as_str().unwrap_or_default().to_owned()
    }
}

/// What the server answers.
pub(crate) struct Reply(Response<Body>);

impl Reply {
    pub(crate) fn status(status: u16) -> Self {
        Self::of(status, "text/plain", futures::stream::empty())
    }

    pub(crate) fn json(text: impl Into<String>) -> Self {
        Self::of(200, "application/json", futures::stream::iter([Ok(Bytes::from(text.into()))]))
    }

    /// A whole stream of events.
    pub(crate) fn events(text: impl Into<String>) -> Self {
        Self::of(200, "text/event-stream", futures::stream::iter([Ok(Bytes::from(text.into()))]))
    }

    /// A stream that is written while the test goes on. An error breaks it off.
    pub(crate) fn stream() -> (mpsc::UnboundedSender<std::io::Result<Bytes>>, Self) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let stream = futures::stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|chunk| (chunk, receiver))
        });
        (sender, Self::of(200, "text/event-stream", stream))
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.0.headers_mut().insert(name, value.parse().unwrap());
        self
    }

    pub(crate) fn with_status(mut self, status: u16) -> Self {
        *self.0.status_mut() = StatusCode::from_u16(status).unwrap();
        self
    }

    fn of(
        status: u16,
        kind: &str,
        body: impl Stream<Item = std::io::Result<Bytes>> + Send + 'static,
    ) -> Self {
        let response = Response::builder().status(status).header("content-type", kind);
        Self(response.body(StreamBody::new(body.map(|chunk| chunk.map(Frame::data)).boxed())).unwrap())
    }
}

/// A server on a port of its own, until it is dropped.
pub(crate) struct Scripted {
    pub(crate) url: String,
    arrived: watch::Sender<Vec<Arrived>>,
    _tasks: JoinSet<()>,
}

impl Scripted {
    /// Answers each request with `script`. `None` closes the connection.
    pub(crate) async fn start(script: impl Fn(&Arrived) -> Option<Reply> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let arrived = watch::Sender::new(Vec::new());
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, arrived.clone(), Arc::new(script)));
        Self { url, arrived, _tasks: tasks }
    }

    pub(crate) fn arrived(&self) -> Vec<Arrived> {
        self.arrived.borrow().clone()
    }

    /// The methods of MCP that arrived, and `GET` and `DELETE`.
    pub(crate) fn methods(&self) -> Vec<String> {
        let name = |one: &Arrived| match one.http_method {
            Method::POST => one.method(),
            ref other => other.to_string(),
        };
        self.arrived().iter().map(name).collect()
    }

    /// Waits until a request has arrived that a test waits for.
    pub(crate) async fn until(&self, wanted: impl Fn(&[Arrived]) -> bool) {
        let mut arrived = self.arrived.subscribe();
        let found = timeout(crate::SOON, arrived.wait_for(|arrived| wanted(arrived))).await.is_ok();
        assert!(found, "never: {:?}", self.methods());
    }
}

type Script = dyn Fn(&Arrived) -> Option<Reply> + Send + Sync;

async fn serve(listener: TcpListener, arrived: watch::Sender<Vec<Arrived>>, script: Arc<Script>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (arrived, script) = (arrived.clone(), Arc::clone(&script));
        connections.spawn(async move {
            let service = service_fn(move |request| answer(request, arrived.clone(), Arc::clone(&script)));
            // A script that closes connections makes this an error.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    arrived: watch::Sender<Vec<Arrived>>,
    script: Arc<Script>,
) -> Result<Response<Body>, Box<dyn std::error::Error + Send + Sync>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let one = Arrived { http_method: head.method, headers: head.headers, body };
    arrived.send_modify(|all| all.push(one.clone()));
    match script(&one) {
        Some(reply) => Ok(reply.0),
        None => Err("closed, as the test says".into()),
    }
}
