//! A gateway that checks signatures as AWS does, and passes on the requests with a valid one.

use std::{
    convert::Infallible,
    net::Ipv4Addr,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use http::{HeaderMap, Request, Response, StatusCode, Uri};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, task::JoinSet};

use crate::signature::{self, Wanted};

type Body = StreamBody<BoxStream<'static, Result<Frame<Bytes>, std::io::Error>>>;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Who signed it, or why it was refused.
    pub(crate) verdict: Result<String, String>,
}

/// A gateway that checks signatures.
pub(crate) struct Gateway {
    pub(crate) url: String,
    state: Arc<State>,
    _tasks: JoinSet<()>,
}

struct State {
    upstream: String,
    wanted: Mutex<Wanted>,
    /// How far its clock is ahead.
    ahead: Mutex<Duration>,
    arrived: Mutex<Vec<Arrived>>,
    client: reqwest::Client,
}

impl Gateway {
    /// A gateway of the server at `upstream`.
    pub(crate) async fn of(upstream: &str, wanted: Wanted) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State {
            upstream: upstream.trim_end_matches('/').to_owned(),
            wanted: Mutex::new(wanted),
            ahead: Mutex::default(),
            arrived: Mutex::default(),
            client: client(),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, Arc::clone(&state)));
        Self { url, state, _tasks: tasks }
    }

    pub(crate) fn arrived(&self) -> Vec<Arrived> {
        self.state.arrived.lock().unwrap().clone()
    }

    pub(crate) fn set_ahead(&self, by: Duration) {
        *self.state.ahead.lock().unwrap() = by;
    }

    pub(crate) fn set_keys(&self, keys: Vec<signature::Key>) {
        self.state.wanted.lock().unwrap().keys = keys;
    }
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let state = Arc::clone(&state);
        connections.spawn(async move {
            let service = service_fn(move |request| answer(Arc::clone(&state), request));
            // A client that leaves ends its connection.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let now = crate::now() + *state.ahead.lock().unwrap();
    let wanted = state.wanted.lock().unwrap().clone();
    let verdict = signature::check(&wanted, head.method.as_str(), &head.uri, &head.headers, &body, now);
    let (uri, headers) = (head.uri.clone(), head.headers.clone());
    state.arrived.lock().unwrap().push(Arrived {
        uri,
        headers,
        body: body.clone(),
        verdict: verdict.clone(),
    });
    if let Err(reason) = verdict {
        let text = serde_json::json!({ "message": reason }).to_string();
        let mut response = Response::new(whole(text.into()));
        *response.status_mut() = StatusCode::FORBIDDEN;
        let date = httpdate::fmt_http_date(now).parse().unwrap();
        response.headers_mut().insert("date", date);
        return Ok(response);
    }
    let url = format!("{}{}", state.upstream, head.uri.path_and_query().unwrap());
    let mut passed = state.client.request(head.method, url).body(body);
    for (name, value) in &head.headers {
        if name != "host" && name != "content-length" {
            passed = passed.header(name, value);
        }
    }
    let received: Response<reqwest::Body> = passed.send().await.unwrap().into();
    let (mut head, body) = received.into_parts();
    head.headers.remove("transfer-encoding");
    let frames = http_body_util::BodyDataStream::new(body).map_ok(Frame::data).map_err(std::io::Error::other);
    Ok(Response::from_parts(head, StreamBody::new(frames.boxed())))
}

fn whole(bytes: Bytes) -> Body {
    StreamBody::new(futures::stream::iter([Ok(Frame::data(bytes))]).boxed())
}

/// A client without TLS.
pub(crate) fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}
