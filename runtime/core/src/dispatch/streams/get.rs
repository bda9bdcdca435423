//! The GET stream of the session era: events of the client's own scopes, resumable on any environment.

// SEP-2577 deprecates logging; clients of the session era use it until it is gone.
#![allow(deprecated)]

use std::{collections::HashMap, sync::Arc};

use rmcp::model::LoggingLevel;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{BoundedStream, EventLag, Source, Step, Streams, is_about};
use crate::{
    dispatch::{Caller, Reply},
    error::{Causes, StoreError},
    events::{Event, EventFilter, LoggedEvent, Scope, Subscription},
    exchange::{LogLevel, passes},
    ids::{EventId, LogCursor, LogPosition, SessionId, SessionTag, StreamId},
    ingress::Delivery,
    protocol::{Fault, encode, meta::notification},
    session::SessionRecord,
    stream::Frame,
    telemetry::in_this_trace,
};

impl Streams {
    /// Opens the GET stream of a session, from now on or after a position.
    pub(in crate::dispatch) async fn open_get(
        self: &Arc<Self>,
        caller: &Caller,
        session: &str,
        from: Option<(SessionTag, LogCursor)>,
    ) -> Result<Reply, Fault> {
        let id: SessionId = session.parse().map_err(|_| Fault::SessionNotFound)?;
        // A stream on which nothing is ever sent would only cost.
        if !self.config.enabled || !self.capabilities.sends_events() {
            self.sessions.find(session, &caller.principal).await?;
            return Err(Fault::StreamsOff);
        }
        let deadline = self.lifetime(caller);
        let own = Scope::Session(id.clone());
        let scopes: Vec<_> = Scope::visible_to(&caller.principal).into_iter().chain([own]).collect();
        let resumed = from;
        let from: Option<Vec<_>> = from.map(|(_, mut cursor)| {
            scopes.iter().map(|scope| (scope.clone(), *position_in(&mut cursor, scope))).collect()
        });
        let sent = from.iter().flatten().filter(|(_, position)| position.sent > 0).cloned().collect();
        let from = from.map(|positions| positions.into_iter().map(|(_, position)| position.seq).collect());
        // All at once: one after the other they would be three round trips.
        let (permit, subscription, checked) = futures::join!(
            self.permit(caller, &deadline),
            Subscription::open(&self.tail, scopes, from),
            self.check_resumed(caller, &id, resumed),
        );
        let mut permit = match permit {
            Ok(permit) => permit,
            Err(full) => {
                // The end of a session is what its client must learn first.
                self.sessions.find(session, &caller.principal).await?;
                return Err(full);
            }
        };
        let claimed = match checked {
            Ok(()) => self.claim(caller, &id, subscription, resumed.is_some()).await,
            Err(fault) => Err(fault),
        };
        let (record, subscription, name) = match claimed {
            Ok(claimed) => claimed,
            Err(fault) => {
                // Before the reply, so that the client's next try finds the permit free.
                permit.release().await;
                return Err(fault);
            }
        };
        let source = GetStream {
            streams: Arc::clone(self),
            ended: self.get_streams.enter(&record.id),
            is_left: true,
            record,
            name,
            subscription,
            sent,
            filter: EventFilter::of_query(caller.parts.uri.query()),
            delivery: caller.ingress.delivery,
            lag: self.event_lag(),
        };
        // The position before the first event: a client that loses the stream at once resumes from there.
        let mut opening = vec![Frame::Retry(self.config.retry)];
        if source.record.version.has_priming() {
            opening.push(Frame::Priming(source.event_id(source.cursor())));
        }
        let stream = BoundedStream::new(self, source, deadline, Some(permit));
        Ok(Reply::Stream(stream.opening_with(opening)))
    }

    /// Refuses a position that no stream of the session has had: one of another session, or one from before its first
    /// stream began.
    async fn check_resumed(
        &self,
        caller: &Caller,
        id: &SessionId,
        from: Option<(SessionTag, LogCursor)>,
    ) -> Result<(), Fault> {
        let Some((tag, cursor)) = from else { return Ok(()) };
        let record = self.sessions.find(id.as_str(), &caller.principal).await?;
        let is_own = tag == id.tag() && record.heard_from.is_some_and(|first| cursor.has_reached(&first));
        let unknown = || Fault::UnknownEvent(EventId::Log { session: tag, cursor }.to_string());
        if is_own { Ok(()) } else { Err(unknown()) }
    }

