//! The HTTP server of the issuer.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    io,
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::{Key, Token};

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
        async move { Ok::<_, Infallible>(answer(&state, request.uri().path()).await) }
    });
    // The client may have left.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
}

async fn answer(state: &Mutex<State>, path: &str) -> Response<Full<Bytes>> {
    let (outage, document) = {
        let mut state = lock(state);
        *state.asked.entry(path.to_owned()).or_default() += 1;
        (state.outage, state.document(path))
    };
    let (status, body) = match (outage, document) {
        (Outage::Silent, _) => {
            tokio::time::sleep(Duration::from_secs(3600)).await;
            (StatusCode::OK, Bytes::new())
        }
        (Outage::Failing, _) => (StatusCode::INTERNAL_SERVER_ERROR, Bytes::from_static(b"{}")),
        (Outage::Garbage, _) => (StatusCode::OK, Bytes::from_static(b"<html>sign in first</html>")),
        (Outage::Endless, _) => (StatusCode::OK, vec![b' '; 4 << 20].into()),
        (_, None) => (StatusCode::NOT_FOUND, Bytes::from_static(b"{}")),
        (Outage::Elsewhere, Some(document)) => (StatusCode::FOUND, document.to_string().into()),
        (Outage::None | Outage::Closed, Some(document)) => (StatusCode::OK, document.to_string().into()),
    };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response
}

impl State {
    fn document(&self, path: &str) -> Option<Value> {
        if path == "/keys" {
            return Some(json!({ "keys": self.keys }));
        }
        let host = self.url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        let metadata = json!({ "issuer": self.named, "jwks_uri": format!("{host}/keys") });
        self.places.iter().any(|place| place == path).then_some(metadata)
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
