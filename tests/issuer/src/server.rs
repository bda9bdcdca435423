//! The HTTP server of the issuer.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    io,
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::{
    Key, Token,
    provider::{Asked, Client, Provider},
};

/// The way in which the issuer fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// It does not fail.
    None,
    /// Connections are closed at once.
    Closed,
    /// Every answer is a 500.
    Failing,
    /// Every answer is text that is no JSON.
    Garbage,
    /// No request is answered.
    Silent,
    /// Answers have no end.
    Endless,
    /// Every answer is a redirection to where the answer is.
    Elsewhere,
}

/// An issuer that listens on 127.0.0.1 until it is dropped.
pub struct Issuer {
    url: String,
    state: Arc<Mutex<State>>,
    _tasks: JoinSet<()>,
}

struct State {
    url: String,
    /// The `issuer` in its metadata.
    named: String,
    signing: Key,
    keys: Vec<Value>,
    /// Where metadata is to be found.
    places: Vec<String>,
    outage: Outage,
    asked: BTreeMap<String, usize>,
    provider: Provider,
}

impl Issuer {
    /// An OpenID Connect issuer with one RSA key.
    ///
    /// # Errors
    ///
    /// When no port is free.
    pub async fn start() -> io::Result<Self> {
        Self::at("").await
    }

