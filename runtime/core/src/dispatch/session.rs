//! POSTs of the session era: messages of one session.

// SEP-2577 deprecates logging; clients of the session era use it until it is gone.
#![allow(deprecated)]

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use rmcp::model::{ClientRequest, GetMeta, RequestId};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{
    Caller, Dispatcher, Reply, params,
    session_reply::{Part, Shape},
    subscriptions,
};
use crate::{
    config::SessionMode,
    error::{Causes, StoreError},
    exchange::{
        Exchange, ExchangeOptions, HandlerContext, InboxReader, LogLevel, Outbound, cancellation,
        split_wire_id,
    },
    ingress::Delivery,
    protocol::{
        self, Era, Fault, JsonRpcResponse, Message, Method, Notification, Rejection, Request, Response,
        SessionPost, meta::notification,
    },
    random,
    session::{ClientMessage, InboxKey, SessionId, SessionRecord, fault_of},
    uri::normalized,
};

/// How long a message of the client waits for its call, and the end of a session for the calls of it.
const CLIENT_MESSAGE_TTL: Duration = Duration::from_secs(15 * 60);

/// A request of a session, and who sends it.
#[derive(Clone, Copy)]
struct SessionRequest<'a> {
    caller: &'a Caller,
    record: &'a Arc<SessionRecord>,
    request: &'a Request,
}

impl Dispatcher {
    /// Serves a POST of the session era.
    pub(super) async fn session_post(&self, caller: &Caller, post: SessionPost) -> Reply {
        let id = match &post.body {
            protocol::Body::One(Message::Request(request)) => Some(request.id.clone()),
            _ => None,
        };
        let reply = match &post.body {
            protocol::Body::One(Message::Request(request)) if request.method == Method::Initialize => {
                self.initialize(caller, request, post.session.as_deref()).await
            }
            _ => self.beyond_initialize(caller, post).await,
        };
        reply.unwrap_or_else(|fault| Reply::error(Era::Session, id, fault))
    }

    /// A POST that opens no session belongs to one, or is served for itself.
    async fn beyond_initialize(&self, caller: &Caller, post: SessionPost) -> Result<Reply, Fault> {
        match self.session_mode {
            SessionMode::Off => self.without_session(caller, post).await,
            SessionMode::Optional | SessionMode::Platform if post.session.is_none() => {
                self.without_session(caller, post).await
            }
            SessionMode::Optional | SessionMode::Platform | SessionMode::Required => {
                self.in_session(caller, post).await
            }
        }
    }

    async fn in_session(&self, caller: &Caller, post: SessionPost) -> Result<Reply, Fault> {
        let id = post.session.as_deref().ok_or(Fault::SessionRequired)?;
        let record = self.session_of(caller, id, post.version).await?;
        match post.body {
            protocol::Body::One(Message::Request(request)) => {
                let part = self.prepare(caller, &record, request).await;
                Ok(self.session_reply(caller, record, vec![part], Shape::One).await)
            }
            protocol::Body::One(Message::Notification(notification)) => {
                self.on_notification(caller, &record, notification).await.map(|()| Reply::Accepted)
            }
            protocol::Body::One(Message::Response(response)) => {
                self.on_client_response(&record, response).await.map(|()| Reply::Accepted)
            }
            protocol::Body::Batch(_) if !record.version.has_batches() => Err(Fault::batches_ended()),
            protocol::Body::Batch(members) => self.batch(caller, record, members).await,
        }
    }

    async fn batch(
        &self,
        caller: &Caller,
        record: Arc<SessionRecord>,
        members: Vec<Result<Message, Rejection>>,
    ) -> Result<Reply, Fault> {
        let mut parts = Vec::new();
        // A member that is refused must not hide the others, which may have had effects.
        let mut refused = Vec::new();
        for member in members {
            match member {
                Ok(Message::Request(request)) => parts.push(self.prepare(caller, &record, request).await),
                Ok(Message::Notification(notification)) => {
                    refused.extend(self.on_notification(caller, &record, notification).await.err());
                }
                Ok(Message::Response(response)) => {
                    refused.extend(self.on_client_response(&record, response).await.err());
                }
                Err(Rejection { id, fault }) => {
                    parts.push(Part::Response(JsonRpcResponse::fault(id, &fault)));
                }
            }
        }
        if parts.is_empty() {
            return refused.into_iter().next().map_or(Ok(Reply::Accepted), Err);
        }
        parts.extend(refused.iter().map(|fault| Part::Response(JsonRpcResponse::fault(None, fault))));
        Ok(self.session_reply(caller, record, parts, Shape::Batch).await)
    }

