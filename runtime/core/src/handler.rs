//! The user's handler with its type erased.
//!
//! Generics end here: everything behind the builder is compiled once, whatever the handler is.

use std::borrow::Cow;

use futures::future::BoxFuture;
use rmcp::{
    ErrorData, RoleServer, ServerHandler, Service,
    model::{ClientNotification, ClientRequest, ProtocolVersion, ServerConfig, ServerResult, Tool},
    service::{NotificationContext, RequestContext},
};

/// Any rmcp `ServerHandler`.
pub(crate) trait Handler: Send + Sync + 'static {
    /// Dispatches as rmcp does: era rules, capability checks and result shapes are its.
    fn request(
        &self,
        request: ClientRequest,
        context: RequestContext<RoleServer>,
    ) -> BoxFuture<'_, Result<ServerResult, ErrorData>>;

    /// Tells the handler something that wants no answer.
    fn notification(
        &self,
        notification: ClientNotification,
        context: NotificationContext<RoleServer>,
    ) -> BoxFuture<'_, Result<(), ErrorData>>;

    /// What it says of itself.
    fn info(&self) -> ServerConfig;

    /// One tool, if the handler can find it by name.
    fn tool(&self, name: &str) -> Option<Tool>;

    /// The revisions it is willing to speak.
    fn versions(&self) -> Cow<'static, [ProtocolVersion]>;
}

impl<H: ServerHandler> Handler for H {
    fn request(
        &self,
        request: ClientRequest,
        context: RequestContext<RoleServer>,
    ) -> BoxFuture<'_, Result<ServerResult, ErrorData>> {
        Box::pin(self.handle_request(request, context))
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
