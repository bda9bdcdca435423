//! Which methods exist, what the server declares, and what it may ask of a client.

// SEP-2577 deprecates sampling and roots; clients of both eras use them until they are gone.
#![allow(deprecated)]

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt};
use rmcp::{
    ErrorData,
    model::{
        ClientCapabilities, ElicitRequestParams, ElicitationCapability, InputRequest, InputRequests,
        RootsCapabilities, SamplingCapability, ServerCapabilities, ServerResult, TASKS_EXTENSION_ID,
    },
};

use super::{Handler, HandlerResult, Layer, Request};
use crate::protocol::{Era, Fault, Method, version};

/// What the server declares: the capabilities of the handler, with those that the server adds and without those that
/// it cannot deliver.
#[derive(Clone)]
pub(crate) struct DeclaredCapabilities {
    /// The declared capabilities at the start.
    initial: Arc<ServerCapabilities>,
    rules: Rules,
}

/// What the server adds to the capabilities of the handler, and takes away.
#[derive(Clone, Copy)]
pub(crate) struct Rules {
    /// Each source and type of events is a resource.
    pub(crate) event_resources: bool,
    /// Clients can open streams of events.
    pub(crate) streams: bool,
    /// Tools can be enabled and disabled.
    pub(crate) dynamic_tools: bool,
    /// Clients of the session era have sessions.
    pub(crate) sessions: bool,
    /// Calls run as tasks.
    pub(crate) tasks: bool,
}

impl Rules {
    /// What both eras declare.
    fn apply(self, mut declared: ServerCapabilities) -> ServerCapabilities {
        if self.event_resources {
            let resources = declared.resources.get_or_insert_default();
            resources.subscribe = Some(true);
            resources.list_changed = Some(true);
        }
        if let Some(tools) = &mut declared.tools
            && self.dynamic_tools
        {
            tools.list_changed = Some(true);
        }
        if self.streams { declared } else { without_streams(declared) }
    }

    /// What `server/discover` declares: revisions of the session era know the extension as something else.
    fn add_tasks(self, declared: &mut ServerCapabilities) {
        if self.tasks {
            let extensions = declared.extensions.get_or_insert_default();
            extensions.entry(TASKS_EXTENSION_ID.to_owned()).or_default();
        }
    }

    /// What `initialize` declares: a session hears of events as log messages. Without one there is no stream of events, and
    /// nothing that keeps a log level.
    fn apply_to_initialize(self, declared: ServerCapabilities) -> ServerCapabilities {
        let mut declared = self.apply_to_session(declared);
        if !self.sessions {
            declared.logging = None;
            return without_streams(declared);
        }
        declared
    }

    /// A session hears of events as log messages.
    fn apply_to_session(self, declared: ServerCapabilities) -> ServerCapabilities {
        let mut declared = self.apply(declared);
        if self.event_resources {
            declared.logging.get_or_insert_default();
        }
        declared
    }
}

/// A `listChanged` or `subscribe` flag is a promise, which a server without streams cannot keep.
fn without_streams(mut declared: ServerCapabilities) -> ServerCapabilities {
    if let Some(tools) = &mut declared.tools {
        tools.list_changed = None;
    }
    if let Some(prompts) = &mut declared.prompts {
        prompts.list_changed = None;
    }
    if let Some(resources) = &mut declared.resources {
        resources.list_changed = None;
        resources.subscribe = None;
    }
    declared
}

impl DeclaredCapabilities {
    pub(crate) fn new(handler: ServerCapabilities, rules: Rules) -> Self {
        let mut initial = rules.apply_to_session(handler);
        rules.add_tasks(&mut initial);
        Self { initial: Arc::new(initial), rules }
    }

    /// The capabilities that decide which methods exist and which events are sent.
    pub(crate) fn get(&self) -> &ServerCapabilities {
        &self.initial
    }

    /// Whether calls run as tasks.
    pub(crate) fn has_tasks(&self) -> bool {
        self.rules.tasks
    }

    pub(crate) fn has_event_resources(&self) -> bool {
        self.rules.event_resources
    }

    /// Refuses a method that does not exist: in the revisions of the era, or without a capability that the server does
    /// not declare. Calls of the session era ask the handler about its own capabilities.
    pub(crate) fn check(&self, era: Era, method: &Method) -> Result<(), Fault> {
        let is_checked = era == Era::Stateless
            || matches!(
                method,
                Method::SetLogLevel | Method::SubscribeResource | Method::UnsubscribeResource
            );
        let is_declared = method.capability().is_none_or(|capability| capability.is_in(&self.initial));
        if method.exists_in(era) && (is_declared || !is_checked) {
            return Ok(());
        }
        Err(Fault::MethodNotFound(method.to_string()))
    }

