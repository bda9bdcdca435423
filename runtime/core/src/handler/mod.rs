//! The program's handler, with its type erased, and the layers around it.
//!
//! A rule about calls is one layer: one file, with what it does before the handler and what it does to the result.
//! [`layered`] is the list of them.
//!
//! * [`capabilities`]: which methods exist, and what the server declares.
//! * [`scopes`]: the scopes that a tool requires of its caller.
//! * [`dynamic_tools`]: tools that are disabled.
//! * [`param_headers`]: headers that mirror arguments of a tool.
//! * [`request_state`]: the state that a client carries from one round of a request to the next.
//! * [`event_resources`]: the resources of the event log.

pub(crate) mod capabilities;
mod dynamic_tools;
mod event_resources;
mod param_headers;
mod request_state;
mod scopes;

use std::{borrow::Cow, sync::Arc, time::Duration};

use futures::future::{BoxFuture, FutureExt, ready};
use rmcp::{
    ErrorData, RoleServer, ServerHandler, Service,
    model::{ClientNotification, ClientRequest, ProtocolVersion, ServerConfig, ServerResult, Tool},
    service::{NotificationContext, RequestContext},
};

use self::{
    capabilities::{Capabilities, DeclaredCapabilities},
    dynamic_tools::DynamicTools,
    event_resources::EventResources,
    param_headers::ParamHeaders,
    request_state::RequestState,
    scopes::Scopes,
};
use crate::{
    auth::{Principal, ScopeTable},
    config::StateKey,
    error::ConfigError,
    events::EventLog,
    protocol::{self, Era, Fault},
    tools::Tools,
};

/// A request for the handler.
pub(crate) struct Request {
    pub(crate) era: Era,
    /// The caller.
    pub(crate) principal: Principal,
    /// The request as it came.
    pub(crate) message: protocol::Request,
    /// The request in rmcp's type.
    pub(crate) typed: ClientRequest,
    /// What rmcp gives a handler beside the request.
    pub(crate) context: RequestContext<RoleServer>,
}

/// Why a request has no result.
#[derive(Debug)]
pub(crate) enum HandlerError {
    /// The handler's error.
    Handler(ErrorData),
    /// A layer has refused the request, and the handler was not called.
    Refused(Fault),
}

impl From<ErrorData> for HandlerError {
    fn from(error: ErrorData) -> Self {
        Self::Handler(error)
    }
}

/// The outcome of a request.
pub(crate) type HandlerResult = Result<ServerResult, HandlerError>;

/// Any rmcp `ServerHandler`, and each layer around one.
pub(crate) trait Handler: Send + Sync + 'static {
    /// Answers a request as rmcp does: it applies its own rules about eras, capabilities and result shapes.
    fn request(&self, request: Request) -> BoxFuture<'_, HandlerResult>;

    /// Passes a notification on.
    fn notification(
        &self,
        notification: ClientNotification,
        context: NotificationContext<RoleServer>,
    ) -> BoxFuture<'_, Result<(), ErrorData>>;

    /// The name, version and capabilities of the handler.
    fn info(&self) -> ServerConfig;

    /// One tool, if the handler finds it by its name.
    fn tool(&self, name: &str) -> Option<Tool>;

    /// The revisions that the handler speaks.
    fn versions(&self) -> Cow<'static, [ProtocolVersion]>;
}

impl<H: ServerHandler> Handler for H {
    fn request(&self, request: Request) -> BoxFuture<'_, HandlerResult> {
        Box::pin(self.handle_request(request.typed, request.context).map(|result| Ok(result?)))
    }

    fn notification(
        &self,
        notification: ClientNotification,
        context: NotificationContext<RoleServer>,
    ) -> BoxFuture<'_, Result<(), ErrorData>> {
        Box::pin(self.handle_notification(notification, context))
    }

    fn info(&self) -> ServerConfig {
        ServerHandler::get_info(self)
    }

    fn tool(&self, name: &str) -> Option<Tool> {
        self.get_tool(name)
    }

    fn versions(&self) -> Cow<'static, [ProtocolVersion]> {
        ServerHandler::supported_protocol_versions(self)
    }
}

/// A handler around another one. What a layer has no rule for goes to the inner handler.
pub(crate) trait Layer: Send + Sync + 'static {
    fn inner(&self) -> &dyn Handler;

    fn request(&self, request: Request) -> BoxFuture<'_, HandlerResult>;
}

/// A layer as a handler.
struct Layered<L>(L);

impl<L: Layer> Handler for Layered<L> {
    fn request(&self, request: Request) -> BoxFuture<'_, HandlerResult> {
        self.0.request(request)
    }

    fn notification(
        &self,
        notification: ClientNotification,
        context: NotificationContext<RoleServer>,
    ) -> BoxFuture<'_, Result<(), ErrorData>> {
        self.0.inner().notification(notification, context)
    }

    fn info(&self) -> ServerConfig {
        self.0.inner().info()
    }

    fn tool(&self, name: &str) -> Option<Tool> {
        self.0.inner().tool(name)
    }

    fn versions(&self) -> Cow<'static, [ProtocolVersion]> {
        self.0.inner().versions()
    }
}

fn around(layer: impl Layer) -> Arc<dyn Handler> {
    Arc::new(Layered(layer))
}

/// Refuses a request before the handler sees it.
fn refuse(fault: Fault) -> BoxFuture<'static, HandlerResult> {
    ready(Err(HandlerError::Refused(fault))).boxed()
}

/// What the layers need. A rule that is not configured has no layer and costs nothing.
pub(crate) struct LayerParts<'a> {
    pub(crate) capabilities: &'a DeclaredCapabilities,
    /// The event log, if its events are resources.
    pub(crate) event_log: Option<Arc<dyn EventLog>>,
    /// The tools that are enabled, if tools can be switched.
    pub(crate) tools: Option<Tools>,
    pub(crate) tool_scopes: ScopeTable,
    pub(crate) state_keys: &'a [StateKey],
    pub(crate) state_ttl: Duration,
}

/// Puts the layers around the handler, the innermost first: a request passes them from the last of the list to the
/// first, a result from the first to the last.
pub(crate) fn layered(
    handler: Arc<dyn Handler>,
    parts: LayerParts<'_>,
) -> Result<Arc<dyn Handler>, ConfigError> {
    let mut handler = handler;
    if let Some(log) = parts.event_log {
        handler = around(EventResources::new(handler, log));
    }
    handler = around(RequestState::new(handler, parts.state_keys, parts.state_ttl)?);
    handler = around(ParamHeaders::new(handler));
    if let Some(tools) = parts.tools {
        handler = around(DynamicTools::new(handler, tools));
    }
    if !parts.tool_scopes.is_empty() {
        handler = around(Scopes::new(handler, parts.tool_scopes));
    }
    Ok(around(Capabilities::new(handler, parts.capabilities.clone())))
}
