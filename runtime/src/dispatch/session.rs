//! POSTs of the session era: find the session, then serve its messages.

use std::{error::Error, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use rmcp::model::{ClientNotification, ClientRequest, GetMeta, RequestId};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::{
    call,
    conversation::{Conversation, Letters, Said, Terms, request_address},
    initialize,
    outbound::{self, LogLevel, Outbound},
    reply::{Answer, Caller, Delivery, Final, Reply},
};
use crate::{
    app::App,
    error::StoreError,
    peer::{self, Setting},
    protocol::{
        self, Answer as ClientAnswer, Era, Fault, Message, Notification, Rejection, Request, SessionPost,
    },
    random,
    session::{Mail, MailAddress, SessionId, SessionRecord},
    stream::{self, Deadline, Frame, Outlet},
};

/// A session is marked as used at most this often, so that a busy one costs a write a minute and not a request.
const TOUCH_EVERY: Duration = Duration::from_secs(60);
/// How long a letter waits for its call.
const MAIL_LIFE: Duration = Duration::from_secs(15 * 60);
/// How long a finished reply can be replayed.
const REPLAY_LIFE: Duration = Duration::from_secs(15 * 60);

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

/// Looks a session up. Unknown, ended, expired and somebody else's are one answer.
pub(super) async fn find(app: &App, caller: &Caller, id: &str) -> Result<Arc<SessionRecord>, Fault> {
    let id = SessionId::parse(id).ok_or(Fault::SessionNotFound)?;
    let found = app.stores.sessions.load(&id).await.map_err(|error| unavailable(&error))?;
    let record = found.filter(|record| record.owner == caller.principal).ok_or(Fault::SessionNotFound)?;
    let expires_at = app.clock.now().plus(app.config.session_ttl);
    if record.expires_at.plus(TOUCH_EVERY) < expires_at {
        match app.stores.sessions.touch(&id, expires_at).await {
            Ok(()) => {}
            Err(StoreError::NotFound) => return Err(Fault::SessionNotFound),
            // The session lives until its old end; the request need not fail for that.
            Err(error) => tracing::warn!(error = &error as &dyn Error, "a session was not marked as used"),
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
        error => {
            tracing::error!(error = error as &dyn Error, "the session store failed");
            Fault::Unavailable
        }
    }
}

async fn serve(app: &Arc<App>, caller: &Caller, post: SessionPost) -> Result<Reply, Fault> {
    let id = post.session.as_deref().ok_or(Fault::SessionRequired)?;
    let record = find(app, caller, id).await?;
    match post.body {
        protocol::Body::One(Message::Request(request)) => {
            let job = job(app, caller, &record, request).await;
            Ok(drive(app, caller, record, vec![job], Shape::One).await)
        }
        protocol::Body::One(Message::Notification(notification)) => {
            notified(app, caller, &record, notification).await.map(|()| Reply::Accepted)
        }
        protocol::Body::One(Message::Answer(answer)) => {
            answered(app, &record, answer).await.map(|()| Reply::Accepted)
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
            Ok(Message::Request(request)) => jobs.push(job(app, caller, &record, request).await),
            Ok(Message::Notification(notification)) => {
                refused.extend(notified(app, caller, &record, notification).await.err());
            }
            Ok(Message::Answer(answer)) => refused.extend(answered(app, &record, answer).await.err()),
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
async fn answered(app: &App, record: &SessionRecord, answer: ClientAnswer) -> Result<(), Fault> {
    match outbound::split_wire_id(&answer.id) {
        Some((call, number)) => {
            send(app, record, MailAddress::Call(call.to_owned()), number.to_string(), answer.raw).await
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
    to: MailAddress,
    name: String,
    body: bytes::Bytes,
) -> Result<(), Fault> {
    let mail = Mail { to, name, body, expires_at: app.clock.now().plus(MAIL_LIFE) };
    app.mailroom.post(&record.id, &mail).await.map_err(|error| unavailable(&error))
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
                    send(app, record, MailAddress::Call(call.to_owned()), random::token(), notification.raw)
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
            let _ = tokio::time::timeout_at(caller.front.deadline.instant(), told).await;
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

/// One request of a POST.
enum Job {
    /// Answered already.
    Done(Final),
    /// The handler works on it.
    Talk(Box<Conversation>),
}

async fn job(app: &Arc<App>, caller: &Caller, record: &Arc<SessionRecord>, request: Request) -> Job {
    let id = request.id.clone();
    match own(app, caller, record, &request).await {
        Ok(Some(done)) => Job::Done(done),
        Ok(None) => match talk(app, caller, record, &request) {
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
    let mut conversation = talk(app, caller, record, request)?;
    loop {
        match conversation.next().await {
            Said::Final(Final { code: None | Some(-32601), .. }) | Said::Cancelled => return Ok(None),
            Said::Final(refused) => return Ok(Some(refused)),
            Said::Message(_) | Said::Quiet | Said::Disconnect => {}
        }
    }
}

fn talk(
    app: &Arc<App>,
    caller: &Caller,
    record: &Arc<SessionRecord>,
    request: &Request,
) -> Result<Conversation, Fault> {
    let typed = call::typed(request)?;
    let call = random::token();
    let terms = Terms {
        letters: Some(Letters::new(record.id.clone(), &call, &request.id)),
        outbound: Outbound {
            era: Era::Session,
            call,
            progress_token: typed.get_meta().get_progress_token(),
            log_level: record.log_level.map_or(LogLevel::Everything, LogLevel::From),
            can_ask: caller.accepts.events && caller.front.delivery == Delivery::Stream,
            progress: None,
        },
        binding: None,
        deadline: caller.front.deadline,
    };
    Ok(Conversation::start(app, request.id.clone(), typed, setting(app, caller, record), terms))
}

/// Whether a POST held one message or a batch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    One,
    Batch,
}

/// Runs jobs in a task of their own: in this era a client that leaves has cancelled nothing.
async fn drive(
    app: &Arc<App>,
    caller: &Caller,
    record: Arc<SessionRecord>,
    jobs: Vec<Job>,
    shape: Shape,
) -> Reply {
    // Nothing to run: no task.
    if let [Job::Done(last)] = &jobs[..]
        && shape == Shape::One
        && caller.accepts.json
    {
        return Reply::answer(Era::Session, last.clone());
    }
    let (reply, replied) = oneshot::channel();
    let writer = Writer {
        app: Arc::clone(app),
        record,
        json: caller.accepts.json,
        events: caller.accepts.events,
        delivery: caller.front.delivery,
        deadline: caller.front.deadline,
        shape,
        reply: Some(reply),
        outlet: None,
        kept: Vec::new(),
    };
    app.tracker.spawn(writer.run(jobs));
    replied.await.unwrap_or_else(|_| Reply::refuse(Era::Session, None, Fault::Internal))
}

/// Writes what jobs say: as JSON while there are only responses, as a stream from the first other thing on.
struct Writer {
    app: Arc<App>,
    record: Arc<SessionRecord>,
    json: bool,
    events: bool,
    delivery: Delivery,
    deadline: Deadline,
    shape: Shape,
    reply: Option<oneshot::Sender<Reply>>,
    outlet: Option<Outlet>,
    kept: Vec<Final>,
}

impl Writer {
    async fn run(mut self, jobs: Vec<Job>) {
        for job in jobs {
            match job {
                Job::Done(last) => self.last(last).await,
                Job::Talk(conversation) => self.talk(*conversation).await,
            }
        }
        if let Err(error) = self.close().await {
            tracing::error!(error = &error as &dyn Error, "a reply was not stored to its end");
        }
    }

    async fn talk(&mut self, mut conversation: Conversation) {
        loop {
            match conversation.next().await {
                Said::Final(last) => return self.last(last).await,
                Said::Cancelled => {
                    tracing::debug!(id = %conversation.id(), "cancelled by the client");
                    // No response may follow; the stream, opened if need be, just ends.
                    if self.events {
                        self.with_outlet(None).await;
                    }
                    return;
                }
                Said::Message(_) | Said::Quiet | Said::Disconnect if !self.events => {}
                Said::Disconnect if !self.can_poll() => {}
                Said::Message(json) => self.with_outlet(Some(Say::Message(json))).await,
                Said::Quiet if self.delivery == Delivery::Buffered => {}
                Said::Quiet => self.with_outlet(Some(Say::KeepAlive)).await,
                Said::Disconnect => self.with_outlet(Some(Say::Disconnect)).await,
            }
        }
    }

    async fn last(&mut self, last: Final) {
        if self.outlet.is_some() || !self.json {
            self.with_outlet(Some(Say::Message(last.json))).await;
        } else {
            self.kept.push(last);
        }
    }

    /// Writes to the stream, opening it first if this is the first thing to go there.
    async fn with_outlet(&mut self, say: Option<Say>) {
        if let Err(error) = self.try_with_outlet(say).await {
            tracing::error!(error = &error as &dyn Error, "a message of a reply was not stored");
            self.refuse(Fault::Unavailable);
        }
    }

    async fn try_with_outlet(&mut self, say: Option<Say>) -> Result<(), StoreError> {
        if self.outlet.is_none() {
            self.open().await?;
        }
        let Some(outlet) = &mut self.outlet else { return Ok(()) };
        match say {
            Some(Say::Message(json)) => outlet.message(json).await?,
            Some(Say::KeepAlive) => outlet.send(Frame::KeepAlive).await,
            Some(Say::Disconnect) => outlet.disconnect(self.app.config.streams.retry).await,
            // Never an empty stream: some fronts wait for its first byte.
            None => outlet.send(Frame::KeepAlive).await,
        }
        Ok(())
    }

    /// Whether the client knows how to come back for a reply that it has lost before anything was said, and may.
    fn can_poll(&self) -> bool {
        self.record.version.has_priming() && self.app.config.streams.enabled
    }

    async fn open(&mut self) -> Result<(), StoreError> {
        let store = &self.app.stores.streams;
        let (mut outlet, frames) =
            stream::outlet(store, self.record.id.clone(), &self.app.clock, self.deadline, REPLAY_LIFE)
                .await?;
        if let Some(reply) = self.reply.take() {
            // The client may have left already. In this era that changes nothing.
            let _ = reply.send(Reply::Stream(frames));
        }
        if self.can_poll() {
            let priming = outlet.priming();
            outlet.send(priming).await;
        }
        for last in self.kept.drain(..) {
            outlet.message(last.json).await?;
        }
        self.outlet = Some(outlet);
        Ok(())
    }

    async fn close(&mut self) -> Result<(), StoreError> {
        if let Some(outlet) = self.outlet.take() {
            return outlet.finish().await;
        }
        let Some(reply) = self.reply.take() else { return Ok(()) };
        let _ = reply.send(match (self.shape, self.kept.pop()) {
            (Shape::One, Some(last)) => Reply::answer(Era::Session, last),
            (Shape::Batch, Some(last)) => {
                self.kept.push(last);
                Reply::Answer(Answer { era: Era::Session, json: array(&self.kept), code: None, opens: None })
            }
            (_, None) => Reply::Accepted,
        });
        Ok(())
    }

    fn refuse(&mut self, fault: Fault) {
        if let Some(reply) = self.reply.take() {
            let _ = reply.send(Reply::refuse(Era::Session, None, fault));
        }
    }
}

enum Say {
    Message(bytes::Bytes),
    KeepAlive,
    Disconnect,
}

fn array(parts: &[Final]) -> bytes::Bytes {
    let joined = parts.iter().map(|part| &part.json[..]).collect::<Vec<_>>().join(&b","[..]);
    [&b"["[..], &joined, b"]"].concat().into()
}