    /// Makes a new stream the one that the session's messages go to, if the session is the caller's.
    async fn claim(
        &self,
        caller: &Caller,
        id: &SessionId,
        subscription: Result<Subscription, StoreError>,
        is_resumed: bool,
    ) -> Result<(Arc<SessionRecord>, Subscription, StreamId), Fault> {
        let subscription = subscription.map_err(|error| {
            tracing::error!(error = %Causes(&error), "the event log cannot be read");
            Fault::of_store(&error)
        })?;
        // After the subscription: an event between the two may go to both streams; in the other order it could go to
        // none.
        let name = StreamId::random();
        let position = |scope| LogPosition { seq: subscription.position(&scope), sent: 0 };
        let heard_from = LogCursor {
            global: position(Scope::Global),
            session: position(Scope::Session(id.clone())),
            principal: position(Scope::Principal(caller.principal.clone())),
        };
        let heard_from = (!is_resumed).then_some(&heard_from);
        let record = self.sessions.claim(id, &caller.principal, &name, heard_from).await?;
        Ok((record, subscription, name))
    }
}

/// The position of a cursor in one scope.
fn position_in<'a>(cursor: &'a mut LogCursor, scope: &Scope) -> &'a mut LogPosition {
    match scope {
        Scope::Global => &mut cursor.global,
        Scope::Session(_) => &mut cursor.session,
        Scope::Principal(_) => &mut cursor.principal,
    }
}

/// The events of one GET stream.
struct GetStream {
    streams: Arc<Streams>,
    record: Arc<SessionRecord>,
    name: StreamId,
    subscription: Subscription,
    /// Positions after which some messages of the next event were sent on an earlier stream.
    sent: HashMap<Scope, LogPosition>,
    filter: EventFilter,
    delivery: Delivery,
    /// Is cancelled when the session ends.
    ended: Arc<CancellationToken>,
    /// Whether the stream has no end of its own so far: when it is dropped, its client has left it.
    is_left: bool,
    lag: EventLag,
}

/// A message that an event can mean. `Last-Event-ID` tells messages of one event apart by their numbers, so these never
/// change.
type Part = (u8, &'static str, Option<Value>);

/// What a GET stream waits for.
#[expect(
    clippy::large_enum_variant,
    reason = "a stream has one of them at a time, and an event is the usual one"
)]
enum Item {
    /// An event. `None`: a buffered reply has all events that are stored.
    Event(Result<Option<(Scope, LoggedEvent)>, StoreError>),
    /// The session has ended.
    SessionEnded,
}

impl Source for GetStream {
    type Item = Item;

    async fn wait(&mut self) -> Item {
        let event = async {
            match self.delivery {
                Delivery::Stream => self.subscription.next().await.map(Some),
                Delivery::Buffered => self.subscription.stored().await,
            }
        };
        tokio::select! {
            biased;
            () = self.ended.cancelled() => Item::SessionEnded,
            event = event => Item::Event(event),
        }
    }

    async fn frames(&mut self, item: Item) -> Step {
        let Item::Event(event) = item else { return Step::End };
        match self.on_event(event).await {
            Ok(Some(frames)) => Step::Frames(frames),
            Ok(None) => Step::End,
            Err(error) => {
                tracing::error!(error = %Causes(&error), "a GET stream ends: the store failed");
                Step::End
            }
        }
    }

    /// An idle stream learns here what has become of its session on other environments.
    async fn goes_on(&mut self) -> bool {
        !matches!(self.session().await, Ok(None))
    }

    /// The client learns when to come back, and has the position to resume from.
    fn farewell(&mut self) -> Frame {
        self.is_left = false;
        Frame::Retry(self.streams.config.retry)
    }
}

/// A stream that its client has left passes the messages on to an older one, if there is one. One that ends by itself
/// does not: its client comes back.
impl Drop for GetStream {
    fn drop(&mut self) {
        if !self.is_left {
            return;
        }
        let sessions = Arc::clone(self.streams.sessions.store());
        let (id, name) = (self.record.id.clone(), self.name.clone());
        self.streams.tracker.spawn(in_this_trace(async move {
            if let Err(error) = sessions.pass_on(&id, Some(&name), None).await {
                tracing::warn!(error = %Causes(&error), "a GET stream that was left stays its session's listener");
            }
        }));
    }
}

impl GetStream {
    /// The session as it is now, if it has not ended.
    async fn session(&self) -> Result<Option<SessionRecord>, StoreError> {
        self.streams.sessions.store().load(&self.record.id).await
    }

    /// Whether the messages of the session go to this stream: it is the newest, or the newest was left by its client
    /// and this one takes over.
    async fn is_listener(&self, session: &SessionRecord) -> Result<bool, StoreError> {
        match &session.listener {
            Some(listener) => Ok(*listener == self.name),
            None => {
                let sessions = self.streams.sessions.store();
                sessions.pass_on(&session.id, None, Some(&self.name)).await
            }
        }
    }

    fn event_id(&self, cursor: LogCursor) -> EventId {
        EventId::Log { session: self.record.id.tag(), cursor }
    }

