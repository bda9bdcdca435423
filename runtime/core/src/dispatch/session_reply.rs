//! The reply to a POST of the session era: JSON as long as there are only responses, a stream from any other event on.

use std::{sync::Arc, time::Duration};

use futures::StreamExt;
use rmcp::model::RequestId;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;

use super::{Caller, Dispatcher, JsonReply, Reply};
use crate::{
    exchange::{Exchange, ExchangeEvent},
    ingress::Delivery,
    limits::RequestPermit,
    protocol::{Era, Fault, JsonRpcResponse},
    session::SessionRecord,
    stream::{self, Frame, ReplayableStream, StreamStore},
    telemetry::in_this_trace,
    time::{Clock, Deadline},
};

/// How long a finished reply can be replayed.
const REPLAY_TTL: Duration = Duration::from_secs(15 * 60);

/// The part of a reply that one request makes.
pub(super) enum Part {
    /// The response is known already.
    Response(JsonRpcResponse),
    /// The request runs.
    Exchange(Box<Exchange>),
}

/// Whether a POST held one message or a batch.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    One,
    Batch,
}

impl Dispatcher {
    /// Runs requests in a task of their own: in this era a client that leaves has cancelled nothing.
    pub(super) async fn session_reply(
        &self,
        caller: &Caller,
        record: Arc<SessionRecord>,
        parts: Vec<Part>,
        shape: Shape,
    ) -> Reply {
        // Nothing runs: there is no need for a task.
        if let [Part::Response(response)] = &parts[..]
            && shape == Shape::One
            && caller.accepts.json
        {
            return Reply::response(Era::Session, None, response.clone());
        }
        // A client that resumes a reply which broke off learns which request has no response.
        let request = match &parts[..] {
            [Part::Exchange(exchange)] if shape == Shape::One => Some(exchange.id().clone()),
            _ => None,
        };
        let (reply, replied) = oneshot::channel();
        let session_reply = SessionReply {
            store: Arc::clone(self.streams.reply_store()),
            tracker: self.tracker.clone(),
            clock: self.services.clock.clone(),
            retry: self.streams.retry(),
            is_resumable: record.version.has_priming() && self.streams.are_enabled(),
            record,
            request,
            accepts_json: caller.accepts.json,
            accepts_events: caller.accepts.events,
            delivery: caller.ingress.delivery,
            deadline: caller.ingress.deadline,
            _permit: Arc::clone(&caller.permit),
            shape,
            reply: Some(reply),
            stream: None,
            responses: Vec::new(),
        };
        self.tracker.spawn(in_this_trace(session_reply.run(parts)));
        replied.await.unwrap_or_else(|_| Reply::error(Era::Session, None, Fault::Internal))
    }
}

/// The task that runs the requests of a POST and writes their reply.
struct SessionReply {
    store: Arc<dyn StreamStore>,
    tracker: TaskTracker,
    clock: Clock,
    /// How long a client should wait before it reconnects.
    retry: Duration,
    /// Whether a client can come back for a reply that it lost before the first message.
    is_resumable: bool,
    record: Arc<SessionRecord>,
    request: Option<RequestId>,
    accepts_json: bool,
    accepts_events: bool,
    delivery: Delivery,
    deadline: Deadline,
    /// A call that its client has left still counts as a request of its caller.
    _permit: Arc<RequestPermit>,
    shape: Shape,
    reply: Option<oneshot::Sender<Reply>>,
    stream: Option<ReplayableStream>,
    /// Responses of a reply that is no stream so far.
    responses: Vec<JsonRpcResponse>,
}

impl SessionReply {
    async fn run(mut self, parts: Vec<Part>) {
        for part in parts {
            match part {
                Part::Response(response) => self.respond(response).await,
                Part::Exchange(exchange) => self.serve(*exchange).await,
            }
        }
        self.finish().await;
    }

    async fn serve(&mut self, mut exchange: Exchange) {
        loop {
            match exchange.next().await {
                ExchangeEvent::Response(response) => return self.respond(response).await,
                ExchangeEvent::Cancelled => {
                    // There must be no response: the stream ends, if one is open.
                    tracing::debug!(id = %exchange.id(), "cancelled by the client");
                    return;
                }
                ExchangeEvent::Message(_) | ExchangeEvent::Idle | ExchangeEvent::Disconnect
                    if !self.accepts_events => {}
                ExchangeEvent::Disconnect if !self.is_resumable => {}
                ExchangeEvent::Message(json) => self.stream().await.message(json).await,
                ExchangeEvent::Idle if self.delivery == Delivery::Buffered => {}
                ExchangeEvent::Idle => self.send(Frame::KeepAlive).await,
                ExchangeEvent::Disconnect => {
                    let retry = self.retry;
                    self.stream().await.disconnect(retry).await;
                }
            }
        }
    }

    async fn respond(&mut self, response: JsonRpcResponse) {
        // A refusal is the whole reply, even for a client that accepts streams alone.
        let is_refusal = self.shape == Shape::One && response.fault.is_some();
        if self.stream.is_none() && (self.accepts_json || is_refusal) {
            self.responses.push(response);
        } else {
            self.stream().await.message(response.json).await;
        }
    }

    async fn send(&mut self, frame: Frame) {
        self.stream().await.send(frame).await;
    }

    /// The stream. The first use opens it.
    async fn stream(&mut self) -> &mut ReplayableStream {
        let stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.open().await,
        };
        self.stream.insert(stream)
    }

    async fn open(&mut self) -> ReplayableStream {
        let (mut stream, frames) = stream::replayable_stream(
            &self.store,
            &self.tracker,
            self.record.id.clone(),
            self.request.take(),
            &self.clock,
            self.deadline,
            REPLAY_TTL,
        );
        if let Some(reply) = self.reply.take() {
            // The client may have left already, which changes nothing in this era.
            let _ = reply.send(Reply::Stream(frames));
        }
        if self.is_resumable {
            let priming = stream.priming();
            stream.send(priming).await;
        }
        for response in self.responses.drain(..) {
            stream.message(response.json).await;
        }
        stream
    }

    async fn finish(&mut self) {
        if let Some(stream) = self.stream.take() {
            return stream.finish().await;
        }
        let Some(reply) = self.reply.take() else { return };
        let _ = reply.send(match (self.shape, self.responses.pop()) {
            (Shape::One, Some(response)) => Reply::response(Era::Session, self.request.take(), response),
            (Shape::Batch, Some(response)) => {
                self.responses.push(response);
                let json = array(&self.responses);
                Reply::Json(JsonReply { era: Era::Session, json, code: None, session: None })
            }
            // Every call was cancelled before it had sent anything. A stream without an event id brings no client back.
            // It is not empty, because some gateways wait for its first byte.
            (_, None) if self.accepts_events => {
                Reply::Stream(futures::stream::iter([Frame::KeepAlive]).boxed())
            }
            (_, None) => Reply::Accepted,
        });
    }
}

pub(super) fn array(responses: &[JsonRpcResponse]) -> bytes::Bytes {
    let joined = responses.iter().map(|response| &response.json[..]).collect::<Vec<_>>().join(&b","[..]);
    [&b"["[..], &joined, b"]"].concat().into()
}
