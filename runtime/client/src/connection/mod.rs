//! A connection to a server: messages go in and come out as they are, and everything between is HTTP.
//!
//! ```text
//! send -> engine -> exchange (one for each message) -> post -> sender
//!                        |  follows the response, resumes it, opens the session again
//! receive <- outbox <----+---- listener (the GET stream of a session)
//! ```

mod backoff;
mod engine;
mod exchange;
mod fault;
mod limits;
mod listener;
mod message;
mod mirrored;
mod post;
mod renewal;
mod response;
mod session;
mod shared;
mod sse;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use tokio::{sync::mpsc, task::JoinSet};

pub use self::limits::Limits;
use self::{session::Session, shared::Shared};
use crate::sender::Sender;

/// Messages that wait for their reader, in each direction.
const QUEUE: usize = 256;

/// The connection has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection is closed")]
pub struct Closed;

/// The session of a connection, of revisions up to 2025-11-25.
#[derive(Debug, Clone)]
pub struct SessionHandle(Arc<Mutex<Session>>);

impl SessionHandle {
    /// The id that the server has given it.
    #[must_use]
    pub fn id(&self) -> Option<String> {
        self.session().id()
    }

    /// Leaves the session open when the connection ends, so that another connection can go on in it
    /// ([`Remote::session`](crate::Remote::session)).
    pub fn keep(&self) {
        self.session().keep();
    }

    fn session(&self) -> MutexGuard<'_, Session> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection to a server. It implements rmcp's `Transport`, and passes on raw messages for programs that want to see them.
///
/// Each message is one JSON-RPC message. Every request has a response: when the server cannot be reached, it is a JSON-RPC
/// error with the reason in `data.reason`.
///
/// Dropping it closes connections at once; [`close`](Self::close) lets running requests end and the server forget the session.
#[derive(Debug)]
pub struct Connection {
    outgoing: Option<mpsc::Sender<Bytes>>,
    incoming: mpsc::Receiver<Bytes>,
    engine: JoinSet<()>,
    session: SessionHandle,
    /// Time limit of the end.
    end: Duration,
}

impl Connection {
    pub(crate) fn open(
        sender: Arc<dyn Sender>,
        headers: HeaderMap,
        limits: Limits,
        session: Option<HeaderValue>,
    ) -> Self {
        let (outgoing, accepted) = mpsc::channel(QUEUE);
        let (outbox, incoming) = mpsc::channel(QUEUE);
        let shared = Arc::new(Shared::new(sender, headers, limits, outbox));
        if let Some(id) = session {
            shared.session().go_on(id);
            shared.ready.send_replace(shared.session().generation());
        }
        let mut engine = JoinSet::new();
        let session = SessionHandle(shared.session_handle());
        engine.spawn(engine::run(shared, accepted));
        let end = limits.finish + engine::DELETE * 2;
        Self { outgoing: Some(outgoing), incoming, engine, session, end }
    }

    /// What is known of the session, also while a client uses the connection.
    #[must_use]
    pub fn session(&self) -> SessionHandle {
        self.session.clone()
    }

    /// Sends a message of the client: the JSON of one request, notification or response.
    ///
    /// # Errors
    ///
    /// [`Closed`] after [`finish`](Self::finish).
    pub async fn send(&self, message: impl Into<Bytes>) -> Result<(), Closed> {
        let outgoing = self.outgoing.as_ref().ok_or(Closed)?;
        outgoing.send(message.into()).await.map_err(|_| Closed)
    }

    /// Receives a message of the server, on one line. `None` when the connection has ended.
    pub async fn receive(&mut self) -> Option<Bytes> {
        self.incoming.recv().await
    }

    /// Tells the connection that the client has sent its last message. Running requests still have [`Limits::finish`] to end;
    /// [`receive`](Self::receive) returns their responses and then `None`.
    pub fn finish(&mut self) {
        self.outgoing = None;
    }

    /// Ends the connection: waits for running requests, for [`Limits::finish`] at most, and ends the session.
    pub async fn close(&mut self) {
        self.drain(async |_| {}).await;
    }

    /// The same, with the messages that still arrive.
    pub(crate) async fn drain(&mut self, mut message: impl AsyncFnMut(Bytes)) {
        self.finish();
        let end = self.end;
        let rest = async {
            while let Some(received) = self.receive().await {
                message(received).await;
            }
            while self.engine.join_next().await.is_some() {}
        };
        if tokio::time::timeout(end, rest).await.is_err() {
            self.engine.abort_all();
        }
    }

    pub(crate) fn outgoing(&self) -> Option<mpsc::Sender<Bytes>> {
        self.outgoing.clone()
    }
}
