//! The listener, and the way of a request through the fault and the server behind.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    body::{Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use local_issuer::Issuer;
use mcp_lambda_server::{
    Config, McpLambdaServer, MemoryStore, Server, Stores,
    auth::{AuthConfig, JwtConfig},
    config::{NamedKey, SessionMode},
    tasks::TaskSupport,
};
use serde_json::{Value, json};
use test_support::sse::SseParser;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::{
    asked::Asked,
    events::{self, StreamState},
    fault::Fault,
    handler::Good,
    memory::Memory,
    messages, requests,
};

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Body = UnsyncBoxBody<Bytes, BoxError>;

/// A server on a port of its own, until it is dropped.
pub struct PlantedServer {
    url: String,
    issuer: Issuer,
    planted: Arc<Planted>,
    _tasks: JoinSet<()>,
}

struct Planted {
    server: Server,
    fault: Option<Fault>,
    memory: Mutex<Memory>,
}

impl PlantedServer {
    /// Starts a server with this fault, or without one.
    pub async fn start(fault: Option<Fault>) -> Self {
        let issuer = Issuer::start().await.expect("a port");
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let url = format!("http://{}/mcp", listener.local_addr().expect("an address"));
        let planted = Arc::new(Planted { server: behind(&issuer).await, fault, memory: Mutex::default() });
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, Arc::clone(&planted)));
        Self { url, issuer, planted, _tasks: tasks }
    }

    /// The URL of its endpoint.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A valid token of this caller.
    #[must_use]
    pub fn token(&self, subject: &str) -> String {
        let token = self.issuer.token(subject).sign();
        self.planted.memory().tokens.push(token.clone());
        token
    }
}

/// The server behind.
async fn behind(issuer: &Issuer) -> Server {
    let mut config = Config::default();
    config.state_keys = vec![NamedKey::new("one", vec![7; 32])];
    config.auth = AuthConfig::tokens(JwtConfig::new(issuer.url(), "mcp"));
    config.streams.per_principal = 64;
    let builder = McpLambdaServer::builder(Good::new())
        .config(config)
        .stores(Stores::of(MemoryStore::new(mcp_lambda_server::Clock::system())))
        .sessions(SessionMode::Required)
        .receive_events()
        .task_tool("steps", TaskSupport::Optional);
    builder.build().await.expect("a usable configuration")
}

async fn serve(listener: TcpListener, planted: Arc<Planted>) {
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        connections.spawn(connection(socket, Arc::clone(&planted)));
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(socket: TcpStream, planted: Arc<Planted>) {
    let _ = socket.set_nodelay(true);
    let service = service_fn(move |request: Request<Incoming>| {
        let planted = Arc::clone(&planted);
        async move { Ok::<_, Infallible>(planted.answer(request).await) }
    });
    // The client may have left.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
}

fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

impl Planted {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let Ok(bytes) = body.collect().await.map(http_body_util::Collected::to_bytes) else {
            return Response::new(full(Bytes::new()));
        };
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        let mut asked = Asked { method: parts.method, uri: parts.uri, headers: parts.headers, bytes, body };
        let Some(fault) = self.fault else { return self.behind(&asked).await };
        if let Some((status, body)) = requests::instead(fault, &asked, &mut self.memory()) {
            return whole(status, &body);
        }
        let known = asked.clone();
        requests::before(fault, &mut asked, &self.memory());
        let response = self.behind(&asked).await;
        self.end_the_dying(&asked).await;
        self.damaged(fault, known, response).await
    }

    async fn behind(&self, asked: &Asked) -> Response<Body> {
        let mut request = Request::new(full(asked.bytes.clone()));
        *request.method_mut() = asked.method.clone();
        *request.uri_mut() = asked.uri.clone();
        *request.headers_mut() = asked.headers.clone();
        self.server.handle(request).await
    }

    /// Ends a session that has had one message more than it should.
    async fn end_the_dying(&self, asked: &Asked) {
        let Some(session) = asked.session().map(str::to_owned) else { return };
        if !asked.is_delete() && self.memory().dying.remove(&session) {
            let mut delete = asked.clone();
            delete.method = http::Method::DELETE;
            delete.bytes = Bytes::new();
            delete.headers.remove(header::CONTENT_LENGTH);
            self.behind(&delete).await;
        }
    }

    async fn damaged(
        self: Arc<Self>,
        fault: Fault,
        asked: Asked,
        response: Response<Body>,
    ) -> Response<Body> {
        let (mut parts, body) = response.into_parts();
        messages::head(fault, &asked, &mut parts, &mut self.memory());
        if fault == Fault::GetStreamIsJson
            && asked.is_get()
            && !asked.is_resume()
            && parts.status == StatusCode::OK
        {
            return whole(StatusCode::OK, &json!({}));
        }
        let content =
            parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if content.starts_with("text/event-stream") {
            let body = self.damaged_stream(fault, asked, body);
            return Response::from_parts(parts, body);
        }
        let Ok(bytes) = body.collect().await.map(http_body_util::Collected::to_bytes) else {
            return Response::from_parts(parts, full(Bytes::new()));
        };
        let Ok(message) = serde_json::from_slice::<Value>(&bytes) else {
            return Response::from_parts(parts, full(bytes));
        };
        parts.headers.remove(header::CONTENT_LENGTH);
        if asked.uri.path().starts_with("/.well-known") {
            return Response::from_parts(parts, full(metadata(fault, message).to_string()));
        }
        let messages = messages::message(fault, &asked, message, &mut self.memory());
        if let [message] = messages.as_slice() {
            if message.get("result").is_some() && message.get("error").is_none() {
                parts.status = StatusCode::OK;
            }
            return Response::from_parts(parts, full(message.to_string()));
        }
        parts.headers.insert(header::CONTENT_TYPE, http::HeaderValue::from_static("text/event-stream"));
        Response::from_parts(parts, full(events::stream_of(&messages)))
    }

    fn damaged_stream(self: Arc<Self>, fault: Fault, asked: Asked, body: Body) -> Body {
        let is_held = match fault {
            Fault::StreamNeverEnds => asked.token().is_some(),
            Fault::EmptyHeld => asked.rpc() == "subscriptions/listen",
            _ => false,
        };
        let mut parser = SseParser::default();
        let mut state = StreamState::default();
        let chunks = body.into_data_stream().map(move |chunk| {
            parser.push(&chunk?);
            let mut text = String::new();
            for event in parser.by_ref() {
                let damaged = events::event(fault, &asked, event, &mut state, &mut self.memory());
                damaged.iter().for_each(|event| text.push_str(&events::encoded(event)));
            }
            Ok::<_, BoxError>(Frame::data(Bytes::from(text)))
        });
        if is_held {
            return BodyExt::boxed_unsync(StreamBody::new(chunks.chain(stream::pending())));
        }
        BodyExt::boxed_unsync(StreamBody::new(chunks))
    }
}

fn whole(status: StatusCode, body: &Value) -> Response<Body> {
    let mut response = Response::new(full(if body.is_null() { String::new() } else { body.to_string() }));
    *response.status_mut() = status;
    if !body.is_null() {
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    }
    response
}

fn metadata(fault: Fault, mut document: Value) -> Value {
    match fault {
        Fault::MetadataWithoutServers => document["authorization_servers"] = json!([]),
        Fault::MetadataOfAnotherResource => document["resource"] = json!("https://planted.example/mcp"),
        _ => {}
    }
    document
}
