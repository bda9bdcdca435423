//! The session era's GET stream: events of the log, in the client's own scopes, resumable anywhere.

use std::{
    collections::HashMap,
    error::Error,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::StreamExt;
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    listen,
    outbound::{LogLevel, passes},
    reply::{Caller, Delivery, Reply, encode},
};
use crate::{
    app::App,
    error::StoreError,
    events::{Event, Scope, Subscription},
    protocol::Fault,
    session::{SessionId, SessionRecord},
    stream::{Deadline, EventId, Frame, FrameStream, LogCursor, Slot},
};

/// The life of a stream that waits for events, where nothing bills its seconds.
pub(super) const DEFAULT_LIFE: Duration = Duration::from_secs(300);

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
    record: Arc<SessionRecord>,
    from: Option<LogCursor>,
) -> Result<Reply, Fault> {
    if !app.config.streams.enabled {
        return Err(Fault::StreamsOff);
    }
    let replaced = app.listeners.replace(&record.id);
    let deadline = match caller.delivery {
        Delivery::Stream => listen::life(app, caller),
        // A buffered front gets what is stored, and comes back for more.
        Delivery::Buffered => Deadline::after(Duration::ZERO),
    };
    let expires_at = app.clock.now().plus(deadline.remaining());
    let limit = app.config.streams.per_principal;
    let slot = Slot::acquire(&app.stores.slots, &app.tracker, &caller.principal, limit, expires_at).await?;
    let scopes = vec![Scope::Global, Scope::Session(record.id.clone())];
    let from = from.map(|cursor| vec![cursor.global, cursor.session]);
    let subscription = app.tail.subscribe(scopes, from).await.map_err(|error| {
        tracing::error!(error = &error as &dyn Error, "the event log cannot be read");
        Fault::Unavailable
    })?;
    let retry = Frame::Retry(app.config.streams.retry);
    let listener =
        Listener { app: Arc::clone(app), record, subscription, slot, deadline, replaced, ended: false };
    // The place before the first event: a client that loses the stream at once resumes from here.
    let mut opening = vec![retry];
    if listener.record.version.has_priming() {
        opening.push(Frame::Priming(listener.place()));
    }
    Ok(Reply::Stream(futures::stream::iter(opening).chain(listener.stream()).boxed()))
}

struct Listener {
    app: Arc<App>,
    record: Arc<SessionRecord>,
    subscription: Subscription,
    slot: Slot,
    deadline: Deadline,
    replaced: CancellationToken,
    ended: bool,
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
                // What is known comes before the end, so that a buffered stream of no length still says it.
                biased;
                () = self.replaced.cancelled() => return self.end().await,
                event = self.subscription.next() => match self.heard(event).await {
                    Ok(Some(frame)) => return Some(frame),
                    Ok(None) => {}
                    Err(error) => {
                        tracing::error!(error = &error as &dyn Error, "a stream ends: the store failed");
                        return self.end().await;
                    }
                },
                () = self.app.shutdown.cancelled() => return self.end().await,
                () = tokio::time::sleep_until(self.deadline.instant()) => return self.end().await,
                () = tokio::time::sleep_until(quiet_until) => return self.quiet().await,
            }
        }
    }

    /// A quiet moment is when to notice that the session was ended on another environment.
    async fn quiet(&mut self) -> Option<Frame> {
        match self.app.stores.sessions.load(&self.record.id).await {
            Ok(None) => self.end().await,
            _ => Some(Frame::KeepAlive),
        }
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

    async fn heard(
        &self,
        event: Result<(Scope, crate::events::LoggedEvent), StoreError>,
    ) -> Result<Option<Frame>, StoreError> {
        let (_, event) = event?;
        let Some((method, params)) = self.message(event.event).await? else { return Ok(None) };
        let mut message = json!({ "jsonrpc": "2.0", "method": method });
        if let Some(params) = params {
            message["params"] = params;
        }
        Ok(Some(Frame::Message { id: Some(self.place()), json: encode(&message) }))
    }

    async fn message(&self, event: Event) -> Result<Option<(&'static str, Option<Value>)>, StoreError> {
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
                // Read when it matters: a subscription made on another environment counts at once.
                let subscribed = self.app.stores.sessions.subscriptions(&self.record.id).await?;
                listen::is_about(subscribed.iter(), &uri)
                    .then(|| ("notifications/resources/updated", Some(json!({ "uri": uri }))))
            }
            Event::Message { level, logger, data } => {
                let session = self.app.stores.sessions.load(&self.record.id).await?;
                let least = session.and_then(|session| session.log_level);
                let least = least.map_or(LogLevel::Everything, LogLevel::From);
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