    /// The same with a path in its name.
    ///
    /// # Errors
    ///
    /// When no port is free.
    pub async fn at(path: &str) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}{path}", listener.local_addr()?);
        let signing = Key::rsa("rsa-1");
        let state = Arc::new(Mutex::new(State {
            url: url.clone(),
            named: url.clone(),
            keys: vec![signing.jwk()],
            signing,
            places: vec![format!("{path}/.well-known/openid-configuration")],
            outage: Outage::None,
            asked: BTreeMap::new(),
            provider: Provider::default(),
        }));
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, Arc::clone(&state)));
        Ok(Self { url, state, _tasks: tasks })
    }

    /// Its name: `iss`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A valid token: of this subject, for the audience `mcp`, from now for an hour.
    pub fn token(&self, subject: &str) -> Token {
        self.token_at(subject, now())
    }

    /// A valid token that is issued at `now`, in seconds since 1970.
    pub fn token_at(&self, subject: &str, seconds: u64) -> Token {
        let claims = json!({
            "iss": self.url, "sub": subject, "aud": "mcp", "iat": seconds, "nbf": seconds, "exp": seconds + 3600,
        });
        Token::new(self.state().signing.clone(), claims)
    }

    /// The key that signs.
    #[must_use]
    pub fn signing(&self) -> Key {
        self.state().signing.clone()
    }

    /// Publishes these keys and no others; the last of them signs from now on.
    pub fn publish(&self, keys: &[Key]) {
        let mut state = self.state();
        state.keys = keys.iter().map(Key::jwk).collect();
        if let Some(key) = keys.last() {
            state.signing = key.clone();
        }
    }

    /// Publishes keys as they are written.
    pub fn publish_as_written(&self, keys: Vec<Value>) {
        self.state().keys = keys;
    }

    /// Answers at these paths, and no others, with its metadata.
    pub fn answer_at(&self, paths: &[&str]) {
        self.state().places = paths.iter().map(ToString::to_string).collect();
    }

    /// Calls itself something else in its metadata.
    pub fn call_itself(&self, name: &str) {
        name.clone_into(&mut self.state().named);
    }

    /// Fails in this way from now on.
    pub fn suffer(&self, outage: Outage) {
        self.state().outage = outage;
    }

    /// Registers a client of the provider, which has one redirect URI; `secret` is `None` for a public one.
    pub fn register(&self, client: &str, secret: Option<&str>, redirect_uri: &str) {
        let registered = Client { secret: secret.map(str::to_owned), redirect_uri: redirect_uri.to_owned() };
        self.state().provider.clients.insert(client.to_owned(), registered);
    }

    /// Adds a user, who can sign in at `/authorize`. A browser that has signed in once is not asked again.
    pub fn add_user(&self, name: &str, password: &str) {
        self.state().provider.users.insert(name.to_owned(), password.to_owned());
    }

    /// Names itself in responses to authorization requests, and announces that in its metadata (RFC 9207).
    pub fn name_itself(&self) {
        self.state().provider.names_issuer = true;
    }

    /// Gives a new refresh token with each refresh.
    pub fn rotate(&self) {
        self.state().provider.rotates = true;
    }

    /// Forgets every refresh token that it has given.
    pub fn end_grants(&self) {
        self.state().provider.refresh_tokens.clear();
    }

    /// Sets a claim of ID tokens; `null` takes it away.
    pub fn claim(&self, name: &str, value: impl Into<Value>) {
        self.state().provider.id_claims.insert(name.to_owned(), value.into());
    }

    /// How often a path was requested.
    #[must_use]
    pub fn asked(&self, path: &str) -> usize {
        self.state().asked.get(path).copied().unwrap_or_default()
    }

    /// How often the keys were requested.
    #[must_use]
    pub fn asked_for_keys(&self) -> usize {
        self.asked("/keys")
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The time of day: tokens are compared with it by a program that has no other.
#[expect(clippy::disallowed_methods, reason = "the one reader of the wall clock")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

async fn serve(listener: TcpListener, state: Arc<Mutex<State>>) {
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        connections.spawn(connection(socket, Arc::clone(&state)));
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(socket: TcpStream, state: Arc<Mutex<State>>) {
    if lock(&state).outage == Outage::Closed {
        return;
    }
    let service = service_fn(move |request: Request<Incoming>| {
        let state = Arc::clone(&state);
        async move { Ok::<_, Infallible>(answer(&state, request).await) }
    });
    // The client may have left.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
}

async fn answer(state: &Mutex<State>, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let path = head.uri.path();
    let (outage, answer) = {
        let mut state = lock(state);
        *state.asked.entry(path.to_owned()).or_default() += 1;
        let answer = state.document(path).map(|document| found(document.to_string().into()));
        (state.outage, answer.or_else(|| state.provide(&head, &body)))
    };
    let with = |status, body| {
        let mut response = found(body);
        *response.status_mut() = status;
        response
    };
    match (outage, answer) {
        (Outage::Silent, _) => std::future::pending().await,
        (Outage::Failing, _) => with(StatusCode::INTERNAL_SERVER_ERROR, Bytes::from_static(b"{}")),
        (Outage::Garbage, _) => found(Bytes::from_static(b"<html>sign in first</html>")),
        (Outage::Endless, _) => found(vec![b' '; 4 << 20].into()),
        (_, None) => with(StatusCode::NOT_FOUND, Bytes::from_static(b"{}")),
        (Outage::Elsewhere, Some(mut answer)) => {
            *answer.status_mut() = StatusCode::FOUND;
            answer
        }
        (Outage::None | Outage::Closed, Some(answer)) => answer,
    }
}

fn found(body: Bytes) -> Response<Full<Bytes>> {
    Response::new(Full::new(body))
}

impl State {
    fn document(&self, path: &str) -> Option<Value> {
        if path == "/keys" {
            return Some(json!({ "keys": self.keys }));
        }
        let host = self.url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        let mut metadata = json!({ "issuer": self.named, "jwks_uri": format!("{host}/keys") });
        if let (Value::Object(metadata), Value::Object(more)) = (&mut metadata, self.provider.metadata(&host))
        {
            metadata.extend(more);
        }
        self.places.iter().any(|place| place == path).then_some(metadata)
    }
}

impl State {
    fn provide(&mut self, head: &http::request::Parts, body: &[u8]) -> Option<Response<Full<Bytes>>> {
        let asked = Asked {
            method: head.method.as_str(),
            path: head.uri.path(),
            query: head.uri.query().unwrap_or_default(),
            headers: &head.headers,
            body,
            issuer: &self.url,
            key: &self.signing,
            now: now(),
        };
        self.provider.answer(&asked)
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
