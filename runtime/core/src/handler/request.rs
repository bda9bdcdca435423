//! A request for the handler, and the two traits: a handler, and a layer around one.

use std::borrow::Cow;

use futures::future::{BoxFuture, FutureExt, ready};
use rmcp::{
    ErrorData, RoleServer, ServerHandler, Service,
    model::{ClientNotification, ClientRequest, ProtocolVersion, ServerConfig, ServerResult, Tool},
    service::{NotificationContext, RequestContext},
};

use crate::{
    auth::Principal,
    protocol::{self, Era, Fault},
};

/// A request for the handler.
#[derive(Clone)]
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

/// Refuses a request before the handler sees it.
pub(super) fn refuse(fault: Fault) -> BoxFuture<'static, HandlerResult> {
    ready(Err(HandlerError::Refused(fault))).boxed()
}
