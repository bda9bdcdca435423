//! What tools, prompts and resources find in their `RequestContext`.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use rmcp::{ErrorData, RoleServer, service::RequestContext};

use crate::{
    auth::Principal,
    error::{Causes, StoreError},
    events::{Events, PublishError},
    invocation::Invocation,
    session::{Handles, Session, State, StateError},
    stream::ReplyStream,
    tasks::{TaskError, TaskHandle},
    telemetry::TraceContext,
    time::Deadline,
    tools::Tools,
    upstream_token::{UpstreamToken, UpstreamTokenError, UpstreamTokenSource},
};

/// How long a tool without a deadline waits for the token of its caller.
const TOKEN_TIME: Duration = Duration::from_secs(30);

/// The parts of the server that a tool uses, by name. Implemented for rmcp's
/// [`RequestContext`](rmcp::service::RequestContext).
///
/// ```
/// use mcp_lambda_server::{McpContext, rmcp};
/// use rmcp::{ErrorData, RoleServer, service::RequestContext, tool, tool_router};
///
/// #[derive(Clone)]
/// struct Server;
///
/// #[tool_router(server_handler)]
/// impl Server {
///     #[tool(description = "Counts the calls of the session")]
///     async fn count(&self, context: RequestContext<RoleServer>) -> Result<String, ErrorData> {
///         let count = context.state()?.update("count", |count: Option<u64>| count.unwrap_or(0) + 1).await?;
///         Ok(format!("{} has called {count} times", context.principal().key()))
///     }
///
///     #[tool(description = "Announces that the list of tools has changed")]
///     async fn announce(&self, context: RequestContext<RoleServer>) -> Result<(), ErrorData> {
///         context.events()?.tools_list_changed().await?;
///         Ok(())
///     }
/// }
/// ```
pub trait McpContext {
    /// The session of the call. `None` in 2026-07-28, which has no sessions, and for a call that names none.
    fn session(&self) -> Option<&Session>;

    /// The state of the session.
    ///
    /// # Errors
    ///
    /// Invalid request, for a call without a session: there, state has a handle (see [`handles`](Self::handles)).
    fn state(&self) -> Result<&State, ErrorData>;

    /// State for callers without a session: the client passes the handle with each call.
    ///
    /// # Errors
    ///
    /// Internal error, when another server than this crate's runs the tool.
    fn handles(&self) -> Result<&Handles, ErrorData>;

    /// Publishes events to the streams of all environments.
    ///
    /// # Errors
    ///
    /// Internal error, when another server than this crate's runs the tool.
    fn events(&self) -> Result<&Events, ErrorData>;

    /// The caller. Anonymous, when it is not authenticated.
    fn principal(&self) -> Principal;

    /// The caller's token at the provider where the caller has signed in with the login of this server
    /// (`MCP_LOGIN_UPSTREAM_TOKENS`), to act as the caller there. One that is about to expire is refreshed first. It reads the
    /// store once, and nothing without this call.
    ///
    /// ```
    /// # use mcp_lambda_server::{McpContext, rmcp::{ErrorData, RoleServer, service::RequestContext}};
    /// async fn authorization(context: &RequestContext<RoleServer>) -> Result<String, ErrorData> {
    ///     let token = context.upstream_token().await?;
    ///     Ok(format!("Bearer {}", token.access_token))
    /// }
    /// ```
    fn upstream_token(&self) -> BoxFuture<'static, Result<UpstreamToken, UpstreamTokenError>>;

    /// When the call must have ended. `None`, when another server than this crate's runs the tool.
    fn deadline(&self) -> Option<Deadline>;

    /// The head of the HTTP request. `None` for a call that did not come over HTTP.
    fn http(&self) -> Option<&http::request::Parts>;

    /// The Lambda invocation of the call. `None` elsewhere.
    ///
    /// ```
    /// # use mcp_lambda_server::{McpContext, rmcp::{RoleServer, service::RequestContext}};
    /// fn log_id(context: &RequestContext<RoleServer>) -> &str {
    ///     context.invocation().map_or("local", |invocation| invocation.request_id())
    /// }
    /// ```
    fn invocation(&self) -> Option<&Invocation>;

    /// The trace that the call belongs to, as its client names it in `_meta` or in the headers of its request. Its
    /// [`fields`](TraceContext::fields) are what a tool sends along with its own requests.
    fn trace_context(&self) -> Option<&TraceContext>;

