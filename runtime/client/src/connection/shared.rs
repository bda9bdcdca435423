//! What all parts of a connection share.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use http::HeaderMap;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{
    limits::Limits,
    message::{self, Id},
    mirrored::ToolHeaders,
    session::Session,
};
use crate::sender::Sender;

/// The parts of a connection that its requests share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) sender: Arc<dyn Sender>,
    /// Headers that each request has.
    pub(super) headers: HeaderMap,
    pub(super) limits: Limits,
    outbox: mpsc::Sender<Bytes>,
    running: Mutex<HashMap<Id, Running>>,
    session: Arc<Mutex<Session>>,
    /// Held while the session is opened again, so that it happens once.
    pub(super) renewing: tokio::sync::Mutex<()>,
    tools: Mutex<ToolHeaders>,
    /// The number of the session after its handshake: its GET stream can be opened.
    pub(super) ready: watch::Sender<u64>,
    /// Cancelled when the connection ends.
    pub(super) closing: CancellationToken,
}

/// A request that runs.
#[derive(Debug)]
pub(super) struct Running {
    /// Ends the request without a response.
    pub(super) cancel: CancellationToken,
    pub(super) is_of_session: bool,
    /// Whether its response has no end of its own: a stream of events.
    pub(super) is_stream: bool,
}

impl Shared {
    pub(super) fn new(
        sender: Arc<dyn Sender>,
        headers: HeaderMap,
        limits: Limits,
        outbox: mpsc::Sender<Bytes>,
    ) -> Self {
        Self {
            sender,
            headers,
            limits,
            outbox,
            running: Mutex::default(),
            session: Arc::default(),
            renewing: tokio::sync::Mutex::default(),
            tools: Mutex::default(),
            ready: watch::Sender::new(0),
            closing: CancellationToken::new(),
        }
    }

    /// Passes a message to the client. When the client reads no more, the connection ends.
    pub(super) async fn deliver(&self, message: Bytes) {
        if self.outbox.send(message::one_line(message)).await.is_err() {
            self.closing.cancel();
        }
    }

    /// Ends the streams of events, for which nothing waits any more.
    pub(super) fn end_streams(&self) {
        self.running()
            .values()
            .filter(|running| running.is_stream)
            .for_each(|running| running.cancel.cancel());
    }

    pub(super) fn running(&self) -> MutexGuard<'_, HashMap<Id, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session, for a handle that must not keep the rest alive: the connection ends when its last part is dropped.
    pub(super) fn session_handle(&self) -> Arc<Mutex<Session>> {
        Arc::clone(&self.session)
    }

    pub(super) fn tools(&self) -> MutexGuard<'_, ToolHeaders> {
        self.tools.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
