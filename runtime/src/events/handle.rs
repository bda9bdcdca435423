//! The handle tools publish through.

use std::{sync::Arc, time::Duration};

use super::{
    event::{Event, Scope},
    log::{Appended, EventLog, NewEvent},
    tail::Tail,
};
use crate::{clock::Clock, error::StoreError, session::SessionId};

/// Publishes events to every stream on every environment. In `RequestContext::extensions` of every request, and from
/// `McpLambdaServer::events` for code that runs outside requests.
#[derive(Clone)]
pub struct Events {
    log: Arc<dyn EventLog>,
    tail: Arc<Tail>,
    clock: Clock,
    life: Duration,
}

impl Events {
    pub(crate) fn new(log: Arc<dyn EventLog>, tail: Arc<Tail>, clock: Clock, life: Duration) -> Self {
        Self { log, tail, clock, life }
    }

    /// Tells everybody. The event is durable when this returns.
    pub async fn publish(&self, event: Event) -> Result<Appended, StoreError> {
        self.append(&Scope::Global, event).await
    }

    /// Tells one session.
    pub async fn publish_to(&self, session: &SessionId, event: Event) -> Result<Appended, StoreError> {
        self.append(&Scope::Session(session.clone()), event).await
    }

    /// Tells everybody, once, however many environments say it under this name.
    pub(crate) async fn publish_once(&self, name: String, event: Event) -> Result<Appended, StoreError> {
        self.append_as(&Scope::Global, event, Some(name)).await
    }

    async fn append(&self, scope: &Scope, event: Event) -> Result<Appended, StoreError> {
        self.append_as(scope, event, None).await
    }

    async fn append_as(
        &self,
        scope: &Scope,
        event: Event,
        source_id: Option<String>,
    ) -> Result<Appended, StoreError> {
        let at = self.clock.now();
        let event = NewEvent { event, source_id, at, expires_at: at.plus(self.life) };
        let appended = self.log.append(scope, &event).await?;
        self.tail.wake();
        Ok(appended)
    }
}
