//! The two ways in which a request reaches a server: by a call in this process, and over HTTP.

use std::{future::Future, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, header};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task::JoinSet, time::timeout};

use crate::{reply::Reply, waiting::SOON};

pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

/// The host of a request that names no other. Over HTTP it is replaced by the address of the server.
pub const HOST: &str = "127.0.0.1:9000";

/// A server, however it is reached.
pub trait Transport {
    fn answer(&self, request: Request<Body>) -> impl Future<Output = Reply> + Send;
}

#[cfg(feature = "server")]
impl Transport for mcp_lambda_server::Server {
    async fn answer(&self, request: Request<Body>) -> Reply {
        Reply::of(self.handle(request).await)
    }
}

/// The URL of a server, without a path.
pub struct Http(pub String);

impl Transport for Http {
    async fn answer(&self, mut request: Request<Body>) -> Reply {
        let url = format!("{}{}", self.0, request.uri());
        *request.uri_mut() = url.parse().expect("a URL");
        within(SOON, exchange(request)).await
    }
}

/// A GET.
pub async fn get(url: impl AsRef<str>) -> Reply {
    send("GET", url, &[], Bytes::new()).await
}

/// A POST of a body of one type.
pub async fn post(url: impl AsRef<str>, content_type: &str, body: impl Into<Bytes>) -> Reply {
    send("POST", url, &[("content-type", content_type)], body).await
}

/// Any request, to any URL.
pub async fn send(
    method: &str,
    url: impl AsRef<str>,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Reply {
    let mut request = Request::new(Full::new(body.into()).map_err(|never| match never {}).boxed_unsync());
    *request.method_mut() = method.parse().expect("a method");
    *request.uri_mut() = url.as_ref().parse().expect("a URL");
    for (name, value) in headers {
        let name = header::HeaderName::from_bytes(name.as_bytes()).expect("a header name");
        request.headers_mut().append(name, HeaderValue::from_str(value).expect("a header value"));
    }
    within(SOON, exchange(request)).await
}

async fn within(patience: Duration, reply: impl Future<Output = Reply>) -> Reply {
    timeout(patience, reply).await.expect("a response in time").within(patience)
}

/// One request on a connection of its own, which ends when the reply is dropped.
async fn exchange(mut request: Request<Body>) -> Reply {
    let authority = request.uri().authority().expect("a URL with a host").to_string();
    let stream = TcpStream::connect(&authority).await.expect("a connection");
    stream.set_nodelay(true).expect("a socket");
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("a connection");
    let mut tasks = JoinSet::new();
    tasks.spawn(connection);
    tasks.detach_all();
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).parse().expect("a path");
    *request.uri_mut() = path;
    name_host(request.headers_mut(), &authority);
    let response = sender.send_request(request).await.expect("a response");
    Reply::of(response.map(|body| body.map_err(Into::into).boxed_unsync()))
}

fn name_host(headers: &mut HeaderMap, authority: &str) {
    if headers.get(header::HOST).is_none_or(|host| host == HOST) {
        headers.insert(header::HOST, HeaderValue::from_str(authority).expect("a host"));
    }
}
