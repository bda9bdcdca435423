//! The handle that tools publish through.

use std::{fmt, sync::Arc, time::Duration};

use super::{
    event::{Event, Scope},
    filter::EventFilter,
    global::GlobalEvent,
    inbound::InboundEvent,
    log::{Appended, EventLog, NewEvent},
    publisher::{PublishError, Published, Publisher, TopicMessage},
    subscriber::Subscriber,
    subscription::Subscription,
    tail::Tail,
};
use crate::{auth::Principal, error::StoreError, ids::SessionId, random, time::Clock};

/// Publishes events to the open streams of every execution environment, and subscribes to them.
///
/// Tools find it in `RequestContext::extensions` of every request; code outside requests gets it from `Server::events`.
///
/// ```
/// use mcp_lambda_server::{EventFilter, GlobalEvent, McpLambdaServer};
/// use serde_json::json;
/// # use mcp_lambda_server::{Config, Stores, Clock, rmcp::ServerHandler};
/// # struct Shop;
/// # impl ServerHandler for Shop {}
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let server = McpLambdaServer::builder(Shop)
/// #   .config(Config::default()).stores(Stores::memory(Clock::system()))
///     .build().await?;
/// let events = server.events();
/// let mut orders = events.subscribe(EventFilter::default().source("shop")).await?;
///
/// events.resource_updated("shop://stock").await?;
/// let order = GlobalEvent::external_event("shop", "order", json!({ "id": 7 }));
/// events.broadcast_global_event(order).await?;
///
/// assert!(matches!(orders.next().await?, GlobalEvent::ExternalEvent { event_type, .. } if event_type == "order"));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Events {
    log: Arc<dyn EventLog>,
    tail: Arc<Tail>,
    clock: Clock,
    ttl: Duration,
    publisher: Option<Arc<dyn Publisher>>,
}

impl Events {
    pub(crate) fn new(log: Arc<dyn EventLog>, tail: Arc<Tail>, clock: Clock, ttl: Duration) -> Self {
        Self { log, tail, clock, ttl, publisher: None }
    }

    pub(crate) fn with_publisher(self, publisher: Option<Arc<dyn Publisher>>) -> Self {
        Self { publisher, ..self }
    }

    /// Publishes an event to every stream. The event is durable when this returns.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the log cannot be written.
    pub async fn publish(&self, event: Event) -> Result<Appended, StoreError> {
        self.append(&Scope::Global, event, None).await
    }

    /// Publishes an event to one session.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the log cannot be written.
    pub async fn publish_to(&self, session: &SessionId, event: Event) -> Result<Appended, StoreError> {
        self.append(&Scope::Session(session.clone()), event, None).await
    }

    /// Publishes an event to one principal: to all its sessions, and to the streams of its clients without a session.
    ///
    /// # Errors
    ///
    /// [`PublishError::Anonymous`] for an anonymous caller, [`PublishError::Store`] if the log cannot be written.
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

    /// Publishes a global event to the session that it names, or else to every stream.
    ///
    /// # Errors
    ///
    /// [`PublishError::UnknownSession`] if the event names a session id that no server can have issued,
    /// [`PublishError::Store`] if the log cannot be written.
    pub async fn broadcast_global_event(&self, event: GlobalEvent) -> Result<Appended, PublishError> {
        let event = Event::from(event);
        let scope = scope_of(&event)?;
        Ok(self.append(&scope, event, None).await?)
    }

    /// Publishes a global event as [`Events::broadcast_global_event`] does, and then to the topic that `SNS_TOPIC_ARN`
    /// names, if there is one. If the topic delivers the message to this deployment too, the event is not appended
    /// again.
    ///
    /// `correlation_id` is an attribute of the message; the default is the id of the event.
    ///
    /// # Errors
    ///
    /// As [`Events::broadcast_global_event`]. [`PublishError::Topic`] if the topic does not accept the message: the
    /// event is in the log then.
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

    /// Publishes an event to every stream once, however many environments publish it under the same id.
    pub(crate) async fn publish_once(&self, id: String, event: Event) -> Result<Appended, StoreError> {
        self.append(&Scope::Global, event, Some(id)).await
    }

    /// Publishes that the content of a resource has changed, to the clients that subscribe to it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the log cannot be written.
    pub async fn resource_updated(&self, uri: impl Into<String>) -> Result<Appended, StoreError> {
        self.publish(Event::ResourceUpdated { uri: uri.into() }).await
    }

    /// Publishes that the result of `tools/list` has changed.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the log cannot be written.
    pub async fn tools_list_changed(&self) -> Result<Appended, StoreError> {
        self.publish(Event::ToolsListChanged).await
    }

    /// Publishes that the result of `prompts/list` has changed.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the log cannot be written.
    pub async fn prompts_list_changed(&self) -> Result<Appended, StoreError> {
        self.publish(Event::PromptsListChanged).await
    }

    /// Publishes that the result of `resources/list` has changed.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the log cannot be written.
    pub async fn resources_list_changed(&self) -> Result<Appended, StoreError> {
        self.publish(Event::ResourcesListChanged).await
    }

    /// Subscribes the server's own code to the events that are appended from now on, such as a tool that reports them
    /// while it runs.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the log cannot be read.
    pub async fn subscribe(&self, filter: EventFilter) -> Result<Subscriber, StoreError> {
        let mut scopes = match &filter.principal {
            Some(principal) => Scope::visible_to(principal),
            None => vec![Scope::Global],
        };
        scopes.extend(filter.session_id.clone().map(Scope::Session));
        Ok(Subscriber::new(Subscription::open(&self.tail, scopes, None).await?, filter))
    }

    /// Returns the number of subscriptions of this process: open streams and [`Subscriber`]s. Other environments are not
    /// counted.
    #[must_use]
    pub fn subscriber_count(&self) -> usize {
        self.tail.subscriptions()
    }

    /// Appends an event that another system has delivered, once, however often it is delivered.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the log cannot be written. The delivery may be repeated.
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
        let event = NewEvent { event, source_id, at, expires_at: at.plus(self.ttl) };
        let appended = self.log.append(scope, &event).await?;
        self.tail.poll_now();
        Ok(appended)
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("ttl", &self.ttl).finish_non_exhaustive()
    }
}

fn scope_of(event: &Event) -> Result<Scope, PublishError> {
    let session = || match event {
        Event::Global { event, .. } => event.session().unwrap_or_default().to_owned(),
        _ => String::new(),
    };
    event.scope().ok_or_else(|| PublishError::UnknownSession(session()))
}
