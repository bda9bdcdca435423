//! The session era's GET stream: events of the log, in the client's own scopes, resumable anywhere.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use futures::StreamExt;
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
    events::{Event, Scope, Subscription},
    front::Delivery,
    protocol::Fault,
    session::{SessionId, SessionRecord},
    stream::{Deadline, EventId, Frame, FrameStream, LogCursor, Slot, StreamId},
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
    let id = SessionId::parse(session).ok_or(Fault::SessionNotFound)?;
    if !app.config.streams.enabled {
        session::find(app, caller, session).await?;
        return Err(Fault::StreamsOff);
    }
    let deadline = listen::life(app, caller);
    let expires_at = app.clock.now().plus(deadline.remaining());
    let limit = app.config.streams.per_principal;
    let scopes = vec![Scope::Global, Scope::Session(id)];
    let from = from.map(|cursor| vec![cursor.global, cursor.session]);
    // All three at once: one after the other they would be three round trips. Nothing of them shows before the session
    // is known to be the caller's.
    let (record, slot, subscription) = futures::join!(
        session::find(app, caller, session),
        Slot::acquire(&app.stores.slots, &app.tracker, &caller.principal, limit, expires_at),
        app.tail.subscribe(scopes, from),
    );
    let settled = match (record, &slot) {
        (Ok(record), Ok(_)) => settle(app, record, subscription).await,
        (Err(fault), _) => Err(fault),
        (_, Err(fault)) => Err(fault.clone()),
    };
    let (record, subscription, name) = match settled {
        Ok(settled) => settled,
        Err(fault) => {
            // Before the answer: the client's next try finds it free.
            if let Ok(mut slot) = slot {
                slot.release().await;
            }
            return Err(fault);
        }
    };
    let slot = slot?;
    let replaced = app.listeners.replace(&record.id);
    let listener = Listener {
        app: Arc::clone(app),
        _gone: replaced.clone().drop_guard(),
        record,
        name,
        subscription,
        slot,
        delivery: caller.front.delivery,
        deadline,
        replaced,
        ended: false,
    };
    // The place before the first event: a client that loses the stream at once resumes from here.
    let mut opening = vec![Frame::Retry(app.config.streams.retry)];
    if listener.record.version.has_priming() {
        opening.push(Frame::Priming(listener.place()));
    }
    Ok(Reply::Stream(futures::stream::iter(opening).chain(listener.stream()).boxed()))
}

/// Makes a new stream the one that the session's messages go to.
async fn settle(
    app: &App,
    record: Arc<SessionRecord>,
    subscription: Result<Subscription, StoreError>,
) -> Result<(Arc<SessionRecord>, Subscription, StreamId), Fault> {
    let subscription = subscription.map_err(|error| {
        tracing::error!(error = %Causes(&error), "the event log cannot be read");
        Fault::Unavailable
    })?;
    // After the subscription: an event between the two may go to both streams. The other way round it might go to none.
    let name = StreamId::random();
    let named = app.stores.sessions.set_listener(&record.id, &name).await;
    named.map_err(|error| session::unavailable(&error))?;
    Ok((record, subscription, name))
}

struct Listener {
    app: Arc<App>,
    record: Arc<SessionRecord>,
    name: StreamId,
    subscription: Subscription,
    slot: Slot,
    delivery: Delivery,
    deadline: Deadline,
    replaced: CancellationToken,
    /// A stream that has ended, however it did, is forgotten.
    _gone: DropGuard,
    ended: bool,
}

/// What an event means for a stream.
enum Heard {
    /// This goes down it.
    Frame(Frame),
    /// It is of no concern here.
    Nothing,
    /// There will be no more.
    End,
}

/// The next event. A buffered front gets what is stored, and comes back for more.
async fn next(subscription: &mut Subscription, delivery: Delivery) -> Result<Option<Event>, StoreError> {
    let next = match delivery {
        Delivery::Stream => subscription.next().await.map(Some),
        Delivery::Buffered => subscription.stored().await,
    };
    Ok(next?.map(|(_, event)| event.event))
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
            tokio::select! {
                () = self.replaced.cancelled() => return self.end().await,
                event = next(&mut self.subscription, self.delivery) => match self.heard(event).await {
                    Ok(Heard::Frame(frame)) => return Some(frame),
                    Ok(Heard::Nothing) => {}
                    Ok(Heard::End) => return self.end().await,
                    Err(error) => {
                        tracing::error!(error = %Causes(&error), "a stream ends: the store failed");
                        return self.end().await;
                    }
                },
                () = self.app.shutdown.cancelled() => return self.end().await,
                () = tokio::time::sleep_until(self.deadline.instant()) => return self.end().await,
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

    fn place(&self) -> EventId {
        EventId::Log(LogCursor {
            global: self.subscription.place(&Scope::Global),
            session: self.subscription.place(&Scope::Session(self.record.id.clone())),
        })
    }

    async fn heard(&self, event: Result<Option<Event>, StoreError>) -> Result<Heard, StoreError> {
        let Some(event) = event? else { return Ok(Heard::End) };
        // Read when it matters: what was settled on another environment counts at once.
        let Some(session) = self.session().await? else { return Ok(Heard::End) };
        let Some((method, params)) = self.message(&session, event).await? else { return Ok(Heard::Nothing) };
        let mut message = json!({ "jsonrpc": "2.0", "method": method });
        if let Some(params) = params {
            message["params"] = params;
        }
        Ok(Heard::Frame(Frame::Message { id: Some(self.place()), json: encode(&message) }))
    }

    async fn message(
        &self,
        session: &SessionRecord,
        event: Event,
    ) -> Result<Option<(&'static str, Option<Value>)>, StoreError> {
        let capabilities = &self.app.capabilities;
        Ok(match event {
            Event::ToolsListChanged => capabilities
                .tools
                .as_ref()
                .filter(|tools| tools.list_changed == Some(true))
                .map(|_| ("notifications/tools/list_changed", None)),
            Event::PromptsListChanged => capabilities
                .prompts
                .as_ref()
                .filter(|prompts| prompts.list_changed == Some(true))
                .map(|_| ("notifications/prompts/list_changed", None)),
            Event::ResourcesListChanged => capabilities
                .resources
                .as_ref()
                .filter(|resources| resources.list_changed == Some(true))
                .map(|_| ("notifications/resources/list_changed", None)),
            Event::ResourceUpdated { uri } => {
                let subscribed = self.app.stores.sessions.subscriptions(&session.id).await?;
                listen::is_about(subscribed.iter(), &uri)
                    .then(|| ("notifications/resources/updated", Some(json!({ "uri": uri }))))
            }
            Event::Message { level, logger, data } => {
                let least = session.log_level.map_or(LogLevel::Everything, LogLevel::From);
                let mut params = json!({ "level": level, "data": data });
                if let Some(logger) = logger {
                    params["logger"] = logger.into();
                }
                (capabilities.logging.is_some() && passes(least, level))
                    .then_some(("notifications/message", Some(params)))
            }
        })
    }
}
