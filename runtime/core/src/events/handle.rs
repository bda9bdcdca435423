//! The handle tools publish through.

use std::{sync::Arc, time::Duration};

use super::{
    event::{Event, Scope},
    filter::EventFilter,
    global::GlobalEvent,
    inbound::InboundEvent,
    log::{Appended, EventLog, NewEvent},
    publisher::{PublishError, Published, Publisher, TopicMessage},
    subscriber::Subscriber,
    tail::Tail,
};
use crate::{auth::Principal, error::StoreError, random, session::SessionId, time::Clock};

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
    /// [`PublishError::Anonymous`] for an anonymous caller; else when the log cannot be written.
    pub async fn publish_to_principal(
        &self,
        principal: &Principal,
        event: Event,
    ) -> Result<Appended, PublishError> {
        if principal.is_anonymous() {
            return Err(PublishError::Anonymous);
        }
        Ok(self.append(&Scope::Principal(principal.clone()), event, None).await?)
    }

    /// Tells everybody, or the one session that the event concerns.
    ///
    /// # Errors
    ///
    /// [`PublishError::UnknownSession`] when the event names a session id that no server can have issued; else when the
    /// log cannot be written.
    pub async fn broadcast_global_event(&self, event: GlobalEvent) -> Result<Appended, PublishError> {
        let event = Event::from(event);
        let scope = scope_of(&event)?;
        Ok(self.append(&scope, event, None).await?)
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
    ) -> Result<Published, PublishError> {
        let event = event.at(self.clock.now());
        let id = random::token();
        let message = TopicMessage {
            event_type: event.type_name(),
            subject: event.key().uri(),
            timestamp: event.timestamp().unwrap_or_else(|| self.clock.now()).to_rfc3339(),
            correlation_id: correlation_id.unwrap_or(&id).to_owned(),
            message: serde_json::to_string(&event).map_err(PublishError::Encode)?,
            id,
        };
        let event = Event::from(event);
        let scope = scope_of(&event)?;
        let appended = self.append(&scope, event, Some(message.source_id())).await?;
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

    /// Appends an event that another system has delivered, once, however often it is delivered.
    ///
    /// # Errors
    ///
    /// When the log cannot be written. The delivery may be repeated.
    pub async fn receive(&self, inbound: InboundEvent) -> Result<Appended, StoreError> {
        let event = match (inbound.event, inbound.at) {
            (Event::Global { event, is_first }, Some(at)) => Event::Global { event: event.at(at), is_first },
            (event, _) => event,
        };
        self.append(&inbound.scope, event, Some(inbound.source_id)).await
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

fn scope_of(event: &Event) -> Result<Scope, PublishError> {
    let session = || match event {
        Event::Global { event, .. } => event.session().unwrap_or_default().to_owned(),
        _ => String::new(),
    };
    event.scope().ok_or_else(|| PublishError::UnknownSession(session()))
}