    /// Passes a client's response to the call that waits for it, on whichever environment that runs.
    async fn on_client_response(&self, record: &SessionRecord, response: Response) -> Result<(), Fault> {
        match split_wire_id(&response.id) {
            Some((call, number)) => {
                let key = InboxKey::Call(call.to_owned());
                self.deliver_to_inbox(record, key, number.to_string(), response.raw).await
            }
            None => {
                tracing::debug!(id = %response.id, "a response to a request that this server has not made");
                Ok(())
            }
        }
    }

    async fn deliver_to_inbox(
        &self,
        record: &SessionRecord,
        to: InboxKey,
        name: String,
        body: bytes::Bytes,
    ) -> Result<(), Fault> {
        let message =
            ClientMessage { to, name, body, expires_at: self.sessions.now().plus(CLIENT_MESSAGE_TTL) };
        self.inbox.put(&record.id, &message).await.map_err(|error| fault_of(&error))
    }

    /// Stops the calls of a session that has ended, on whichever environments they run.
    pub(super) async fn stop_calls(&self, session: &SessionId) {
        let expires_at = self.sessions.now().plus(CLIENT_MESSAGE_TTL);
        let message = ClientMessage {
            to: InboxKey::Session,
            name: "ended".into(),
            body: bytes::Bytes::new(),
            expires_at,
        };
        if let Err(error) = self.inbox.put(session, &message).await {
            tracing::warn!(error = %Causes(&error), "the calls of a session that has ended run on");
        }
    }

    /// Cancellations and progress belong to a call, and reach it through its inbox. Other notifications are the
    /// handler's.
    async fn on_notification(
        &self,
        caller: &Caller,
        record: &Arc<SessionRecord>,
        notification: Notification,
    ) -> Result<(), Fault> {
        let method = &notification.method;
        let invalid = |error| Fault::InvalidRequest(format!("{method}: {error}"));
        match method.as_str() {
            notification::CANCELLED => {
                let Cancelled { request_id } = notification.params.read().map_err(invalid)?;
                let message = cancellation(&self.inbox, &request_id, self.sessions.now());
                self.inbox.put(&record.id, &message).await.map_err(|error| fault_of(&error))
            }
            notification::PROGRESS => {
                let Progress { progress_token } = notification.params.read().map_err(invalid)?;
                match progress_token.as_ref().and_then(split_wire_id) {
                    Some((call, _)) => {
                        let key = InboxKey::Call(call.to_owned());
                        self.deliver_to_inbox(record, key, random::token(), notification.raw).await
                    }
                    None => Ok(()),
                }
            }
            _ => {
                let typed = params::notification(&notification).map_err(invalid)?;
                let context = self.handler_context(caller, record);
                self.exchanges.notify(typed, context, caller.ingress.deadline).await;
                Ok(())
            }
        }
    }

    fn handler_context(&self, caller: &Caller, record: &Arc<SessionRecord>) -> HandlerContext {
        HandlerContext {
            era: Era::Session,
            principal: caller.principal.clone(),
            peer_info: record.peer_info(),
            extensions: self.services.extensions(caller, Some(record)),
            cancel: CancellationToken::new(),
            served: caller.served.clone(),
        }
    }

    /// Starts a request, or answers it at once if it is about the session itself.
    async fn prepare(&self, caller: &Caller, record: &Arc<SessionRecord>, request: Request) -> Part {
        let of = SessionRequest { caller, record, request: &request };
        let prepared = match self.handle_builtin(of).await {
            Ok(Some(response)) => Ok(Part::Response(response)),
            Ok(None) => self.start_in_session(of).map(|exchange| Part::Exchange(Box::new(exchange))),
            Err(fault) => Err(fault),
        };
        prepared.unwrap_or_else(|fault| Part::Response(JsonRpcResponse::fault(Some(request.id), &fault)))
    }

