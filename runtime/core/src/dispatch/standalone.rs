//! The session era's GET stream: events of the log, in the client's own scopes, resumable anywhere.

// SEP-2577 deprecates logging, sampling and roots; clients of the session era use them until they are gone.
#![allow(deprecated)]

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use futures::StreamExt;
use rmcp::model::LoggingLevel;
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    App, listen,
    outbound::{LogLevel, passes},
    reply::{Caller, Reply, encode},
    session,
};
use crate::{
    error::{Causes, StoreError},
    events::{Event, EventFilter, LoggedEvent, Scope, Subscription},
    ingress::Delivery,
    limits::StreamPermit,
    protocol::Fault,
    session::{SessionId, SessionRecord},
    stream::{EventId, Frame, FrameStream, LogCursor, LogPosition, StreamId},
    time::Deadline,
};

/// The GET streams of this process, so that a client's newest one replaces its last: a message goes to exactly one
/// stream of a client.
#[derive(Default)]
pub(crate) struct Listeners(Mutex<HashMap<SessionId, CancellationToken>>);

impl Listeners {
    fn replace(&self, session: &SessionId) -> CancellationToken {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, listener| !listener.is_cancelled());
        let own = CancellationToken::new();
        if let Some(last) = open.insert(session.clone(), own.clone()) {
            last.cancel();
        }
        own
    }

    /// Ends the stream of a session that has ended.
    pub(crate) fn end(&self, session: &SessionId) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = open.remove(session) {
            last.cancel();
        }
    }
}

pub(super) async fn open(
    app: &Arc<App>,
    caller: &Caller,
    session: &str,
    from: Option<LogCursor>,
) -> Result<Reply, Fault> {
    let id: SessionId = session.parse().map_err(|_| Fault::SessionNotFound)?;
    // A stream on which nothing can ever be said would only cost.
    if !app.config.streams.enabled || !says_anything(app) {
        session::find(app, caller, session).await?;
        return Err(Fault::StreamsOff);
    }
    let deadline = listen::life(app, caller);
    let own = Scope::Session(id.clone());
    let scopes: Vec<_> = Scope::visible_to(&caller.principal).into_iter().chain([own]).collect();
    let from: Option<Vec<_>> = from.map(|mut cursor| {
        scopes.iter().map(|scope| (scope.clone(), *place_in(&mut cursor, scope))).collect()
    });
    let sent = from.iter().flatten().filter(|(_, place)| place.sent > 0).cloned().collect();
    let from = from.map(|places| places.into_iter().map(|(_, place)| place.seq).collect());
    // Both at once: one after the other they would be two round trips.
    let (slot, subscription) =
        futures::join!(app.slot(caller, &deadline), Subscription::open(&app.tail, scopes, from),);
    let mut slot = match slot {
        Ok(slot) => slot,
        Err(full) => {
            // That a session is over is what its client has to hear first.
            session::find(app, caller, session).await?;
            return Err(full);
        }
    };
    let (record, subscription, name) = match settle(app, caller, &id, subscription).await {
        Ok(settled) => settled,
        Err(fault) => {
            // Before the answer: the client's next try finds it free.
            slot.release().await;
            return Err(fault);
        }
    };
    let replaced = app.listeners.replace(&record.id);
    let listener = Listener {
        app: Arc::clone(app),
        _gone: replaced.clone().drop_guard(),
        record,
        name,
        subscription,
        sent,
        filter: EventFilter::of_query(caller.parts.uri.query()),
        waiting: VecDeque::new(),
        slot,
        delivery: caller.ingress.delivery,
        deadline,
        replaced,
        ended: false,
    };
    // The place before the first event: a client that loses the stream at once resumes from here.
    let mut opening = vec![Frame::Retry(app.config.streams.retry)];
    if listener.record.version.has_priming() {
        opening.push(Frame::Priming(EventId::Log(listener.place())));
    }
    Ok(Reply::Stream(futures::stream::iter(opening).chain(listener.stream()).boxed()))
}

/// Makes a new stream the one that the session's messages go to, if the session is the caller's: one call for both.
async fn settle(
    app: &App,
    caller: &Caller,
    id: &SessionId,
    subscription: Result<Subscription, StoreError>,
) -> Result<(Arc<SessionRecord>, Subscription, StreamId), Fault> {
    let subscription = subscription.map_err(|error| {
        tracing::error!(error = %Causes(&error), "the event log cannot be read");
        Fault::Unavailable
    })?;
    // After the subscription: an event between the two may go to both streams. The other way round it might go to none.
    let name = StreamId::random();
    let claimed = app.stores.sessions.claim(id, &caller.principal, &name).await;
    let record = claimed.map_err(|error| session::unavailable(&error))?.ok_or(Fault::SessionNotFound)?;
    Ok((session::used(app, record).await?, subscription, name))
}

