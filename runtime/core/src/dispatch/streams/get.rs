//! The GET stream of the session era: events of the client's own scopes, resumable on any environment.

// SEP-2577 deprecates logging; clients of the session era use it until it is gone.
#![allow(deprecated)]

use std::{collections::HashMap, sync::Arc};

use rmcp::model::LoggingLevel;
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{BoundedStream, Source, Step, Streams, is_about};
use crate::{
    dispatch::{Caller, Reply},
    error::{Causes, StoreError},
    events::{Event, EventFilter, LoggedEvent, Scope, Subscription},
    exchange::{LogLevel, passes},
    ids::{EventId, LogCursor, LogPosition, SessionId, StreamId},
    ingress::Delivery,
    protocol::{Fault, encode, meta::notification},
    session::SessionRecord,
    stream::Frame,
};

impl Streams {
    /// Opens the GET stream of a session, from now on or after a position.
    pub(in crate::dispatch) async fn open_get(
        self: &Arc<Self>,
        caller: &Caller,
        session: &str,
        from: Option<LogCursor>,
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
        let from: Option<Vec<_>> = from.map(|mut cursor| {
            scopes.iter().map(|scope| (scope.clone(), *position_in(&mut cursor, scope))).collect()
        });
        let sent = from.iter().flatten().filter(|(_, position)| position.sent > 0).cloned().collect();
        let from = from.map(|positions| positions.into_iter().map(|(_, position)| position.seq).collect());
        // Both at once: one after the other they would be two round trips.
        let (permit, subscription) =
            futures::join!(self.permit(caller, &deadline), Subscription::open(&self.tail, scopes, from));
        let mut permit = match permit {
            Ok(permit) => permit,
            Err(full) => {
                // The end of a session is what its client must learn first.
                self.sessions.find(session, &caller.principal).await?;
                return Err(full);
            }
        };
        let (record, subscription, name) = match self.claim(caller, &id, subscription).await {
            Ok(claimed) => claimed,
            Err(fault) => {
                // Before the reply, so that the client's next try finds the permit free.
                permit.release().await;
                return Err(fault);
            }
        };
        let replaced = self.get_streams.replace(&record.id);
        let source = GetStream {
            streams: Arc::clone(self),
            _forget: replaced.clone().drop_guard(),
            record,
            name,
            subscription,
            sent,
            filter: EventFilter::of_query(caller.parts.uri.query()),
            delivery: caller.ingress.delivery,
            replaced,
        };
        // The position before the first event: a client that loses the stream at once resumes from there.
        let mut opening = vec![Frame::Retry(self.config.retry)];
        if source.record.version.has_priming() {
            opening.push(Frame::Priming(EventId::Log(source.cursor())));
        }
        let stream = BoundedStream::new(self, source, deadline, Some(permit));
        Ok(Reply::Stream(stream.opening_with(opening)))
    }

    /// Makes a new stream the one that the session's messages go to, if the session is the caller's.
    async fn claim(
        &self,
        caller: &Caller,
        id: &SessionId,
        subscription: Result<Subscription, StoreError>,
    ) -> Result<(Arc<SessionRecord>, Subscription, StreamId), Fault> {
        let subscription = subscription.map_err(|error| {
            tracing::error!(error = %Causes(&error), "the event log cannot be read");
            Fault::of_store(&error)
        })?;
        // After the subscription: an event between the two may go to both streams; in the other order it could go to
        // none.
        let name = StreamId::random();
        let record = self.sessions.claim(id, &caller.principal, &name).await?;
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
    /// Is cancelled when a newer stream of the session opens, or the session ends.
    replaced: CancellationToken,
    /// Forgets the stream when it ends, in whichever way.
    _forget: DropGuard,
}

/// A message that an event can mean. `Last-Event-ID` tells messages of one event apart by their numbers, so these never
/// change.
type Part = (u8, &'static str, Option<Value>);

/// What a GET stream waits for.
enum Item {
    /// An event. `None`: a buffered reply has all events that are stored.
    Event(Result<Option<(Scope, LoggedEvent)>, StoreError>),
    /// A newer stream of the session has opened, or the session has ended.
    Replaced,
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
            () = self.replaced.cancelled() => Item::Replaced,
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
        Frame::Retry(self.streams.config.retry)
    }
}

impl GetStream {
    /// The session as it is now, if it has not ended and this is still its newest stream.
    async fn session(&self) -> Result<Option<SessionRecord>, StoreError> {
        let found = self.streams.sessions.store().load(&self.record.id).await?;
        Ok(found.filter(|session| session.listener.as_ref() == Some(&self.name)))
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
        let mut parts = self.parts(&session, &scope, logged.event).await?;
        if let Some(position) = self.sent.remove(&scope)
            && position.seq + 1 == logged.seq
        {
            parts.retain(|(part, ..)| *part > position.sent);
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
            Frame::Message { id: Some(EventId::Log(cursor)), json: encode(&message) }
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
