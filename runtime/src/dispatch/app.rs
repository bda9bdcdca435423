//! What every request shares: the handler, the stores and the rules.

use std::{sync::Arc, time::Duration};

use rmcp::{
    ServerHandler,
    model::{Extensions, Implementation, ServerCapabilities, ServerConfig},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Caller, Listeners, Seal};
use crate::{
    auth::{Admission, InFlight, Resource},
    clock::Clock,
    config::Config,
    error::ConfigError,
    events::{Events, Tail},
    handler::Handler,
    session::{Handles, Mailroom, Session, SessionRecord},
    store::Stores,
    stream::ReplyStream,
};

/// How long an event stays in the log: long enough for a client to come back for it.
const EVENT_LIFE: Duration = Duration::from_secs(60 * 60);

/// One server, whatever front it stands behind.
pub(crate) struct App {
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) capabilities: ServerCapabilities,
    pub(crate) server_info: Implementation,
    pub(crate) config: Config,
    pub(crate) stores: Stores,
    pub(crate) mailroom: Mailroom,
    pub(crate) events: Events,
    pub(crate) tail: Arc<Tail>,
    pub(crate) listeners: Listeners,
    pub(crate) seal: Seal,
    pub(crate) admission: Admission,
    pub(crate) resource: Resource,
    pub(crate) in_flight: InFlight,
    pub(crate) clock: Clock,
    /// Owns every task, so that none outlives the server.
    pub(crate) tracker: TaskTracker,
    /// Cancelled when the server is asked to stop: streams then end gracefully.
    pub(crate) shutdown: CancellationToken,
}

impl App {
    pub(crate) fn new<H: ServerHandler>(
        handler: H,
        config: Config,
        stores: Stores,
        clock: Clock,
    ) -> Result<Arc<Self>, ConfigError> {
        let handler: Arc<dyn Handler> = Arc::new(handler);
        let tracker = TaskTracker::new();
        let tail = Tail::new(Arc::clone(&stores.events), tracker.clone());
        let info = handler.info();
        Ok(Arc::new(Self {
            capabilities: deliverable(info.capabilities, config.streams.enabled),
            server_info: info.server_info,
            mailroom: Mailroom::new(Arc::clone(&stores.mailbox)),
            events: Events::new(Arc::clone(&stores.events), Arc::clone(&tail), clock.clone(), EVENT_LIFE),
            listeners: Listeners::default(),
            admission: Admission::new(&config.auth, &clock)?,
            resource: Resource::of(&config.auth, &config.path),
            in_flight: InFlight::default(),
            seal: Seal::new(&config.state_keys, config.state_ttl)?,
            shutdown: CancellationToken::new(),
            handler,
            config,
            stores,
            tail,
            clock,
            tracker,
        }))
    }

    /// What a tool may look up about the request it serves.
    pub(crate) fn extensions(&self, caller: &Caller, session: Option<&Arc<SessionRecord>>) -> Extensions {
        let mut extensions = Extensions::new();
        let sessions = &self.stores.sessions;
        let life = self.config.session_ttl;
        extensions.insert(caller.parts.clone());
        extensions.insert(caller.principal.clone());
        extensions.insert(caller.front.deadline);
        extensions.insert(self.events.clone());
        extensions.insert(Handles::new(
            caller.principal.clone(),
            Arc::clone(sessions),
            self.clock.clone(),
            life,
        ));
        if let Some(record) = session {
            extensions.insert(Session::new(
                Arc::clone(record),
                Arc::clone(sessions),
                self.clock.clone(),
                life,
            ));
            extensions.insert(ReplyStream::default());
        }
        extensions
    }

    /// What the handler says of itself now, with what we cannot deliver taken out.
    pub(crate) fn truthful(&self, mut info: ServerConfig) -> ServerConfig {
        info.capabilities = self.deliverable(info.capabilities);
        info
    }

    /// Capabilities without promises we cannot keep.
    pub(crate) fn deliverable(&self, capabilities: ServerCapabilities) -> ServerCapabilities {
        deliverable(capabilities, self.config.streams.enabled)
    }
}

/// A flag is a promise: without streams nobody could hear of a change.
fn deliverable(mut capabilities: ServerCapabilities, streams: bool) -> ServerCapabilities {
    if !streams {
        if let Some(tools) = &mut capabilities.tools {
            tools.list_changed = None;
        }
        if let Some(prompts) = &mut capabilities.prompts {
            prompts.list_changed = None;
        }
        if let Some(resources) = &mut capabilities.resources {
            resources.list_changed = None;
            resources.subscribe = None;
        }
    }
    capabilities
}