/// How far a client that has this cursor has heard a scope.
fn place_in<'a>(cursor: &'a mut LogCursor, scope: &Scope) -> &'a mut LogPosition {
    match scope {
        Scope::Global => &mut cursor.global,
        Scope::Session(_) => &mut cursor.session,
        Scope::Principal(_) => &mut cursor.principal,
    }
}

struct Listener {
    app: Arc<App>,
    record: Arc<SessionRecord>,
    name: StreamId,
    subscription: Subscription,
    /// Places behind which some messages of the next event were said on another stream.
    sent: HashMap<Scope, LogPosition>,
    filter: EventFilter,
    /// Messages of an event whose first one has been said.
    waiting: VecDeque<Frame>,
    slot: StreamPermit,
    delivery: Delivery,
    deadline: Deadline,
    replaced: CancellationToken,
    /// A stream that has ended, however it did, is forgotten.
    _gone: DropGuard,
    ended: bool,
}

/// What an event means for a stream: these frames go down it, or there will be no more.
enum Heard {
    Frames(Vec<Frame>),
    End,
}

/// A message an event can mean. Its number is what `Last-Event-ID` tells it by, so it never changes.
type Part = (u8, &'static str, Option<Value>);

/// Whether there is anything that could be said on a GET stream.
fn says_anything(app: &App) -> bool {
    let capabilities = &app.capabilities;
    let is_on = |flag: Option<bool>| flag == Some(true);
    capabilities.logging.is_some()
        || capabilities.tools.as_ref().is_some_and(|tools| is_on(tools.list_changed))
        || capabilities.prompts.as_ref().is_some_and(|prompts| is_on(prompts.list_changed))
        || capabilities
            .resources
            .as_ref()
            .is_some_and(|resources| is_on(resources.list_changed) || is_on(resources.subscribe))
}

/// The next event. A buffered front gets what is stored, and comes back for more.
async fn next(
    subscription: &mut Subscription,
    delivery: Delivery,
) -> Result<Option<(Scope, LoggedEvent)>, StoreError> {
    match delivery {
        Delivery::Stream => subscription.next().await.map(Some),
        Delivery::Buffered => subscription.stored().await,
    }
}

impl Listener {
    fn stream(self) -> FrameStream {
        futures::stream::unfold(self, async |mut listener| {
            let frame = listener.next().await?;
            Some((frame, listener))
        })
        .boxed()
    }

    async fn next(&mut self) -> Option<Frame> {
        if self.ended {
            return None;
        }
        let quiet_until = Instant::now() + self.app.config.streams.keep_alive;
        loop {
            if let Some(frame) = self.waiting.pop_front() {
                return Some(frame);
            }
            // In this order: what has been heard is said before a stream ends, unless its time is over.
            tokio::select! {
                biased;
                () = self.replaced.cancelled() => return self.end().await,
                () = tokio::time::sleep_until(self.deadline.instant()) => return self.end().await,
                event = next(&mut self.subscription, self.delivery) => match self.heard(event).await {
                    Ok(Heard::Frames(frames)) => self.waiting.extend(frames),
                    Ok(Heard::End) => return self.end().await,
                    Err(error) => {
                        tracing::error!(error = %Causes(&error), "a stream ends: the store failed");
                        return self.end().await;
                    }
                },
                () = self.app.shutdown.cancelled() => return self.end().await,
                () = tokio::time::sleep_until(quiet_until) => return self.quiet().await,
            }
        }
    }

    /// A quiet moment is when to notice what became of the session on other environments.
    async fn quiet(&mut self) -> Option<Frame> {
        match self.session().await {
            Ok(None) => self.end().await,
            _ => Some(Frame::KeepAlive),
        }
    }

    /// The session as it is now, if it lives and this is still its newest stream: a message goes to exactly one.
    async fn session(&self) -> Result<Option<SessionRecord>, StoreError> {
        let found = self.app.stores.sessions.load(&self.record.id).await?;
        Ok(found.filter(|session| session.listener.as_ref() == Some(&self.name)))
    }

    /// The graceful end: the client is told when to come back, and has the place to resume from.
    async fn end(&mut self) -> Option<Frame> {
        self.ended = true;
        self.slot.release().await;
        Some(Frame::Retry(self.app.config.streams.retry))
    }

    fn place(&self) -> LogCursor {
        let of = |scope| LogPosition {
            seq: self.subscription.position(&scope),
            sent: self.sent.get(&scope).map_or(0, |place| place.sent),
        };
        LogCursor {
            global: of(Scope::Global),
            session: of(Scope::Session(self.record.id.clone())),
            principal: of(Scope::Principal(self.record.owner.clone())),
        }
    }

    async fn heard(
        &mut self,
        heard: Result<Option<(Scope, LoggedEvent)>, StoreError>,
    ) -> Result<Heard, StoreError> {
        let Some((scope, logged)) = heard? else { return Ok(Heard::End) };
        // Read when it matters: what was settled on another environment counts at once.
        let Some(session) = self.session().await? else { return Ok(Heard::End) };
        let mut parts = self.parts(&session, &scope, logged.event).await?;
        if let Some(place) = self.sent.remove(&scope)
            && place.seq + 1 == logged.seq
        {
            parts.retain(|(part, ..)| *part > place.sent);
        }
        let after = self.place();
        let last = parts.len().saturating_sub(1);
        let frames = parts.into_iter().enumerate().map(|(at, (part, method, params))| {
            // Only the last message of an event stands behind it. Whoever loses the stream between two comes back for
            // the rest of them.
            let mut place = after;
            if at != last {
                *place_in(&mut place, &scope) = LogPosition { seq: logged.seq - 1, sent: part };
            }
            let mut message = json!({ "jsonrpc": "2.0", "method": method });
            if let Some(params) = params {
                message["params"] = params;
            }
            Frame::Message { id: Some(EventId::Log(place)), json: encode(&message) }
        });
        Ok(Heard::Frames(frames.collect()))
    }

    /// The messages an event means for this session.
    async fn parts(
        &self,
        session: &SessionRecord,
        scope: &Scope,
        event: Event,
    ) -> Result<Vec<Part>, StoreError> {
        let capabilities = &self.app.capabilities;
        let is_on = |flag: Option<Option<bool>>| flag.flatten() == Some(true);
        let changed = |flag, method| is_on(flag).then_some((1, method, None)).into_iter().collect();
        let resources = capabilities.resources.as_ref().map(|resources| resources.list_changed);
        Ok(match event {
            Event::ToolsListChanged => changed(
                capabilities.tools.as_ref().map(|tools| tools.list_changed),
                "notifications/tools/list_changed",
            ),
            Event::PromptsListChanged => changed(
                capabilities.prompts.as_ref().map(|prompts| prompts.list_changed),
                "notifications/prompts/list_changed",
            ),
            Event::ResourcesListChanged => changed(resources, "notifications/resources/list_changed"),
            Event::ResourceUpdated { uri } => self.updated(1, session, &uri).await?.into_iter().collect(),
            Event::Message { level, logger, data } => {
                self.message(1, session, level, logger, &data).into_iter().collect()
            }
            Event::Global { event, is_first } => {
                let key = event.key();
                let message = json!(event);
                let mut parts: Vec<Part> = self
                    .filter
                    .matches(&event)
                    .then(|| self.message(1, session, event.level(), Some(key.source().into()), &message))
                    .flatten()
                    .into_iter()
                    .collect();
                if self.app.event_resources && scope.has_event_keys() {
                    let is_new = is_first && is_on(resources);
                    parts.extend(is_new.then_some((2, "notifications/resources/list_changed", None)));
                    parts.extend(self.updated(3, session, &key.uri()).await?);
                }
                parts
            }
        })
    }

    fn message(
        &self,
        part: u8,
        session: &SessionRecord,
        level: LoggingLevel,
        logger: Option<String>,
        data: &Value,
    ) -> Option<Part> {
        let least = session.log_level.map_or(LogLevel::Everything, LogLevel::From);
        let mut params = json!({ "level": level, "data": data });
        if let Some(logger) = logger {
            params["logger"] = logger.into();
        }
        let is_heard = self.app.capabilities.logging.is_some() && passes(least, level);
        is_heard.then_some((part, "notifications/message", Some(params)))
    }

    async fn updated(
        &self,
        part: u8,
        session: &SessionRecord,
        uri: &str,
    ) -> Result<Option<Part>, StoreError> {
        let can = self.app.capabilities.resources.as_ref().and_then(|resources| resources.subscribe);
        if can != Some(true) {
            return Ok(None);
        }
        let subscribed = self.app.stores.sessions.subscriptions(&session.id).await?;
        Ok(listen::is_about(subscribed.iter(), uri)
            .then(|| (part, "notifications/resources/updated", Some(json!({ "uri": uri })))))
    }
}
