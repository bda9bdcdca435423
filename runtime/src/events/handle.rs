//! The handle tools publish through.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use super::{
    event::{Event, Scope},
    filter::EventFilter,
    global::GlobalEvent,
    log::{Appended, EventLog, NewEvent},
    subscriber::Subscriber,
    tail::Tail,
};
use crate::{auth::Principal, clock::Clock, error::StoreError, random, session::SessionId};

/// The attribute by which a message of the topic is known as an event that is in the log already.
#[cfg(any(feature = "lambda", feature = "sns"))]
pub(crate) const EVENT_ID: &str = "mcp_event_id";

/// The source id of an event that is published to the topic as well.
pub(crate) fn published_id(id: &str) -> String {
    format!("published:{id}")
}

/// Publishes events to every stream on every environment. In `RequestContext::extensions` of every request, and from
/// `Server::events` for code that runs outside requests.
#[derive(Clone)]
pub struct Events {
    log: Arc<dyn EventLog>,
    tail: Arc<Tail>,
    clock: Clock,
    life: Duration,
    publisher: Option<Arc<dyn Publisher>>,
}

/// A message for the topic that other systems listen to.
#[derive(Debug, Clone, PartialEq)]
pub struct TopicMessage {
    /// Names the event, in the log and in the topic.
    pub id: String,
    /// `external_event`, `system_health`, ...
    pub event_type: &'static str,
    /// For people: what it is about.
    pub subject: String,
    /// RFC 3339.
    pub timestamp: String,
    /// Ties it to others of one piece of work.
    pub correlation_id: String,
    /// The event as JSON.
    pub message: String,
}

/// Where announcements go: an SNS topic.
#[async_trait]
pub trait Publisher: Send + Sync + 'static {
    /// Sends one, and answers the id it got.
    async fn publish(&self, message: &TopicMessage) -> Result<String, StoreError>;
}

/// What became of an event that was announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Its place in the log.
    pub appended: Appended,
    /// The id the topic gave it, if there is a topic.
    pub message_id: Option<String>,
}

impl Events {
    pub(crate) fn new(log: Arc<dyn EventLog>, tail: Arc<Tail>, clock: Clock, life: Duration) -> Self {
        Self { log, tail, clock, life, publisher: None }
    }

    pub(crate) fn with_publisher(self, publisher: Option<Arc<dyn Publisher>>) -> Self {
        Self { publisher, ..self }
    }

    /// Tells everybody. The event is durable when this returns.
    pub async fn publish(&self, event: Event) -> Result<Appended, StoreError> {
        self.append(&Scope::Global, event, None).await
    }

    /// Tells one session.
    pub async fn publish_to(&self, session: &SessionId, event: Event) -> Result<Appended, StoreError> {
        self.append(&Scope::Session(session.clone()), event, None).await
    }

    /// Tells one caller, on every client it has: in all its sessions, and on the streams of clients that have none.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] for `anonymous`, which is nobody in particular; else when the log cannot be written.
    pub async fn publish_to_principal(
        &self,
        principal: &Principal,
        event: Event,
    ) -> Result<Appended, StoreError> {
        if principal.is_anonymous() {
            return Err(StoreError::NotFound);
        }
        self.append(&Scope::Principal(principal.clone()), event, None).await
    }

    /// Tells everybody, or the one session that the event concerns.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when it concerns a session that no server can have opened; else when the log cannot be
    /// written.
    pub async fn broadcast_global_event(&self, event: GlobalEvent) -> Result<Appended, StoreError> {
        let event = Event::from(event);
        let scope = event.scope().ok_or(StoreError::NotFound)?;
        self.append(&scope, event, None).await
    }