    /// Serves the methods that concern the session itself. `None`: the request is the handler's.
    async fn handle_builtin(&self, of: SessionRequest<'_>) -> Result<Option<JsonRpcResponse>, Fault> {
        let SessionRequest { record, request, .. } = of;
        let empty = JsonRpcResponse::result(&request.id, &json!({}));
        match &request.method {
            Method::Ping => return request.parse::<IgnoredAny>().map(|_| Some(empty)),
            Method::Initialize => {
                return Err(Fault::InvalidRequest("initialize cannot be part of a batch".into()));
            }
            method => self.capabilities.check(Era::Session, method)?,
        }
        let sessions = self.sessions.store();
        let write: BoxFuture<'_, Result<(), StoreError>> = match params_of_builtin(request)? {
            None => return Ok(None),
            Some(Builtin::LogLevel(level)) => sessions.set_log_level(&record.id, level),
            // Stored in one form, so that the same client may end it in another.
            Some(Builtin::Subscribe(uri)) => {
                subscriptions::check_length("params.uri", &uri)?;
                let uri = normalized(&uri).into_owned();
                Box::pin(async move { sessions.subscribe(&record.id, &uri, self.subscription_limit).await })
            }
            Some(Builtin::Unsubscribe(uri)) => {
                let uri = normalized(&uri).into_owned();
                Box::pin(async move { sessions.unsubscribe(&record.id, &uri).await })
            }
        };
        // The handler may refuse it.
        if let Some(refused) = subscriptions::refusal_of(self.start_in_session(of)?).await {
            return Ok(Some(refused));
        }
        write.await.map_err(|error| match error {
            StoreError::Full { limit, .. } => Fault::invalid_params(format!(
                "the session subscribes to {limit} resources, and to no more (MCP_SUBSCRIPTIONS_PER_SESSION): \
                 unsubscribe from another one first"
            )),
            error => fault_of(&error),
        })?;
        Ok(Some(empty))
    }

    fn start_in_session(&self, of: SessionRequest<'_>) -> Result<Exchange, Fault> {
        let SessionRequest { caller, record, request } = of;
        let typed = params::typed(request)?;
        let call = random::token();
        let inbox = InboxReader::new(self.inbox.clone(), record.id.clone(), &call, &request.id);
        let options = ExchangeOptions {
            inbox: Some(inbox),
            outbound: Outbound {
                era: Era::Session,
                call,
                progress_token: typed.get_meta().get_progress_token(),
                log_level: record.log_level.map_or(LogLevel::Everything, LogLevel::From),
                cannot_ask: (!caller.accepts.events || caller.ingress.delivery != Delivery::Stream)
                    .then_some("the client does not accept an event stream, so the handler cannot ask it"),
                progress: None,
            },
            deadline: caller.ingress.deadline,
        };
        let context = self.handler_context(caller, record);
        Ok(self.exchanges.start(request.clone(), typed, context, options))
    }
}

/// What the server reads of `notifications/cancelled`.
#[derive(Deserialize)]
struct Cancelled {
    #[serde(rename = "requestId")]
    request_id: RequestId,
}

/// What the server reads of `notifications/progress`.
#[derive(Deserialize)]
struct Progress {
    #[serde(rename = "progressToken")]
    progress_token: Option<RequestId>,
}

/// A request about the session itself that writes to its record.
enum Builtin {
    LogLevel(rmcp::model::LoggingLevel),
    Subscribe(String),
    Unsubscribe(String),
}

fn params_of_builtin(request: &Request) -> Result<Option<Builtin>, Fault> {
    if !matches!(
        request.method,
        Method::SetLogLevel | Method::SubscribeResource | Method::UnsubscribeResource
    ) {
        return Ok(None);
    }
    Ok(match params::typed(request)? {
        ClientRequest::SetLevelRequest(request) => Some(Builtin::LogLevel(request.params.level)),
        ClientRequest::SubscribeRequest(request) => Some(Builtin::Subscribe(request.params.uri)),
        ClientRequest::UnsubscribeRequest(request) => Some(Builtin::Unsubscribe(request.params.uri)),
        _ => None,
    })
}
