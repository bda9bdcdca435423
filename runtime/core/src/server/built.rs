//! A server that is built: its routes and layers around the endpoint, and what hosts ask it.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    fmt,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use http::{Request, Response};
use http_body_util::BodyExt;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::{Service, ServiceExt};

use super::assembly::{self, MetricLines, ToolParts, Tracer};
use crate::{
    auth::{Authenticator, ProtectedResource},
    config::Config,
    error::ConfigError,
    events::{Events, Publisher},
    handler::Handler,
    http::{Body, BoxError, Endpoint, McpService, Routes, browsers, check_heads, metadata, observed},
    keys::KeySource,
    lifecycle::Lifecycle,
    limits::{BodyLimiter, RequestLimiter},
    metrics::Metrics,
    results::ResultStore,
    store::Stores,
    tasks::{TaskQueue, TaskSupport},
    time::Clock,
    upstream_token::UpstreamTokenSource,
    worker::QueueWorker,
};
#[cfg(feature = "tool-definitions")]
use crate::{config::ToolDefinitions, tool_definitions::DefinitionFile};

/// What a server is made of, each part chosen.
#[expect(missing_debug_implementations, reason = "its parts are moved into a server at once")]
pub struct ServerParts {
    /// The configuration.
    pub config: Box<Config>,
    /// The stores.
    pub stores: Stores,
    /// The clock of everything that expires.
    pub clock: Clock,
    /// Where [`Events::publish_to_topic`] publishes to besides the event log.
    pub publisher: Option<Arc<dyn Publisher>>,
    /// The tools that are disabled until they are enabled, if tools can be switched at all.
    pub dynamic_tools: Option<BTreeSet<String>>,
    /// The tools that run as tasks.
    pub task_tools: BTreeMap<String, TaskSupport>,
    /// The queue from which workers take tasks. `None`: this process runs those that it creates.
    pub task_queue: Option<Arc<dyn TaskQueue>>,
    /// The keys of `requestState`. `None`: those of the configuration.
    pub state_keys: Option<KeySource>,
    /// Where results go that are too large for a response. `None`: they are returned as they are.
    pub result_store: Option<Arc<dyn ResultStore>>,
    /// The tokens of callers at the provider where they have signed in. `None`: tools find none.
    pub upstream_tokens: Option<Arc<dyn UpstreamTokenSource>>,
    /// Routes and layers of the program.
    pub routes: Routes,
    /// A tracing system that gets a span of each call.
    pub tracer: Option<Tracer>,
    /// What answers every request instead of the MCP endpoint.
    pub application: Option<crate::http::Application>,
}

/// An MCP server that is built: a [`tower::Service`] over HTTP requests, which [`bind`](Self::bind) runs on a local
/// address, and other hosts can run too.
#[derive(Clone)]
pub struct Server {
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) service: McpService,
    pub(super) lifecycle: Lifecycle,
    pub(super) queue_worker: Option<QueueWorker>,
    /// The definitions of tools as they were at start.
    #[cfg(feature = "tool-definitions")]
    pub(super) definitions: Option<Arc<ToolDefinitions>>,
    #[cfg_attr(not(feature = "metrics"), expect(dead_code, reason = "no page shows them"))]
    pub(super) metrics: Metrics,
    #[cfg_attr(not(feature = "metrics"), expect(dead_code, reason = "nothing is written to them"))]
    lines: Option<MetricLines>,
}

impl Server {
    /// Builds the server.
    ///
    /// # Errors
    ///
    /// When the configuration cannot be used.
    #[inline(never)]
    pub fn new<H: Handler>(handler: H, parts: ServerParts) -> Result<Self, ConfigError> {
        let ServerParts {
            config,
            stores,
            clock,
            publisher,
            dynamic_tools,
            task_tools,
            task_queue,
            state_keys,
            result_store,
            upstream_tokens,
            routes: own,
            tracer,
            application,
        } = parts;
        let config: Arc<Config> = config.into();
        let lifecycle = Lifecycle {
            clock,
            tracker: TaskTracker::new(),
            shutdown: CancellationToken::new(),
            interrupt: CancellationToken::new(),
        };
        let handler: Arc<dyn Handler> = Arc::new(handler);
        #[cfg(feature = "metrics")]
        let lines = config.runtime_api.is_some().then(MetricLines::on_standard_output).flatten();
        #[cfg(not(feature = "metrics"))]
        let lines = None;
        #[cfg_attr(not(feature = "metrics"), expect(clippy::clone_on_copy, reason = "there are none"))]
        let metrics = assembly::metrics(&config, &lifecycle.clock, &handler, lines.clone());
        let mut routes = Routes::default();
        routes.around(observed);
        #[cfg(feature = "metrics")]
        routes.around(crate::http::measured(metrics.clone()));
        if application.is_none() {
            routes.around(browsers(config.cors.clone()));
        }
        #[cfg(feature = "compression")]
        if config.compression {
            routes.around(crate::http::compressed);
        }
        routes.around(check_heads(config.requests));
        #[cfg_attr(not(feature = "tool-definitions"), expect(unused_mut, reason = "no file has scopes"))]
        let mut resource = ProtectedResource::of(&config.auth, &config.path);
        #[cfg(feature = "tool-definitions")]
        let file = config.tool_definitions.as_deref().map(DefinitionFile::read).transpose()?;
        #[cfg(feature = "tool-definitions")]
        let definitions = file.as_ref().map(|file| Arc::clone(&file.definitions));
        #[cfg(feature = "tool-definitions")]
        resource.extend_scopes(definitions.iter().flat_map(|definitions| definitions.scopes()));
        let resource = Arc::new(resource);
        #[cfg(feature = "otel")]
        let tracing = tracer.map(|tracer| assembly::tracing(tracer, &handler));
        #[cfg(not(feature = "otel"))]
        let tracing = tracer;
        #[cfg_attr(not(feature = "otel"), expect(clippy::clone_on_copy, reason = "there is none"))]
        let of_tasks = tracing.clone();
        let (dispatcher, queue_worker) = assembly::dispatcher(
            handler,
            &config,
            stores,
            &lifecycle,
            publisher,
            ToolParts {
                dynamic: dynamic_tools,
                #[cfg(feature = "tool-definitions")]
                definitions: file,
                tasks: task_tools,
                queue: task_queue,
                state_keys,
                result_store,
                upstream_tokens,
                tracing: of_tasks,
            },
            metrics.clone(),
        )?;
        let endpoint = Arc::new(Endpoint {
            authenticator: Authenticator::new(&config.auth, &lifecycle.clock)?,
            resource: Arc::clone(&resource),
            requests: RequestLimiter::default(),
            bodies: BodyLimiter::new(&config),
            dispatcher,
            config,
            #[cfg(feature = "otel")]
            tracing,
        });
        metadata_routes(&mut routes, &resource);
        routes.extend(own);
        let service = match application {
            Some(application) => {
                routes.build_around(crate::http::application(Arc::clone(&endpoint.config), application))
            }
            None => routes.build(Arc::clone(&endpoint)),
        };
        Ok(Self {
            service,
            endpoint,
            lifecycle,
            queue_worker,
            #[cfg(feature = "tool-definitions")]
            definitions,
            metrics,
            lines,
        })
    }

