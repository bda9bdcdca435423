//! A request for the handler, and the two traits: a handler, and a layer around one.

use std::{borrow::Cow, fmt, time::Duration};

use futures::future::{BoxFuture, FutureExt, ready};
use rmcp::{
    ErrorData, RoleServer, ServerHandler, Service,
    model::{ClientNotification, ClientRequest, ProtocolVersion, ServerConfig, ServerResult, Tool},
    service::{NotificationContext, RequestContext},
};

use crate::{
    auth::Principal,
    error::ConfigError,
    protocol::{self, Era, Fault, SessionVersion},
};

/// A request for the handler.
#[derive(Clone)]
pub struct Request {
    /// The era of the request.
    pub era: Era,
    /// The caller.
    pub principal: Principal,
    /// The request as it came.
    pub message: protocol::Request,
    /// The request in rmcp's type. Layers change it, and not the message.
    pub typed: ClientRequest,
    /// What rmcp gives a handler beside the request.
    pub context: RequestContext<RoleServer>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("era", &self.era)
            .field("message", &self.message)
            .finish_non_exhaustive()
    }
}

/// How long the client wants the task of its call to be kept, from its creation on. `None`: it does not say.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestedTtl(pub(super) Option<Duration>);

/// The shortest time for which a task is kept: its client has to read it once.
const SHORTEST_TTL: Duration = Duration::from_secs(1);

impl Request {
    /// Whether the revision of the request has the experimental tasks.
    pub(super) fn has_experimental_tasks(&self) -> bool {
        let version = self.context.peer.peer_info();
        let version = version.and_then(|client| SessionVersion::parse(client.protocol_version.as_str()));
        version.is_some_and(SessionVersion::has_tasks)
    }

    /// How long the task of this call is kept, within the limit of the server.
    pub(crate) fn task_ttl(&self, most: Duration) -> Duration {
        let requested = self.context.extensions.get::<RequestedTtl>().and_then(|requested| requested.0);
        requested.map_or(most, |requested| requested.max(SHORTEST_TTL).min(most))
    }

    /// Writes down who the client is, as requests of 2026-07-28 say it: a task outlives the session of its call.
    pub(super) fn name_client(&mut self) {
        if let Some(client) = self.context.peer.peer_info() {
            self.context.meta.set_client_capabilities(client.capabilities.clone());
            self.context.meta.set_client_info(client.client_info.clone());
        }
    }
}

/// Why a request has no result.
#[derive(Debug)]
pub enum HandlerError {
    /// The handler's error.
    Handler(ErrorData),
    /// A layer has refused the request, or the result of the handler.
    Refused(Fault),
}

impl From<ErrorData> for HandlerError {
    fn from(error: ErrorData) -> Self {
        Self::Handler(error)
    }
}

/// The outcome of a request.
pub type HandlerResult = Result<ServerResult, HandlerError>;

/// What answers the requests of clients: any rmcp `ServerHandler`, a server in another process, each layer around one.
///
/// A type implements it itself where rmcp's types would lose a part of its answers.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no MCP server",
    label = "implement rmcp's `ServerHandler` for this type",
    note = "`mcp_lambda_server::rmcp::ServerHandler` is the trait of the version that the server is built with"
)]
pub trait Handler: Send + Sync + 'static {
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

    /// Whether the results are those of another server, as JSON that is passed on as it is.
    fn results(&self) -> Results {
        Results::Own
    }

    /// Makes the handler ready, once, before a server is built around it. Its name and capabilities are known afterwards.
    ///
    /// # Errors
    ///
    /// When the handler can never answer.
    fn prepare(&self) -> BoxFuture<'_, Result<(), ConfigError>> {
        ready(Ok(())).boxed()
    }

    /// Ends what the handler runs beside its requests, once, when the last of them is answered.
    fn close(&self) -> BoxFuture<'_, ()> {
        ready(()).boxed()
    }
}

/// Whose results a handler returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Results {
    /// Its own, in rmcp's types. Layers repair what rmcp leaves open.
    Own,
    /// Those of another server, as a `CustomResult`. Layers leave them as they are.
    Passed,
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

/// Refuses a request before the handler sees it.
pub(super) fn refuse(fault: Fault) -> BoxFuture<'static, HandlerResult> {
    ready(Err(HandlerError::Refused(fault))).boxed()
}