    fn cursor(&self) -> LogCursor {
        let of = |scope| LogPosition {
            seq: self.subscription.position(&scope),
            sent: self.sent.get(&scope).map_or(0, |position| position.sent),
        };
        LogCursor {
            global: of(Scope::Global),
            session: of(Scope::Session(self.record.id.clone())),
            principal: of(Scope::Principal(self.record.owner.clone())),
        }
    }

    /// The frames of an event. `None`: the stream ends.
    async fn on_event(
        &mut self,
        event: Result<Option<(Scope, LoggedEvent)>, StoreError>,
    ) -> Result<Option<Vec<Frame>>, StoreError> {
        let Some((scope, logged)) = event? else { return Ok(None) };
        // Read for each event: what has changed on another environment counts at once.
        let Some(session) = self.session().await? else { return Ok(None) };
        if !self.is_listener(&session).await? {
            self.sent.remove(&scope);
            // The message goes to another stream: a client that resumes this one must not get it again.
            let passed = session.version.has_priming().then(|| Frame::Priming(self.event_id(self.cursor())));
            return Ok(Some(passed.into_iter().collect()));
        }
        let mut parts = self.parts(&session, &scope, logged.event).await?;
        if let Some(position) = self.sent.remove(&scope)
            && position.seq + 1 == logged.seq
        {
            parts.retain(|(part, ..)| *part > position.sent);
        }
        if !parts.is_empty() {
            self.lag.sent(logged.at);
        }
        let after = self.cursor();
        let last = parts.len().saturating_sub(1);
        let frames = parts.into_iter().enumerate().map(|(at, (part, method, params))| {
            // Only the last message of an event has the position behind it: a client that loses the stream between two
            // of them resumes with the rest.
            let mut cursor = after;
            if at != last {
                *position_in(&mut cursor, &scope) = LogPosition { seq: logged.seq - 1, sent: part };
            }
            let mut message = json!({ "jsonrpc": "2.0", "method": method });
            if let Some(params) = params {
                message["params"] = params;
            }
            Frame::Message { id: Some(self.event_id(cursor)), json: encode(&message) }
        });
        Ok(Some(frames.collect()))
    }

    /// The messages that an event means for this session.
    async fn parts(
        &self,
        session: &SessionRecord,
        scope: &Scope,
        event: Event,
    ) -> Result<Vec<Part>, StoreError> {
        let declared = self.streams.capabilities.get();
        let is_on = |flag: Option<Option<bool>>| flag.flatten() == Some(true);
        let changed = |flag, method| is_on(flag).then_some((1, method, None)).into_iter().collect();
        let resources = declared.resources.as_ref().map(|resources| resources.list_changed);
        Ok(match event {
            Event::ToolsListChanged => {
                let tools = declared.tools.as_ref().map(|tools| tools.list_changed);
                changed(tools, notification::TOOLS_LIST_CHANGED)
            }
            Event::PromptsListChanged => {
                let prompts = declared.prompts.as_ref().map(|prompts| prompts.list_changed);
                changed(prompts, notification::PROMPTS_LIST_CHANGED)
            }
            Event::ResourcesListChanged => changed(resources, notification::RESOURCES_LIST_CHANGED),
            Event::ResourceUpdated { uri } => self.updated(1, session, &uri).await?.into_iter().collect(),
            Event::Message { level, logger, data } => {
                self.log_message(1, session, level, logger, &data).into_iter().collect()
            }
            Event::Global { event, is_first } => {
                let key = event.key();
                let data = json!(event);
                let mut parts = Vec::new();
                if self.filter.matches(&event) {
                    parts.extend(self.log_message(
                        1,
                        session,
                        event.level(),
                        Some(key.source().into()),
                        &data,
                    ));
                }
                if self.streams.capabilities.has_event_resources() && scope.has_event_keys() {
                    let is_new = is_first && is_on(resources);
                    parts.extend(is_new.then_some((2, notification::RESOURCES_LIST_CHANGED, None)));
                    parts.extend(self.updated(3, session, &key.uri()).await?);
                }
                parts
            }
        })
    }

    fn log_message(
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
        let is_sent = self.streams.capabilities.get().logging.is_some() && passes(least, level);
        is_sent.then_some((part, notification::MESSAGE, Some(params)))
    }

    async fn updated(
        &self,
        part: u8,
        session: &SessionRecord,
        uri: &str,
    ) -> Result<Option<Part>, StoreError> {
        let resources = self.streams.capabilities.get().resources.as_ref();
        if resources.and_then(|resources| resources.subscribe) != Some(true) {
            return Ok(None);
        }
        let subscribed = self.streams.sessions.store().subscriptions(&session.id).await?;
        let params = || Some(json!({ "uri": uri }));
        Ok(is_about(subscribed.iter(), uri).then(|| (part, notification::RESOURCE_UPDATED, params())))
    }
}