    /// Whether the server has something to send on a GET stream.
    pub(crate) fn sends_events(&self) -> bool {
        let is_on = |flag: Option<bool>| flag == Some(true);
        let declared = self.get();
        declared.logging.is_some()
            || declared.tools.as_ref().is_some_and(|tools| is_on(tools.list_changed))
            || declared.prompts.as_ref().is_some_and(|prompts| is_on(prompts.list_changed))
            || declared
                .resources
                .as_ref()
                .is_some_and(|resources| is_on(resources.list_changed) || is_on(resources.subscribe))
    }
}

/// The layer: what `initialize` and `server/discover` declare, and input requests that the client can fulfil.
pub(super) struct Capabilities {
    inner: Arc<dyn Handler>,
    declared: DeclaredCapabilities,
}

impl Capabilities {
    pub(super) fn new(inner: Arc<dyn Handler>, declared: DeclaredCapabilities) -> Self {
        Self { inner, declared }
    }

    fn declare(&self, result: &mut ServerResult) {
        let rules = self.declared.rules;
        match result {
            ServerResult::InitializeResult(initialized) => {
                let handler = std::mem::take(&mut initialized.capabilities);
                initialized.capabilities = rules.apply_to_initialize(handler);
            }
            ServerResult::DiscoverResult(discovered) => {
                let spoken = version::supported();
                discovered.supported_versions.retain(|version| spoken.contains(&version.as_str()));
                discovered.supported_versions.sort_by(|a, b| b.as_str().cmp(a.as_str()));
                let handler = std::mem::take(&mut discovered.capabilities);
                discovered.capabilities = rules.apply(handler);
                rules.add_tasks(&mut discovered.capabilities);
            }
            _ => {}
        }
    }
}

impl Layer for Capabilities {
    fn inner(&self) -> &dyn Handler {
        &*self.inner
    }

    fn request(&self, request: Request) -> BoxFuture<'_, HandlerResult> {
        if let Err(fault) = self.declared.check(request.era, &request.message.method) {
            return super::refuse(fault);
        }
        match request.message.method {
            Method::Initialize | Method::Discover => {
                let result = self.inner.request(request);
                Box::pin(result.map(|result| {
                    result.map(|mut result| {
                        self.declare(&mut result);
                        result
                    })
                }))
            }
            ref method if request.era == Era::Stateless && method.may_request_input() => {
                let peer = request.context.peer.clone();
                let result = self.inner.request(request);
                Box::pin(result.map(move |result| match result? {
                    ServerResult::InputRequiredResult(asks) => {
                        let client = peer.peer_info();
                        let declared = client.as_ref().map(|client| &client.capabilities);
                        let requests = asks.input_requests.as_ref();
                        match requests.and_then(|requests| undeclared(requests, declared)) {
                            Some(missing) => {
                                Err(ErrorData::missing_required_client_capability(missing).into())
                            }
                            None => Ok(ServerResult::InputRequiredResult(asks)),
                        }
                    }
                    result => Ok(result),
                }))
            }
            _ => self.inner.request(request),
        }
    }
}

/// The capabilities that a client has to declare for input requests, and has not. `None`: it has declared them all.
/// <https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr> (read 2026-11-20).
pub(super) fn undeclared(
    requests: &InputRequests,
    declared: Option<&ClientCapabilities>,
) -> Option<ClientCapabilities> {
    let none = ClientCapabilities::default();
    let declared = declared.unwrap_or(&none);
    let mut missing = ClientCapabilities::default();
    for request in requests.values() {
        match request {
            InputRequest::CreateMessage(_) if declared.sampling.is_none() => {
                missing.sampling = Some(SamplingCapability::default());
            }
            InputRequest::ListRoots(_) if declared.roots.is_none() => {
                missing.roots = Some(RootsCapabilities::default());
            }
            InputRequest::Elicitation(request)
                if !elicits(declared.elicitation.as_ref(), &request.params) =>
            {
                missing.elicitation = Some(ElicitationCapability::default());
            }
            _ => {}
        }
    }
    (missing != none).then_some(missing)
}

/// A client that declares elicitation without a mode supports forms.
fn elicits(declared: Option<&ElicitationCapability>, request: &ElicitRequestParams) -> bool {
    declared.is_some_and(|declared| match request {
        ElicitRequestParams::UrlElicitationParams { .. } => declared.url.is_some(),
        _ => declared.form.is_some() || declared.url.is_none(),
    })
}
