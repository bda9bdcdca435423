//! What a connection does, and when it must have gone on.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{config::ConnectionConfig, http::Body, ingress::ResponseDeadline, time::Deadline};

/// How long a client may take over its request head.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// How long after its deadline a response may take to be sent.
const RESPONSE_MARGIN: Duration = Duration::from_secs(5);

/// What a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// A request.
    Idle,
    /// The rest of a request head.
    Head,
    /// The rest of a request body.
    Body,
    /// A response.
    Response,
}

/// The state of one connection. The connection writes it; the host reads it to choose which one ends when there are too
/// many.
pub(super) struct ConnectionState {
    pub(super) peer: IpAddr,
    /// Is cancelled when the connection is to end.
    pub(super) stop: CancellationToken,
    config: ConnectionConfig,
    current: Mutex<Current>,
}

struct Current {
    phase: Phase,
    since: Instant,
    response: Option<ResponseDeadline>,
    /// Since when no byte of a response could be written, while there is one to write.
    blocked: Option<Instant>,
    /// A response body whose last bytes are not written yet, with the permits that it holds.
    unsent: Option<Body>,
    /// Whether the client may still send a body that the server does not read.
    has_unread_body: bool,
    is_evicted: bool,
}

impl ConnectionState {
    pub(super) fn new(config: &ConnectionConfig, peer: IpAddr, stop: CancellationToken) -> Arc<Self> {
        let current = Current {
            phase: Phase::Idle,
            since: Instant::now(),
            response: None,
            blocked: None,
            unsent: None,
            has_unread_body: false,
            is_evicted: false,
        };
        Arc::new(Self { peer, stop, config: config.clone(), current: current.into() })
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The phase and when it began.
    pub(super) fn phase(&self) -> (Phase, Instant) {
        let current = self.current();
        (current.phase, current.since)
    }

    /// The time by which the connection must have gone on, and what it will have failed to do.
    pub(super) fn deadline(&self) -> (Instant, &'static str) {
        let current = self.current();
        let (at, reason) = match (current.phase, &current.response) {
            (Phase::Idle, _) => (current.since + self.config.idle, "no request"),
            (Phase::Head, _) => (current.since + HEAD_TIME, "the head of a request did not arrive in time"),
            (_, Some(response)) => {
                (response.get().instant() + RESPONSE_MARGIN, "the response was not sent by its deadline")
            }
            (_, None) => (current.since + self.config.idle, "no response"),
        };
        match current.blocked.map(|since| since + self.config.write_time) {
            Some(blocked) if blocked < at => (blocked, "the client reads nothing (MCP_WRITE_SECONDS)"),
            _ => (at, reason),
        }
    }

    /// Bytes have arrived.
    pub(super) fn received(&self) {
        let mut current = self.current();
        if current.phase == Phase::Idle {
            current.enter(Phase::Head);
        }
    }

    /// A request begins.
    pub(super) fn requested(&self, deadline: Deadline, has_body: bool) -> ResponseDeadline {
        let response = ResponseDeadline::new(deadline);
        let mut current = self.current();
        current.response = Some(response.clone());
        current.has_unread_body = false;
        current.enter(if has_body { Phase::Body } else { Phase::Response });
        response
    }

    /// The body of the request is there.
    pub(super) fn body_arrived(&self) {
        let mut current = self.current();
        if current.phase == Phase::Body {
            current.enter(Phase::Response);
        }
    }

    /// The response was made to its end, and is still to be written. It is kept for its permits: a response that its
    /// client does not read counts until its last byte has left.
    pub(super) fn responded(&self, body: Body) {
        self.current().unsent = Some(body);
    }

    /// All that was to be written was written.
    pub(super) fn flushed(&self) {
        let mut current = self.current();
        if let Some(sent) = current.unsent.take() {
            current.response = None;
            current.enter(Phase::Idle);
            drop(current);
            drop(sent);
        }
    }

    /// The rest of a body is not read.
    pub(super) fn leave_body(&self) {
        self.current().has_unread_body = true;
    }

    pub(super) fn has_unread_body(&self) -> bool {
        let current = self.current();
        current.has_unread_body || current.phase == Phase::Head
    }

    /// Whether a write waits for the client.
    pub(super) fn set_blocked(&self, is_blocked: bool) {
        let mut current = self.current();
        match (is_blocked, current.blocked) {
            (true, None) => current.blocked = Some(Instant::now()),
            (false, Some(_)) => current.blocked = None,
            _ => {}
        }
    }

    /// Ends the connection, whatever it does.
    pub(super) fn evict(&self) {
        self.current().is_evicted = true;
        self.stop.cancel();
    }

    pub(super) fn is_evicted(&self) -> bool {
        self.current().is_evicted
    }
}

impl Current {
    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.since = Instant::now();
    }
}
