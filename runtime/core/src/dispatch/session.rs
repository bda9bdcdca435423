//! POSTs of the session era: find the session, then serve its messages.

// SEP-2577 deprecates logging, sampling and roots; clients of the session era use them until they are gone.
#![allow(deprecated)]

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use rmcp::model::{ClientNotification, ClientRequest, GetMeta, RequestId};
use serde::Deserialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{
    App, call,
    conversation::{Conversation, Letters, Said, Terms, request_address},
    initialize,
    outbound::{self, LogLevel, Outbound},
    permission,
    reply::{Caller, Final, Reply},
    writer::{Job, Shape, drive},
};
use crate::{
    error::{Causes, StoreError},
    ingress::Delivery,
    peer::{self, Setting},
    protocol::{self, Era, Fault, Message, Notification, Rejection, Request, Response, SessionPost},
    random,
    session::{ClientMessage, InboxKey, SessionId, SessionRecord},
};

/// A session is marked as used at most this often, so that a busy one costs a write a minute and not a request.
const TOUCH_EVERY: Duration = Duration::from_secs(60);
/// However busy, a session ends: what it left in a store can then be swept up.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How long a letter waits for its call.
const CLIENT_MESSAGE_TTL: Duration = Duration::from_secs(15 * 60);

pub(super) async fn post(app: &Arc<App>, caller: &Caller, post: SessionPost) -> Reply {
    let id = match &post.body {
        protocol::Body::One(Message::Request(request)) => Some(request.id.clone()),
        _ => None,
    };
    let outcome = match &post.body {
        protocol::Body::One(Message::Request(request)) if request.method == "initialize" => {
            initialize::open(app, caller, request).await
        }
        _ => serve(app, caller, post).await,
    };
    outcome.unwrap_or_else(|fault| Reply::refuse(Era::Session, id, fault))
}

/// PollSchedule a session up. Unknown, ended, expired and somebody else's are one answer.
pub(super) async fn find(app: &App, caller: &Caller, id: &str) -> Result<Arc<SessionRecord>, Fault> {
    let id: SessionId = id.parse().map_err(|_| Fault::SessionNotFound)?;
    let found = app.stores.sessions.load(&id).await.map_err(|error| unavailable(&error))?;
    let record = found.filter(|record| record.owner == caller.principal).ok_or(Fault::SessionNotFound)?;
    used(app, record).await
}

/// Marks a session as used, once a minute.
pub(super) async fn used(app: &App, record: SessionRecord) -> Result<Arc<SessionRecord>, Fault> {
    let expires_at = app.clock.now().plus(app.config.session_ttl).min(record.created_at.plus(LONGEST));
    if record.expires_at.plus(TOUCH_EVERY) < expires_at {
        match app.stores.sessions.touch(&record.id, expires_at).await {
            Ok(()) => {}
            Err(StoreError::NotFound) => return Err(Fault::SessionNotFound),
            // The session lives until its old end; the request need not fail for that.
            Err(error) => tracing::warn!(error = %Causes(&error), "a session was not marked as used"),
        }
    }
    Ok(Arc::new(record))
}

pub(super) async fn end(app: &App, caller: &Caller, id: &str) -> Result<(), Fault> {
    let record = find(app, caller, id).await?;
    app.stores.sessions.end(&record.id).await.map_err(|error| unavailable(&error))?;
    app.listeners.end(&record.id);
    Ok(())
}

pub(super) fn unavailable(error: &StoreError) -> Fault {
    match error {
        StoreError::NotFound => Fault::SessionNotFound,
        // The client's to mend.
        error @ StoreError::TooLarge { .. } => Fault::invalid_params(error.to_string()),
        error => {
            tracing::error!(error = %Causes(error), "the session store failed");
            // What would fail again must not be called worth another try.
            if error.is_retryable() { Fault::Unavailable } else { Fault::Internal }
        }
    }
}

async fn serve(app: &Arc<App>, caller: &Caller, post: SessionPost) -> Result<Reply, Fault> {
    let id = post.session.as_deref().ok_or(Fault::SessionRequired)?;
    let record = find(app, caller, id).await?;
    match post.body {
        protocol::Body::One(Message::Request(request)) => {
            permission::check(app, caller, &request)?;
            let job = job(app, caller, &record, request).await;
            Ok(drive(app, caller, record, vec![job], Shape::One).await)
        }
        protocol::Body::One(Message::Notification(notification)) => {
            notified(app, caller, &record, notification).await.map(|()| Reply::Accepted)
        }
        protocol::Body::One(Message::Response(response)) => {
            answered(app, &record, response).await.map(|()| Reply::Accepted)
        }
        protocol::Body::Batch(_) if !record.version.has_batches() => {
            Err(Fault::InvalidRequest("a body is one message, batches ended with 2025-03-26".into()))
        }
        protocol::Body::Batch(members) => batch(app, caller, record, members).await,
    }
}

