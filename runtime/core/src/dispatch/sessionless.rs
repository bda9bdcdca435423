//! POSTs of the session era without a session: each is served for itself, with no read of any store.
//!
//! What would outlive the request is not there: subscriptions, the log level, state of the session, responses of the
//! client. A client that leaves cancels its requests, as in 2026-07-28: no other request can be about them.

use std::collections::VecDeque;

use futures::StreamExt;
use rmcp::model::{ClientCapabilities, GetMeta, Implementation, InitializeRequestParams, RequestId};
use serde::de::IgnoredAny;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{
    Caller, Dispatcher, JsonReply, Reply, params,
    session_reply::{Part, Shape, array},
};
use crate::{
    config::SessionMode,
    exchange::{Exchange, ExchangeEvent, ExchangeOptions, HandlerContext, LogLevel, Outbound},
    ingress::Delivery,
    protocol::{
        self, Era, Fault, JsonRpcResponse, Message, Method, Notification, Rejection, Request, SessionPost,
        SessionVersion, meta::notification,
    },
    stream::{Frame, FrameStream},
};

/// The version of a request without the version header:
/// <https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#protocol-version-header> (read 2026-11-26).
const ASSUMED_VERSION: SessionVersion = SessionVersion::V2025_03_26;

/// Who sends a request, and in which revision.
#[derive(Clone, Copy)]
struct Sender<'a> {
    caller: &'a Caller,
    version: SessionVersion,
}

impl Dispatcher {
    /// Serves a POST that has no session.
    pub(super) async fn without_session(&self, caller: &Caller, post: SessionPost) -> Result<Reply, Fault> {
        let sender = Sender { caller, version: post.version.unwrap_or(ASSUMED_VERSION) };
        match post.body {
            protocol::Body::One(Message::Request(request)) => {
                let id = Some(request.id.clone());
                let part = self.part_without_session(sender, request);
                Ok(SessionlessReply::new(caller, id, [part]).reply(Shape::One).await)
            }
            protocol::Body::One(Message::Notification(notification)) => {
                self.notification_without_session(sender, &notification).await.map(|()| Reply::Accepted)
            }
            // No request was made to the client that it could respond to.
            protocol::Body::One(Message::Response(_)) => Ok(Reply::Accepted),
            protocol::Body::Batch(_) if !sender.version.has_batches() => Err(Fault::batches_ended()),
            protocol::Body::Batch(members) => self.batch_without_session(sender, members).await,
        }
    }

    async fn batch_without_session(
        &self,
        sender: Sender<'_>,
        members: Vec<Result<Message, Rejection>>,
    ) -> Result<Reply, Fault> {
        let (mut parts, mut refused) = (Vec::new(), Vec::new());
        for member in members {
            match member {
                Ok(Message::Request(request)) => parts.push(self.part_without_session(sender, request)),
                Ok(Message::Notification(notification)) => {
                    refused.extend(self.notification_without_session(sender, &notification).await.err());
                }
                Ok(Message::Response(_)) => {}
                Err(Rejection { id, fault }) => {
                    parts.push(Part::Response(JsonRpcResponse::fault(id, &fault)));
                }
            }
        }
        if parts.is_empty() {
            return refused.into_iter().next().map_or(Ok(Reply::Accepted), Err);
        }
        parts.extend(refused.iter().map(|fault| Part::Response(JsonRpcResponse::fault(None, fault))));
        Ok(SessionlessReply::new(sender.caller, None, parts).reply(Shape::Batch).await)
    }

    /// A cancellation and progress are about a call that this request cannot find. Other notifications are the handler's.
    async fn notification_without_session(
        &self,
        sender: Sender<'_>,
        notification: &Notification,
    ) -> Result<(), Fault> {
        if matches!(notification.method.as_str(), notification::CANCELLED | notification::PROGRESS) {
            return Ok(());
        }
        let typed = params::notification(notification)
            .map_err(|error| Fault::InvalidRequest(format!("{}: {error}", notification.method)))?;
        let context = self.context_without_session(sender);
        self.exchanges.notify(typed, context, sender.caller.ingress.deadline).await;
        Ok(())
    }

    fn context_without_session(&self, Sender { caller, version }: Sender<'_>) -> HandlerContext {
        let client = Implementation::new("unknown", "0");
        let peer_info = InitializeRequestParams::new(ClientCapabilities::default(), client);
        HandlerContext {
            era: Era::Session,
            principal: caller.principal.clone(),
            peer_info: peer_info.with_protocol_version(version.to_rmcp()),
            extensions: self.services.extensions(caller, None),
            cancel: CancellationToken::new(),
            served: caller.served.clone(),
        }
    }

    fn part_without_session(&self, sender: Sender<'_>, request: Request) -> Part {
        let id = request.id.clone();
        let started = match &request.method {
            Method::Ping => match request.parse::<IgnoredAny>() {
                Ok(_) => return Part::Response(JsonRpcResponse::result(&id, &json!({}))),
                Err(fault) => Err(fault),
            },
            Method::Initialize => Err(Fault::InvalidRequest("initialize cannot be part of a batch".into())),
            method @ (Method::SetLogLevel | Method::SubscribeResource | Method::UnsubscribeResource) => {
                let fault = self.needs_session(method);
                return Part::Response(JsonRpcResponse::refused(Some(id), fault));
            }
            _ => self.start_without_session(sender, request),
        };
        match started {
            Ok(exchange) => Part::Exchange(Box::new(exchange)),
            Err(fault) => Part::Response(JsonRpcResponse::fault(Some(id), &fault)),
        }
    }

