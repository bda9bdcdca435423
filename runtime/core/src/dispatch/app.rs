//! What every request shares: the handler, the stores and the rules.

use std::{collections::BTreeSet, sync::Arc};

use rmcp::{
    ServerHandler,
    model::{Extensions, Implementation, ServerCapabilities, ServerConfig},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Caller, Listeners, Seal, event_resources::EventResources};
use crate::{
    auth::{Authenticator, ProtectedResource},
    config::Config,
    error::ConfigError,
    events::{Events, Publisher, Tail},
    handler::Handler,
    limits::{RequestLimiter, StreamLimiter, StreamPermit},
    protocol::Fault,
    session::{Handles, Inbox, Session, SessionRecord},
    store::Stores,
    stream::ReplyStream,
    time::Clock,
    time::Deadline,
    tools::Tools,
};

/// One server, whatever front it stands behind.
pub(crate) struct App {
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) capabilities: ServerCapabilities,
    pub(crate) server_info: Implementation,
    pub(crate) config: Box<Config>,
    pub(crate) stores: Stores,
    pub(crate) inbox: Inbox,
    pub(crate) events: Events,
    pub(crate) tail: Arc<Tail>,
    pub(crate) listeners: Listeners,
    pub(crate) stream_limiter: StreamLimiter,
    /// Whether each topic of the log is a resource.
    pub(crate) event_resources: bool,
    /// Which tools are on, if they can be switched.
    pub(crate) tools: Option<Tools>,
    pub(crate) seal: Seal,
    pub(crate) authenticator: Authenticator,
    pub(crate) resource: ProtectedResource,
    pub(crate) request_limiter: RequestLimiter,
    pub(crate) clock: Clock,
    /// Owns every task, so that none outlives the server.
    pub(crate) tracker: TaskTracker,
    /// Cancelled when the server is asked to stop: streams then end gracefully.
    pub(crate) shutdown: CancellationToken,
}

impl App {
    pub(crate) fn new<H: ServerHandler>(
        handler: H,
        config: Box<Config>,
        stores: Stores,
        clock: Clock,
        publisher: Option<Arc<dyn Publisher>>,
        off_at_first: Option<BTreeSet<String>>,
    ) -> Result<Arc<Self>, ConfigError> {
        let mut handler: Arc<dyn Handler> = Arc::new(handler);
        let tracker = TaskTracker::new();
        let tail = Tail::new(Arc::clone(&stores.events), tracker.clone());
        let info = handler.info();
        let event_resources = config.events.enabled == Some(true);
        if event_resources {
            handler = Arc::new(EventResources::new(handler, Arc::clone(&stores.events)));
        }
        let life = config.events.life;
        let events = Events::new(Arc::clone(&stores.events), Arc::clone(&tail), clock.clone(), life);
        let mut capabilities = offered(info.capabilities, event_resources);
        if event_resources {
            capabilities.logging.get_or_insert_default();
        }
        let events = events.with_publisher(publisher);
        let tools = off_at_first.map(|off| {
            Tools::new(off, config.tool_check, Arc::clone(&stores.state), events.clone(), clock.clone())
        });
        Ok(Arc::new(Self {
            capabilities: deliverable(capabilities, config.streams.enabled, tools.is_some()),
            server_info: info.server_info,
            inbox: Inbox::new(Arc::clone(&stores.inbox)),
            events,
            tools,
            event_resources,
            stream_limiter: StreamLimiter::new(config.streams.per_process),
            listeners: Listeners::default(),
            authenticator: Authenticator::new(&config.auth, &clock)?,
            resource: ProtectedResource::of(&config.auth, &config.path),
            request_limiter: RequestLimiter::default(),
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

    /// Counts a stream of a caller until it ends, at its deadline at the latest.
    pub(crate) async fn slot(&self, caller: &Caller, deadline: &Deadline) -> Result<StreamPermit, Fault> {
        let expires_at = self.clock.now().plus(deadline.remaining());
        let limit = self.config.streams.per_principal;
        StreamPermit::acquire(
            &self.stream_limiter,
            &self.stores.stream_leases,
            &self.tracker,
            &caller.principal,
            limit,
            expires_at,
        )
        .await
    }

    /// What a tool may look up about the request it serves.
    pub(crate) fn extensions(&self, caller: &Caller, session: Option<&Arc<SessionRecord>>) -> Extensions {
        let mut extensions = Extensions::new();
        let sessions = &self.stores.sessions;
        let life = self.config.session_ttl;
        extensions.insert(caller.parts.clone());
        extensions.insert(caller.principal.clone());
        extensions.insert(caller.ingress.deadline);
        extensions.insert(self.events.clone());
        if let Some(tools) = &self.tools {
            extensions.insert(tools.clone());
        }
        extensions.insert(Handles::new(
            caller.principal.clone(),
            Arc::clone(&self.stores.state),
            self.clock.clone(),
            life,
        ));
        if let Some(record) = session {
            extensions.insert(Session::new(
                Arc::clone(record),
                Arc::clone(sessions),
                Arc::clone(&self.stores.state),
                self.clock.clone(),
                life,
            ));
            extensions.insert(ReplyStream::default());
        }
        extensions
    }

    /// What the handler says of itself now, with what we add and without what we cannot deliver: for a session, whose
    /// client hears of events as log messages.
    pub(crate) fn truthful(&self, mut info: ServerConfig) -> ServerConfig {
        info.capabilities = self.deliverable(info.capabilities);
        if self.event_resources {
            info.capabilities.logging.get_or_insert_default();
        }
        info
    }

    /// Capabilities with what we add, without promises we cannot keep.
    pub(crate) fn deliverable(&self, capabilities: ServerCapabilities) -> ServerCapabilities {
        deliverable(
            offered(capabilities, self.event_resources),
            self.config.streams.enabled,
            self.tools.is_some(),
        )
    }
}

/// What the handler offers, and the resources of the event log.
fn offered(mut capabilities: ServerCapabilities, event_resources: bool) -> ServerCapabilities {
    if event_resources {
        let resources = capabilities.resources.get_or_insert_default();
        resources.subscribe = Some(true);
        resources.list_changed = Some(true);
    }
    capabilities
}

/// A flag is a promise: without streams nobody could hear of a change.
fn deliverable(
    mut capabilities: ServerCapabilities,
    streams: bool,
    dynamic_tools: bool,
) -> ServerCapabilities {
    if let Some(tools) = &mut capabilities.tools
        && dynamic_tools
    {
        tools.list_changed = Some(true);
    }
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
