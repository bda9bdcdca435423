//! A connection that breaks on command: an HTTP proxy in front of an embedded DynamoDB. Its answers are the database's
//! own, or errors as DynamoDB puts them, or none.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;

use super::Embedded;

/// What becomes of a request.
#[derive(Debug, Clone, Copy)]
pub enum Fate {
    /// It is answered.
    Answered,
    /// It is refused with this status, code and text.
    Refused(u16, &'static str, &'static str),
    /// It is never answered.
    Ignored,
    /// The connection breaks before the database gets the request.
    Cut,
    /// The database has done it, but the connection breaks before its answer.
    AnswerLost,
    /// The answer is no JSON.
    Garbled,
}

pub const THROTTLED: Fate = Fate::Refused(
    400,
    "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
    "The level of configured provisioned throughput for the table was exceeded.",
);
pub const BROKEN: Fate = Fate::Refused(
    500,
    "com.amazonaws.dynamodb.v20120810#InternalServerError",
    "The request could not be processed because of an internal server error.",
);
pub const DENIED: Fate = Fate::Refused(
    400,
    "com.amazon.coral.service#AccessDeniedException",
    "User: arn:aws:sts::123456789012:assumed-role/server/x is not authorized to perform the action",
);

type Rule = Box<dyn FnMut(&str, usize) -> Fate + Send>;

/// The proxy, and what came through it.
#[derive(Clone)]
pub struct Proxy {
    pub url: String,
    seen: Arc<Mutex<Vec<String>>>,
    trace_headers: Arc<Mutex<Vec<Option<String>>>>,
    rule: Arc<Mutex<Rule>>,
}

impl Proxy {
    /// Starts one before a database. It forwards every request until there is a rule.
    pub fn start(database: &Embedded) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a socket that does not block");
        let proxy = Self {
            url: format!("http://{}", listener.local_addr().expect("an address")),
            seen: Arc::default(),
            trace_headers: Arc::default(),
            rule: Arc::new(Mutex::new(Box::new(|_, _| Fate::Answered))),
        };
        let _entered = database.enter();
        let listener = TcpListener::from_std(listener).expect("a listener");
        let owner = TaskTracker::new();
        let behind = database.url.trim_start_matches("http://").to_owned();
        owner.spawn_on(proxy.clone().serve(listener, behind, owner.clone()), database.handle());
        proxy
    }

    /// From now on: what becomes of a request, by its action and its number (from 0) since this call.
    pub fn rule(&self, rule: impl FnMut(&str, usize) -> Fate + Send + 'static) {
        *self.rule.lock().expect("no panic") = Box::new(rule);
        self.seen.lock().expect("no panic").clear();
    }

    /// One fate for every request with this action.
    pub fn every(&self, action: &'static str, fate: Fate) {
        self.rule(move |seen, _| if seen == action { fate } else { Fate::Answered });
    }

    /// One fate for the first requests, then they are answered.
    pub fn first(&self, so_many: usize, fate: Fate) {
        self.rule(move |_, at| if at < so_many { fate } else { Fate::Answered });
    }

    /// The actions that came since the last rule.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("no panic").clone()
    }

    /// The trace header of each request since the last call of this.
    pub fn take_trace_headers(&self) -> Vec<Option<String>> {
        std::mem::take(&mut *self.trace_headers.lock().expect("no panic"))
    }

    async fn serve(self, listener: TcpListener, behind: String, owner: TaskTracker) {
        while let Ok((socket, _)) = listener.accept().await {
            let (proxy, behind) = (self.clone(), behind.clone());
            let service = hyper::service::service_fn(move |request| {
                let (proxy, behind) = (proxy.clone(), behind.clone());
                async move { proxy.answer(request, &behind).await }
            });
            let connection = hyper::server::conn::http1::Builder::new();
            owner.spawn(connection.serve_connection(TokioIo::new(socket), service));
        }
    }

    /// An error breaks the connection.
    async fn answer(
        &self,
        request: Request<Incoming>,
        behind: &str,
    ) -> Result<Response<Full<Bytes>>, std::io::Error> {
        let target = request.headers().get("x-amz-target").expect("an action").to_str().expect("text");
        let trace =
            request.headers().get("x-amzn-trace-id").map(|trace| trace.to_str().expect("text").to_owned());
        self.trace_headers.lock().expect("no panic").push(trace);
        let action = target.rsplit('.').next().expect("an action").to_owned();
        let at = {
            let mut seen = self.seen.lock().expect("no panic");
            seen.push(action.clone());
            seen.len() - 1
        };
        let fate = (self.rule.lock().expect("no panic"))(&action, at);
        match fate {
            Fate::Answered => forwarded(request, behind).await,
            Fate::Refused(status, code, message) => {
                let body = serde_json::json!({ "__type": code, "message": message }).to_string();
                Ok(response(status, body.into()))
            }
            Fate::Ignored => std::future::pending().await,
            Fate::Cut => Err(std::io::ErrorKind::ConnectionReset.into()),
            Fate::AnswerLost => {
                forwarded(request, behind).await?;
                Err(std::io::ErrorKind::ConnectionReset.into())
            }
            Fate::Garbled => Ok(response(200, "<html>a captive portal</html>".into())),
        }
    }
}

async fn forwarded(
    request: Request<Incoming>,
    behind: &str,
) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let broken = |error: hyper::Error| std::io::Error::other(error);
    let socket = TcpStream::connect(behind).await?;
    let (mut send, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(socket)).await.map_err(broken)?;
    let exchange = async {
        let response = send.send_request(request).await.map_err(broken)?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(broken)?.to_bytes();
        Ok(Response::from_parts(parts, Full::new(body)))
    };
    tokio::select! {
        response = exchange => response,
        // It ends only with its sender.
        Err(error) = connection => Err(broken(error)),
    }
}

fn response(status: u16, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0".parse().expect("a value"));
    response
}