async fn batch(
    app: &Arc<App>,
    caller: &Caller,
    record: Arc<SessionRecord>,
    members: Vec<Result<Message, Rejection>>,
) -> Result<Reply, Fault> {
    let mut jobs = Vec::new();
    // One that cannot be taken must not spoil its neighbours, which may have been acted on.
    let mut refused = Vec::new();
    for member in members {
        match member {
            Ok(Message::Request(request)) => jobs.push(match permission::check(app, caller, &request) {
                Ok(()) => job(app, caller, &record, request).await,
                // A batch has one status for all its members, so this one has only its error.
                Err(fault) => Job::Done(Final::fault(Some(request.id), &fault)),
            }),
            Ok(Message::Notification(notification)) => {
                refused.extend(notified(app, caller, &record, notification).await.err());
            }
            Ok(Message::Response(response)) => refused.extend(answered(app, &record, response).await.err()),
            Err(Rejection { id, fault }) => jobs.push(Job::Done(Final::fault(id, &fault))),
        }
    }
    if jobs.is_empty() {
        return refused.into_iter().next().map_or(Ok(Reply::Accepted), Err);
    }
    jobs.extend(refused.iter().map(|fault| Job::Done(Final::fault(None, fault))));
    Ok(drive(app, caller, record, jobs, Shape::Batch).await)
}

/// A client's answer goes to the call that waits for it, wherever that runs.
async fn answered(app: &App, record: &SessionRecord, answer: Response) -> Result<(), Fault> {
    match outbound::split_wire_id(&answer.id) {
        Some((call, number)) => {
            send(app, record, InboxKey::Call(call.to_owned()), number.to_string(), answer.raw).await
        }
        None => {
            tracing::debug!(id = %answer.id, "an answer to a request we never made");
            Ok(())
        }
    }
}

async fn send(
    app: &App,
    record: &SessionRecord,
    to: InboxKey,
    name: String,
    body: bytes::Bytes,
) -> Result<(), Fault> {
    let mail = ClientMessage { to, name, body, expires_at: app.clock.now().plus(CLIENT_MESSAGE_TTL) };
    app.inbox.put(&record.id, &mail).await.map_err(|error| unavailable(&error))
}

async fn notified(
    app: &Arc<App>,
    caller: &Caller,
    record: &Arc<SessionRecord>,
    notification: Notification,
) -> Result<(), Fault> {
    #[derive(Deserialize)]
    struct Outer {
        #[serde(default)]
        params: Params,
    }
    #[derive(Deserialize, Default)]
    #[serde(rename_all = "camelCase")]
    struct Params {
        request_id: Option<RequestId>,
        progress_token: Option<RequestId>,
    }
    let invalid =
        |error| Fault::InvalidRequest(format!("invalid params for {}: {error}", notification.method));
    let outer: Outer = serde_json::from_slice(&notification.raw).map_err(invalid)?;
    match notification.method.as_str() {
        // Cancellations and progress belong to a call that runs somewhere: letters find it.
        "notifications/cancelled" => match outer.params.request_id {
            Some(id) => send(app, record, request_address(&id), "cancel".into(), notification.raw).await,
            None => Err(Fault::InvalidRequest("notifications/cancelled needs params.requestId".into())),
        },
        "notifications/progress" => {
            match outer.params.progress_token.as_ref().and_then(outbound::split_wire_id) {
                Some((call, _)) => {
                    send(app, record, InboxKey::Call(call.to_owned()), random::token(), notification.raw)
                        .await
                }
                None => Ok(()),
            }
        }
        _ => {
            let typed: ClientNotification = serde_json::from_slice(&notification.raw).map_err(invalid)?;
            let setting = setting(app, caller, record);
            let told = peer::notify(Arc::clone(&app.handler), typed, setting);
            // A handler that takes its time over a notification must not hold the client up for ever.
            let _ = tokio::time::timeout_at(caller.ingress.deadline.instant(), told).await;
            Ok(())
        }
    }
}