    /// Tells everybody here, and then whoever listens to the topic, if `SNS_TOPIC_ARN` names one. Should the topic
    /// come back to this server, the event is known there by its id and not told twice.
    ///
    /// # Errors
    ///
    /// As [`Events::broadcast_global_event`], and when the topic does not take it: it has been told here by then.
    pub async fn publish_to_topic(
        &self,
        event: GlobalEvent,
        correlation_id: Option<&str>,
    ) -> Result<Published, StoreError> {
        let event = event.at(self.clock.now());
        let id = random::token();
        let message = TopicMessage {
            event_type: event.type_name(),
            subject: event.key().uri(),
            timestamp: event.timestamp().unwrap_or_else(|| self.clock.now()).to_rfc3339(),
            correlation_id: correlation_id.unwrap_or(&id).to_owned(),
            message: serde_json::to_string(&event)
                .map_err(|error| StoreError::Corrupt(format!("an event cannot be encoded: {error}")))?,
            id,
        };
        let event = Event::from(event);
        let scope = event.scope().ok_or(StoreError::NotFound)?;
        let appended = self.append(&scope, event, Some(published_id(&message.id))).await?;
        let message_id = match &self.publisher {
            Some(publisher) => Some(publisher.publish(&message).await?),
            None => None,
        };
        Ok(Published { appended, message_id })
    }

    /// Tells everybody, once, however many environments say it under this name.
    pub(crate) async fn publish_once(&self, name: String, event: Event) -> Result<Appended, StoreError> {
        self.append(&Scope::Global, event, Some(name)).await
    }

    /// Says that a resource has new content.
    pub async fn resource_updated(&self, uri: impl Into<String>) -> Result<Appended, StoreError> {
        self.publish(Event::ResourceUpdated { uri: uri.into() }).await
    }

    /// Says that `tools/list` would answer something else now.
    pub async fn tools_list_changed(&self) -> Result<Appended, StoreError> {
        self.publish(Event::ToolsListChanged).await
    }

    /// Says that `prompts/list` would answer something else now.
    pub async fn prompts_list_changed(&self) -> Result<Appended, StoreError> {
        self.publish(Event::PromptsListChanged).await
    }

    /// Says that `resources/list` would answer something else now.
    pub async fn resources_list_changed(&self) -> Result<Appended, StoreError> {
        self.publish(Event::ResourcesListChanged).await
    }

    /// Listens from now on, for code of this server's own: a tool that reports what happens while it runs.
    ///
    /// # Errors
    ///
    /// When the log cannot be read.
    pub async fn subscribe(&self, filter: EventFilter) -> Result<Subscriber, StoreError> {
        let mut scopes = match &filter.principal {
            Some(principal) => Scope::heard_by(principal),
            None => vec![Scope::Global],
        };
        scopes.extend(filter.session_id.clone().map(Scope::Session));
        Ok(Subscriber::new(self.tail.subscribe(scopes, None).await?, filter))
    }

    /// How many listen in this process, streams and [`Events::subscribe`]d code together. Other environments have
    /// their own.
    #[must_use]
    pub fn subscriber_count(&self) -> usize {
        self.tail.subscriptions()
    }

    /// Takes a delivery of another system. It is durable when this returns, however often it was delivered.
    #[cfg(feature = "lambda")]
    pub(crate) async fn receive(&self, incoming: super::incoming::Incoming) -> Result<Appended, StoreError> {
        let event = match (incoming.event, incoming.at) {
            (Event::Global { event, is_first }, Some(at)) => Event::Global { event: event.at(at), is_first },
            (event, _) => event,
        };
        self.append(&incoming.scope, event, Some(incoming.source_id)).await
    }

    async fn append(
        &self,
        scope: &Scope,
        event: Event,
        source_id: Option<String>,
    ) -> Result<Appended, StoreError> {
        let at = self.clock.now();
        let event = match event {
            Event::Global { event, is_first } => Event::Global { event: event.at(at), is_first },
            event => event,
        };
        let event = NewEvent { event, source_id, at, expires_at: at.plus(self.life) };
        let appended = self.log.append(scope, &event).await?;
        self.tail.wake();
        Ok(appended)
    }
}
