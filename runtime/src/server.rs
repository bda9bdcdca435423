//! The built server, and the host that runs it: the Lambda Runtime API or a local address.

use std::{
    convert::Infallible,
    io::{Write, stderr, stdout},
    net::SocketAddr,
    task::{Context, Poll},
    time::Duration,
};

use futures::future::BoxFuture;
use http::{Request, Response};
use mcp_lambda_core::{
    BoundServer,
    config::{Config, ProcessRole},
    error::Error,
    events::Events,
    http::{Body, BoxError},
    telemetry::Logs,
};
#[cfg(feature = "lambda")]
use mcp_lambda_runtime::Environment;
use serde_json::Value;
use tower::Service;

use crate::{
    hooks::Hooks,
    running::Running,
    start_text::{self, Started, StatePlace},
    traces::{self, Tracing},
};

/// How long the end of the process waits for the reader of its log.
const LAST_LINES: Duration = Duration::from_secs(1);

/// An MCP server that is built. [`serve`](Self::serve) runs it.
///
/// It is a [`tower::Service`] over HTTP requests, so that other hosts can run it too:
///
/// ```no_run
/// # async fn example(server: mcp_lambda_server::Server) {
/// use tower::Service;
///
/// let request = http::Request::post("/mcp").body(http_body_util::Full::<bytes::Bytes>::default());
/// let response = server.clone().call(request.expect("a request")).await;
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Server {
    server: mcp_lambda_core::Server,
    hooks: Hooks,
    tracing: Option<Tracing>,
    state: StatePlace,
}

impl Server {
    pub(crate) fn new(
        server: mcp_lambda_core::Server,
        hooks: Hooks,
        tracing: Option<Tracing>,
        state: StatePlace,
    ) -> Self {
        Self { server, hooks, tracing, state }
    }

    /// Serves until the process is asked to stop: the Lambda Runtime API in an execution environment of Lambda, the
    /// address of [`Config::listen`] elsewhere. A worker ([`Config::role`]) takes tasks from the queue instead, and another
    /// role prints the tools.
    ///
    /// # Errors
    ///
    /// When the address cannot be bound, or the Runtime API cannot be reached any longer.
    pub async fn serve(self) -> Result<(), Error> {
        let environment = Host::of(self.config(), &self.hooks).await?;
        let logs = traces::init_logs(self.config(), self.tracing.as_ref());
        self.serve_on(environment, logs).await
    }

    pub(crate) async fn serve_on(self, host: Host, logs: Logs) -> Result<(), Error> {
        let server = self.server.clone();
        let running = Running::new(self.events());
        let served = match host {
            // Both are boxed: what runs for hours is large, and would be copied from frame to frame until it runs.
            #[cfg(feature = "lambda")]
            Host::Lambda(environment) => {
                Box::pin(environment.serve(self.server, self.hooks.lambda, logs.clone())).await
            }
            Host::Worker => {
                Box::pin(self.server.work()).await;
                self.hooks.ended_locally().await;
                Ok(())
            }
            Host::Schema => print_schema(&self.server).await,
            Host::Local => {
                let listen = self.config().listen;
                let bound = self.server.bind(listen).await?;
                start_text::print(
                    &Started {
                        name: &server.info().name,
                        version: &server.info().version,
                        url: &bound.url(),
                        address: bound.address(),
                        state: self.state,
                    },
                    server.config(),
                );
                Box::pin(bound.serve()).await;
                self.hooks.ended_locally().await;
                Ok(())
            }
        };
        drop(running);
        server.close_handler().await;
        logs.flush(LAST_LINES).await;
        served
    }

    /// Refuses definitions of tools that the handler does not have.
    #[cfg(feature = "tool-definitions")]
    pub(crate) async fn check_tool_definitions(&self) -> Result<(), Error> {
        self.server.check_tool_definitions().await.map_err(Error::from)
    }

    /// Binds a local address, to learn its port before it is served.
    ///
    /// # Errors
    ///
    /// When the address cannot be bound.
    pub async fn bind(self, address: SocketAddr) -> Result<BoundServer, Error> {
        self.server.bind(address).await
    }

    /// Answers one request.
    pub fn handle(&self, request: Request<Body>) -> BoxFuture<'static, Response<Body>> {
        self.server.handle(request)
    }

    /// Sends the spans and metrics of calls that have ended, for so long at most. A server that [`serve`](Self::serve) or
    /// [`bind`](Self::bind) runs does so itself; another host does it from time to time, and before its process is frozen or
    /// ends.
    #[cfg(feature = "otel")]
    pub async fn flush_spans(&self, budget: Duration) {
        self.server.flush_spans(budget).await;
    }

    /// Publishes events, for code that runs outside requests.
    #[must_use]
    pub fn events(&self) -> &Events {
        self.server.events()
    }

    /// The configuration that the server was built with.
    #[must_use]
    pub fn config(&self) -> &Config {
        self.server.config()
    }

    /// Asks the server to stop: open streams end gracefully, requests in progress finish.
    pub fn stop(&self) {
        self.server.stop();
    }

    /// The server of the core crate, for tests of its parts.
    #[doc(hidden)]
    #[must_use]
    pub fn core(&self) -> &mcp_lambda_core::Server {
        &self.server
    }
}

impl<B> Service<Request<B>> for Server
where
    B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.server.call(request)
    }
}

/// Prints the tools as a Lambda target of an AgentCore Gateway declares them, and on standard error a line for each thing that
/// this format cannot express.
async fn print_schema(server: &mcp_lambda_core::Server) -> Result<(), Error> {
    let schema = server.agentcore_schema().await;
    let schema = schema.map_err(|error| Error::Schema(error.message.into_owned()))?;
    for loss in &schema.losses {
        // A reader that has left is no reason to print no schema.
        let _ = writeln!(stderr(), "{loss}");
    }
    let text = format!("{:#}\n", Value::Array(schema.tools));
    stdout().write_all(text.as_bytes()).and_then(|()| stdout().flush()).map_err(Error::Output)
}

/// What runs a server.
pub(crate) enum Host {
    #[cfg(feature = "lambda")]
    Lambda(Environment),
    /// Nothing calls the process: it polls a queue.
    Worker,
    /// The process prints its tools.
    Schema,
    Local,
}

impl Host {
    /// The host that the configuration names. The Runtime API is connected to at once, while the server is built.
    #[cfg_attr(not(feature = "lambda"), expect(unused_variables, reason = "a local server has no extension"))]
    pub(crate) async fn of(config: &Config, hooks: &Hooks) -> Result<Self, Error> {
        let Some(address) = &config.runtime_api else {
            return Ok(match config.role {
                ProcessRole::Server | ProcessRole::Login => Self::Local,
                ProcessRole::Worker => Self::Worker,
                ProcessRole::AgentCoreSchema => Self::Schema,
            });
        };
        #[cfg(feature = "lambda")]
        {
            let registers = config.max_concurrency > 1 || hooks.on_shutdown.is_some();
            return Ok(Self::Lambda(Environment::connect(address, registers).await?));
        }
        #[cfg(not(feature = "lambda"))]
        Err(Error::Lambda(
            format!(
                "AWS_LAMBDA_RUNTIME_API is {address}, and this binary was built without the `lambda` feature"
            )
            .into(),
        ))
    }

    pub(crate) fn is_lambda(&self) -> bool {
        !matches!(self, Self::Local | Self::Worker | Self::Schema)
    }
}