fn setting(app: &App, caller: &Caller, record: &Arc<SessionRecord>) -> Setting {
    Setting {
        peer_info: record.peer_info(),
        extensions: app.extensions(caller, Some(record)),
        cancel: CancellationToken::new(),
    }
}

async fn job(app: &Arc<App>, caller: &Caller, record: &Arc<SessionRecord>, request: Request) -> Job {
    let id = request.id.clone();
    match own(app, caller, record, &request).await {
        Ok(Some(done)) => Job::Done(done),
        Ok(None) => match talk(app, caller, record, &request).await {
            Ok(conversation) => Job::Talk(Box::new(conversation)),
            Err(fault) => Job::Done(Final::fault(Some(id), &fault)),
        },
        Err(fault) => Job::Done(Final::fault(Some(id), &fault)),
    }
}

/// What a session is asked about itself. `None` when the request is the handler's.
async fn own(
    app: &Arc<App>,
    caller: &Caller,
    record: &Arc<SessionRecord>,
    request: &Request,
) -> Result<Option<Final>, Fault> {
    let empty = Final::result(&request.id, &json!({}));
    let resources = app.capabilities.resources.as_ref();
    let sessions = &app.stores.sessions;
    let missing = || Err(Fault::MethodNotFound(request.method.clone()));
    match request.method.as_str() {
        "ping" => return Ok(Some(empty)),
        "initialize" => return Err(Fault::InvalidRequest("initialize cannot be part of a batch".into())),
        "server/discover" | "subscriptions/listen" => return missing(),
        "logging/setLevel" if app.capabilities.logging.is_none() => return missing(),
        "resources/subscribe" | "resources/unsubscribe"
            if resources.is_none_or(|resources| resources.subscribe != Some(true)) =>
        {
            return missing();
        }
        "logging/setLevel" | "resources/subscribe" | "resources/unsubscribe" => {}
        _ => return Ok(None),
    }
    let typed = call::typed(request)?;
    let store: BoxFuture<'_, Result<(), StoreError>> = match &typed {
        ClientRequest::SetLevelRequest(level) => sessions.set_log_level(&record.id, level.params.level),
        ClientRequest::SubscribeRequest(subscribe) => {
            let uri = subscribe.params.uri.clone();
            Box::pin(async move { sessions.subscribe(&record.id, &uri).await })
        }
        ClientRequest::UnsubscribeRequest(unsubscribe) => {
            let uri = unsubscribe.params.uri.clone();
            Box::pin(async move { sessions.unsubscribe(&record.id, &uri).await })
        }
        _ => return Err(Fault::Internal),
    };
    if let Some(refused) = told(app, caller, record, request).await? {
        return Ok(Some(refused));
    }
    store.await.map_err(|error| unavailable(&error))?;
    Ok(Some(empty))
}

/// Asks the handler whether it minds. One that has nothing to say about it does not.
async fn told(
    app: &Arc<App>,
    caller: &Caller,
    record: &Arc<SessionRecord>,
    request: &Request,
) -> Result<Option<Final>, Fault> {
    let mut conversation = talk(app, caller, record, request).await?;
    loop {
        match conversation.next().await {
            Said::Final(Final { code: None | Some(-32601), .. }) | Said::Cancelled => return Ok(None),
            Said::Final(refused) => return Ok(Some(refused)),
            Said::Message(_) | Said::LazySubscriber | Said::Disconnect => {}
        }
    }
}

async fn talk(
    app: &Arc<App>,
    caller: &Caller,
    record: &Arc<SessionRecord>,
    request: &Request,
) -> Result<Conversation, Fault> {
    let typed = call::typed(request)?;
    call::check_tools(app, &typed).await?;
    let call = random::token();
    let terms = Terms {
        letters: Some(Letters::new(record.id.clone(), &call, &request.id)),
        outbound: Outbound {
            era: Era::Session,
            call,
            progress_token: typed.get_meta().get_progress_token(),
            log_level: record.log_level.map_or(LogLevel::Everything, LogLevel::From),
            can_ask: caller.accepts.events && caller.ingress.delivery == Delivery::Stream,
            progress: None,
        },
        binding: None,
        principal: caller.principal.clone(),
        deadline: caller.ingress.deadline,
    };
    Ok(Conversation::start(app, request.id.clone(), typed, setting(app, caller, record), terms))
}
