//! What every request shares: the handler, the stores and the rules.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use rmcp::{
    ServerHandler,
    model::{Extensions, Implementation, ServerCapabilities, ServerConfig},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Caller, Listeners, Seal};
use crate::{
    clock::Clock,
    config::Config,
    error::ConfigError,
    events::{Events, Tail},
    handler::Handler,
    session::{Handles, Mailroom, Session, SessionRecord},
    store::Stores,
    stream::ReplyStream,
    tools::Tools,
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
    /// Which tools are on, if they can be switched.
    pub(crate) tools: Option<Tools>,
    pub(crate) seal: Seal,
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
        off_at_first: Option<BTreeSet<String>>,
    ) -> Result<Arc<Self>, ConfigError> {
        let handler: Arc<dyn Handler> = Arc::new(handler);
        let tracker = TaskTracker::new();
        let tail = Tail::new(Arc::clone(&stores.events), tracker.clone());
        let info = handler.info();
        let events = Events::new(Arc::clone(&stores.events), Arc::clone(&tail), clock.clone(), EVENT_LIFE);
        let tools = off_at_first.map(|off| {
            Tools::new(off, config.tool_check, Arc::clone(&stores.sessions), events.clone(), clock.clone())
        });
        Ok(Arc::new(Self {
            capabilities: deliverable(info.capabilities, config.streams.enabled, tools.is_some()),
            server_info: info.server_info,
            mailroom: Mailroom::new(Arc::clone(&stores.mailbox)),
            events,
            tools,
            listeners: Listeners::default(),
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
        if let Some(tools) = &self.tools {
            extensions.insert(tools.clone());
        }
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
        deliverable(capabilities, self.config.streams.enabled, self.tools.is_some())
    }
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