    /// The metrics of the server, for those of the program. `None`, when another server than this crate's runs the tool.
    #[cfg(feature = "metrics")]
    fn metrics(&self) -> Option<&crate::metrics::Metrics>;

    /// Enables and disables tools. `None`, when the server was built without dynamic tools.
    fn tools(&self) -> Option<&Tools>;

    /// The task that the call runs as. Inline it is one that does nothing.
    fn task(&self) -> TaskHandle;

    /// The stream that the messages of the call go to. `None` in 2026-07-28.
    fn reply_stream(&self) -> Option<&ReplyStream>;
}

impl McpContext for RequestContext<RoleServer> {
    fn session(&self) -> Option<&Session> {
        self.extensions.get()
    }

    fn state(&self) -> Result<&State, ErrorData> {
        let session = self.session().ok_or_else(|| {
            ErrorData::invalid_request("this tool keeps its state in a session, and the call has none: send initialize, and then its \
                 Mcp-Session-Id header with each request",
                None,)
        })?;
        Ok(session.state())
    }

    fn handles(&self) -> Result<&Handles, ErrorData> {
        self.extensions.get().ok_or_else(|| missing("handles"))
    }

    fn events(&self) -> Result<&Events, ErrorData> {
        self.extensions.get().ok_or_else(|| missing("events"))
    }

    fn principal(&self) -> Principal {
        self.extensions.get().cloned().unwrap_or_else(Principal::anonymous)
    }

    fn upstream_token(&self) -> BoxFuture<'static, Result<UpstreamToken, UpstreamTokenError>> {
        let source = self.extensions.get::<Arc<dyn UpstreamTokenSource>>().cloned();
        let (caller, deadline) = (self.principal(), self.deadline());
        Box::pin(async move {
            let source = source.ok_or(UpstreamTokenError::NotKept)?;
            let deadline = deadline.unwrap_or_else(|| Deadline::after(TOKEN_TIME)).capped(TOKEN_TIME);
            source.token(&caller, deadline).await
        })
    }

    fn deadline(&self) -> Option<Deadline> {
        self.extensions.get().copied()
    }

    fn http(&self) -> Option<&http::request::Parts> {
        self.extensions.get()
    }

    fn invocation(&self) -> Option<&Invocation> {
        self.http()?.extensions.get()
    }

    fn trace_context(&self) -> Option<&TraceContext> {
        self.extensions.get()
    }

    #[cfg(feature = "metrics")]
    fn metrics(&self) -> Option<&crate::metrics::Metrics> {
        self.extensions.get()
    }

    fn tools(&self) -> Option<&Tools> {
        self.extensions.get()
    }

    fn task(&self) -> TaskHandle {
        self.extensions.get().cloned().unwrap_or_else(|| TaskHandle::inline(self.ct.clone()))
    }

    fn reply_stream(&self) -> Option<&ReplyStream> {
        self.extensions.get()
    }
}

fn missing(what: &str) -> ErrorData {
    ErrorData::internal_error(format!("the server that runs this tool has no {what}"), None)
}

/// The client gets the text of the error, the log its causes.
fn internal(error: &(dyn std::error::Error + 'static)) -> ErrorData {
    tracing::error!(error = %Causes(error), "a tool failed");
    ErrorData::internal_error(error.to_string(), None)
}

impl From<StateError> for ErrorData {
    fn from(error: StateError) -> Self {
        internal(&error)
    }
}

impl From<StoreError> for ErrorData {
    fn from(error: StoreError) -> Self {
        internal(&error)
    }
}

impl From<TaskError> for ErrorData {
    fn from(error: TaskError) -> Self {
        match error {
            // The client has cancelled the task, or another worker goes on with it: nothing has failed.
            error @ (TaskError::Ended(_) | TaskError::Superseded) => {
                Self::internal_error(error.to_string(), None)
            }
            error => internal(&error),
        }
    }
}

impl From<UpstreamTokenError> for ErrorData {
    fn from(error: UpstreamTokenError) -> Self {
        match error {
            // The user can mend these.
            error @ (UpstreamTokenError::NotSignedIn
            | UpstreamTokenError::Ended
            | UpstreamTokenError::Refused(_)) => Self::invalid_request(error.to_string(), None),
            error => internal(&error),
        }
    }
}

impl From<PublishError> for ErrorData {
    fn from(error: PublishError) -> Self {
        match error {
            error @ (PublishError::Anonymous | PublishError::UnknownSession(_)) => {
                Self::invalid_params(error.to_string(), None)
            }
            error => internal(&error),
        }
    }
}
