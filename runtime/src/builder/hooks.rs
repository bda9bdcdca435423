//! The hooks that a builder sets.

#[cfg(feature = "lambda")]
use std::time::Duration;

use mcp_lambda_core::hook::Hook;
#[cfg(feature = "lambda")]
use mcp_lambda_core::http::BoxError;
#[cfg(feature = "lambda")]
use mcp_lambda_runtime::{InvocationRequest, InvocationResponse, InvocationService};
#[cfg(feature = "lambda")]
use tower::{Layer, Service};

use super::Builder;

/// What runs outside of requests.
impl<H> Builder<H> {
    /// Sets an async function that runs once before the process ends: it sends what is still buffered. It runs when open
    /// requests have finished, and is stopped where it takes longer than it may.
    ///
    /// On Lambda the server then registers an internal extension, without which Lambda stops an environment without a
    /// signal. That costs a round trip to the Runtime API before the first event of each environment. Open requests and the
    /// function have 450 ms together, and Lambda does not call it after a timeout or a crash.
    ///
    /// On a local address it has one second, after [`Server::serve`](crate::Server::serve) or [`run`](Self::run).
    pub fn on_shutdown<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.hooks.set_on_shutdown(Hook::new("on_shutdown", hook));
        self
    }

    /// Adds a tower layer around the invocations of a function: HTTP requests, events, direct invocations, all of them. The
    /// layer added first sees an invocation first and its response last, and may answer in place of the server.
    ///
    /// The response is one that Lambda has not received yet, and a streamed body is still to be produced:
    /// [`InvocationResponse::keep`] holds a value until its last byte was accepted. The error of a layer fails the
    /// invocation: Lambda receives an [`InvocationError`](crate::lambda::InvocationError) as it is, of any other only that
    /// there was one.
    ///
    /// ```no_run
    /// use mcp_lambda_server::{McpLambdaServer, lambda::InvocationRequest, rmcp};
    /// use tower::ServiceBuilder;
    /// # #[derive(Clone)]
    /// # struct Empty;
    /// # impl rmcp::ServerHandler for Empty {}
    ///
    /// let layer = ServiceBuilder::new().map_request(|invocation: InvocationRequest| {
    ///     println!("{}: {:?}", invocation.details.request_id, invocation.kind());
    ///     invocation
    /// });
    /// McpLambdaServer::builder(Empty).invocation_layer(layer).run()?;
    /// # Ok::<(), mcp_lambda_server::Error>(())
    /// ```
    #[cfg(feature = "lambda")]
    pub fn invocation_layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<InvocationService> + Send + Sync + 'static,
        L::Service: Service<InvocationRequest, Response = InvocationResponse> + Clone + Send + Sync + 'static,
        <L::Service as Service<InvocationRequest>>::Future: Send + 'static,
        <L::Service as Service<InvocationRequest>>::Error: Into<BoxError> + 'static,
    {
        self.hooks.lambda.layer(layer);
        self
    }

    /// Sets an async function that runs after each invocation, when Lambda has accepted the last byte of its response and
    /// before the environment asks for its next event: it sends what was buffered, as Lambda freezes the environment
    /// afterwards. Its time is billed, and no other event comes meanwhile.
    ///
    /// It is stopped after [one second](Self::after_invocation_budget), or before the timeout of the function, whichever is
    /// earlier. A function that hangs or panics is logged, and the environment serves on. It must not block its thread. In an
    /// environment that serves several events at once, it may run several times at once.
    #[cfg(feature = "lambda")]
    pub fn after_invocation<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.hooks.lambda.after_invocation(Hook::new("after_invocation", hook));
        self
    }

    /// Sets the time that the function of [`after_invocation`](Self::after_invocation) may take. Default: 1 s.
    #[cfg(feature = "lambda")]
    pub fn after_invocation_budget(mut self, budget: Duration) -> Self {
        self.hooks.lambda.after_invocation_budget(budget);
        self
    }

    /// Adds an async function that runs before Lambda stores the environment of a function with `SnapStart`: it closes
    /// connections, and forgets what must not be the same in two environments. Those that were added last run first. An error
    /// fails the publishing of the version.
    ///
    /// The server's own identifiers, keys of hash tables aside, come from the operating system when they are needed, so that
    /// two environments never make the same. A random key of `requestState` is one for all environments of a version.
    #[cfg(feature = "lambda")]
    pub fn before_snapshot<F, Fut, E>(mut self, hook: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError>,
    {
        self.hooks.lambda.before_snapshot(Hook::fallible("before_snapshot", hook));
        self
    }

    /// Adds an async function that runs in each environment that Lambda restores of a snapshot, before its first event: it
    /// opens connections, and makes anew what is to differ between environments. They run in the order in which they were
    /// added, and have 10 s. An error ends the environment.
    #[cfg(feature = "lambda")]
    pub fn after_restore<F, Fut, E>(mut self, hook: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError>,
    {
        self.hooks.lambda.after_restore(Hook::fallible("after_restore", hook));
        self
    }
}