    fn needs_session(&self, method: &Method) -> Fault {
        if let Err(unknown) = self.capabilities.check(Era::Session, method) {
            return unknown;
        }
        match self.session_mode {
            SessionMode::Off => Fault::NoSessions { what: method.to_string() },
            SessionMode::Required | SessionMode::Optional | SessionMode::Platform => {
                Fault::NeedsSession { what: method.to_string() }
            }
        }
    }

    fn start_without_session(&self, sender: Sender<'_>, request: Request) -> Result<Exchange, Fault> {
        let typed = params::typed(&request)?;
        let options = ExchangeOptions {
            inbox: None,
            outbound: Outbound {
                era: Era::Session,
                // No request to the client begins with it.
                call: String::new(),
                progress_token: typed.get_meta().get_progress_token(),
                // A server without sessions does not declare `logging`.
                log_level: match self.session_mode {
                    SessionMode::Off => LogLevel::Nothing,
                    SessionMode::Required | SessionMode::Optional | SessionMode::Platform => {
                        LogLevel::Everything
                    }
                },
                cannot_ask: Some(match self.session_mode {
                    SessionMode::Off => {
                        "the handler can ask a client only in a session, and this server has none (MCP_SESSIONS=off)"
                    }
                    SessionMode::Required | SessionMode::Optional | SessionMode::Platform => {
                        "the handler can ask a client only in a session, and the request named none (Mcp-Session-Id)"
                    }
                }),
                progress: None,
            },
            deadline: sender.caller.ingress.deadline,
        };
        let context = self.context_without_session(sender);
        Ok(self.exchanges.start(request, typed, context, options))
    }
}

/// The reply to a POST: JSON as long as there are only responses, a stream from any other event on. Dropping it stops its
/// requests.
struct SessionlessReply {
    /// The request, if the POST is one.
    id: Option<RequestId>,
    parts: VecDeque<Part>,
    accepts_json: bool,
    accepts_events: bool,
    delivery: Delivery,
}

/// What comes next in a reply.
enum Next {
    Response(JsonRpcResponse),
    Frame(Frame),
}

impl SessionlessReply {
    fn new(caller: &Caller, id: Option<RequestId>, parts: impl IntoIterator<Item = Part>) -> Self {
        Self {
            id,
            parts: parts.into_iter().collect(),
            accepts_json: caller.accepts.json,
            accepts_events: caller.accepts.events,
            delivery: caller.ingress.delivery,
        }
    }

    async fn reply(mut self, shape: Shape) -> Reply {
        let mut responses = Vec::new();
        let first = loop {
            match self.next().await {
                Some(Next::Response(response)) => {
                    let is_refusal = shape == Shape::One && response.fault.is_some();
                    responses.push(response);
                    if !self.accepts_json && !is_refusal {
                        break None;
                    }
                }
                Some(Next::Frame(frame)) => break Some(frame),
                None => return json_reply(shape, self.id, responses),
            }
        };
        let opening = responses.into_iter().map(|response| message(response.json)).chain(first);
        Reply::Stream(self.stream(opening.collect()))
    }

    fn stream(self, opening: Vec<Frame>) -> FrameStream {
        let rest = futures::stream::unfold(self, async |mut reply| {
            let frame = match reply.next().await? {
                Next::Response(response) => message(response.json),
                Next::Frame(frame) => frame,
            };
            Some((frame, reply))
        });
        futures::stream::iter(opening).chain(rest).boxed()
    }

    /// The next response or frame, of one request after the other.
    async fn next(&mut self) -> Option<Next> {
        loop {
            let exchange = match self.parts.pop_front()? {
                Part::Response(response) => return Some(Next::Response(response)),
                Part::Exchange(exchange) => exchange,
            };
            let (event, exchange) = next_event(exchange).await;
            if let Some(exchange) = exchange {
                self.parts.push_front(Part::Exchange(exchange));
            }
            match event {
                ExchangeEvent::Response(response) => return Some(Next::Response(response)),
                ExchangeEvent::Message(json) if self.accepts_events => {
                    return Some(Next::Frame(message(json)));
                }
                ExchangeEvent::Idle if self.accepts_events && self.delivery == Delivery::Stream => {
                    return Some(Next::Frame(Frame::KeepAlive));
                }
                ExchangeEvent::Message(_)
                | ExchangeEvent::Idle
                | ExchangeEvent::Disconnect
                | ExchangeEvent::Cancelled => {}
            }
        }
    }
}

/// Waits for an event of a running request. The request is over without its exchange.
async fn next_event(mut exchange: Box<Exchange>) -> (ExchangeEvent, Option<Box<Exchange>>) {
    let event = exchange.next().await;
    let is_last = matches!(event, ExchangeEvent::Response(_) | ExchangeEvent::Cancelled);
    (event, (!is_last).then_some(exchange))
}

fn message(json: bytes::Bytes) -> Frame {
    Frame::Message { id: None, json }
}

fn json_reply(shape: Shape, id: Option<RequestId>, mut responses: Vec<JsonRpcResponse>) -> Reply {
    match (shape, responses.pop()) {
        (Shape::One, Some(response)) => Reply::response(Era::Session, id, response),
        (Shape::Batch, Some(last)) => {
            responses.push(last);
            Reply::Json(JsonReply { era: Era::Session, json: array(&responses), code: None, session: None })
        }
        (_, None) => Reply::Accepted,
    }
}