    /// Answers one request.
    pub fn handle(&self, request: Request<Body>) -> BoxFuture<'static, Response<Body>> {
        let response = self.service.clone().oneshot(request);
        response
            .map(|response| match response {
                Ok(response) => response,
                Err(never) => match never {},
            })
            .boxed()
    }

    /// Publishes events, for code that runs outside requests.
    #[must_use]
    pub fn events(&self) -> &Events {
        &self.endpoint.dispatcher.services.events
    }

    /// The configuration that the server was built with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.endpoint.config
    }

    /// Asks the server to stop: open streams end gracefully, requests in progress finish.
    pub fn stop(&self) {
        self.lifecycle.shutdown.cancel();
    }

    /// The name and the version of the handler.
    #[doc(hidden)]
    #[must_use]
    pub fn info(&self) -> &rmcp::model::Implementation {
        &self.endpoint.dispatcher.exchanges.server_info
    }

    /// Ends what the handler runs beside its requests.
    #[doc(hidden)]
    pub async fn close_handler(&self) {
        self.endpoint.dispatcher.exchanges.handler.close().await;
    }

    /// The clock of everything that expires.
    #[doc(hidden)]
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.lifecycle.clock
    }

    /// Tells who sends a request.
    #[doc(hidden)]
    #[must_use]
    pub fn authenticator(&self) -> &Authenticator {
        &self.endpoint.authenticator
    }

    /// The worker of the queue of tasks, if there is a queue and the program has tools that run as tasks.
    #[doc(hidden)]
    #[must_use]
    pub fn queue_worker(&self) -> Option<&QueueWorker> {
        self.queue_worker.as_ref()
    }

    /// Waits until the lines of metrics are written, up to 100 ms.
    #[doc(hidden)]
    #[cfg_attr(not(feature = "metrics"), allow(clippy::unused_self, reason = "there are none"))]
    pub async fn flush_metrics(&self) {
        #[cfg(feature = "metrics")]
        if let Some(lines) = &self.lines {
            lines.flush().await;
        }
    }

    /// Sends the spans and metrics of calls that have ended to the tracing system, for so long at most. A server that
    /// [`bind`](Self::bind) or the Lambda Runtime API runs does so itself.
    #[doc(hidden)]
    #[cfg_attr(not(feature = "otel"), allow(clippy::unused_self, reason = "there are none"))]
    pub async fn flush_spans(&self, budget: Duration) {
        #[cfg(feature = "otel")]
        if let Some(tracing) = &self.endpoint.tracing {
            tracing.tracer.flush(budget).await;
        }
        #[cfg(not(feature = "otel"))]
        let _ = budget;
    }

    #[cfg(feature = "otel")]
    pub(super) fn has_spans(&self) -> bool {
        self.endpoint.tracing.is_some()
    }

    #[cfg(not(feature = "otel"))]
    #[expect(clippy::unused_self, reason = "as a server that has a tracing system")]
    pub(super) fn has_spans(&self) -> bool {
        false
    }

    /// Is cancelled when the server is asked to stop.
    #[doc(hidden)]
    #[must_use]
    pub fn shutdown(&self) -> &CancellationToken {
        &self.lifecycle.shutdown
    }

    /// Is cancelled when the time for that is nearly over: open calls are then answered as interrupted.
    #[doc(hidden)]
    #[must_use]
    pub fn interrupt(&self) -> &CancellationToken {
        &self.lifecycle.interrupt
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("path", &self.endpoint.config.path).finish_non_exhaustive()
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
        let request = request.map(|body| -> Body { body.map_err(Into::into).boxed_unsync() });
        self.service.clone().oneshot(request).boxed()
    }
}

/// Serves the RFC 9728 metadata. The document must be reachable without a token.
fn metadata_routes(routes: &mut Routes, resource: &Arc<ProtectedResource>) {
    for path in resource.paths().iter().flat_map(|path| [path.clone(), format!("{path}/")]) {
        let resource = Arc::clone(resource);
        routes.add(&path, move |request| {
            let document = metadata(&resource, &request);
            async move { document }
        });
    }
}
