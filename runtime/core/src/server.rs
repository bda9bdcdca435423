//! The server: the endpoint with its routes and layers around it, as one tower service.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    fmt,
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use http::{Request, Response};
use http_body_util::BodyExt;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::{Service, ServiceExt};

use crate::{
    auth::{Authenticator, ProtectedResource},
    config::{Config, SessionMode, TaskConfig},
    dispatch::{Dispatcher, StreamParts, Streams, ToolServices},
    error::{ConfigError, Error},
    events::{Events, Publisher, Tail},
    exchange::Exchanges,
    handler::{
        Handler, LayerParts, MakeRunner, TaskLayers,
        capabilities::{DeclaredCapabilities, Rules},
        layered,
    },
    http::{Body, BoxError, Endpoint, McpService, Routes, browsers, check_heads, metadata, observed},
    lifecycle::Lifecycle,
    limits::{BodyLimiter, RequestLimiter},
    local,
    metrics::Metrics,
    session::{Inbox, Sessions},
    signal,
    store::Stores,
    tasks::{LeaseTerms, TaskLimits, TaskQueue, TaskSupport, Tasks},
    telemetry::{Payloads, TaskTracing},
    time::Clock,
    tools::Tools,
    worker::{EmbeddedWorker, QueueWorker, WorkerParts},
};

#[cfg(feature = "metrics")]
use crate::telemetry::MetricLines;
/// A program without metrics writes no lines of them.
#[cfg(not(feature = "metrics"))]
type MetricLines = std::convert::Infallible;

#[cfg(feature = "otel")]
type Tracer = Arc<dyn crate::telemetry::RequestTracer>;
/// A program without the feature has no tracing system.
#[cfg(not(feature = "otel"))]
type Tracer = std::convert::Infallible;

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
    /// Routes and layers of the program.
    pub routes: Routes,
    /// A tracing system that gets a span of each call.
    pub tracer: Option<Tracer>,
}

/// An MCP server that is built: a [`tower::Service`] over HTTP requests, which [`bind`](Self::bind) runs on a local
/// address, and other hosts can run too.
#[derive(Clone)]
pub struct Server {
    endpoint: Arc<Endpoint>,
    service: McpService,
    lifecycle: Lifecycle,
    queue_worker: Option<QueueWorker>,
    #[cfg_attr(not(feature = "metrics"), expect(dead_code, reason = "no page shows them"))]
    metrics: Metrics,
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
            routes: own,
            tracer,
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
        let metrics = metrics(&config, &lifecycle.clock, &handler, lines.clone());
        let mut routes = Routes::default();
        routes.around(observed);
        #[cfg(feature = "metrics")]
        routes.around(crate::http::measured(metrics.clone()));
        routes.around(browsers(config.cors.clone()));
        #[cfg(feature = "compression")]
        if config.compression {
            routes.around(crate::http::compressed);
        }
        routes.around(check_heads(config.requests));
        let resource = Arc::new(ProtectedResource::of(&config.auth, &config.path));
        #[cfg(feature = "otel")]
        let tracing = tracer.map(|tracer| tracing(tracer, &handler));
        #[cfg(not(feature = "otel"))]
        let tracing = tracer;
        #[cfg_attr(not(feature = "otel"), expect(clippy::clone_on_copy, reason = "there is none"))]
        let of_tasks = tracing.clone();
        let (dispatcher, queue_worker) = dispatcher(
            handler,
            &config,
            stores,
            &lifecycle,
            publisher,
            ToolParts { dynamic: dynamic_tools, tasks: task_tools, queue: task_queue, tracing: of_tasks },
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
        let service = routes.build(Arc::clone(&endpoint));
        Ok(Self { service, endpoint, lifecycle, queue_worker, metrics, lines })
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

    /// Binds a local address.
    ///
    /// # Errors
    ///
    /// When the address cannot be bound.
    pub async fn bind(self, address: SocketAddr) -> Result<BoundServer, Error> {
        let listener = local::bind(address)?;
        let address = listener.local_addr().map_err(|source| Error::Bind { address, source })?;
        #[cfg(feature = "metrics")]
        let page = self.config().metrics_address.map(local::bind).transpose()?;
        Ok(BoundServer {
            server: self,
            listener,
            address,
            #[cfg(feature = "metrics")]
            page,
        })
    }

    /// Takes tasks from the queue and runs them until the process is asked to stop by SIGTERM, SIGINT or [`Server::stop`]. Then the
    /// tasks that are running are given back, for which there is the time of [`ConnectionConfig::stop_time`]. A server without
    /// a queue returns at once.
    ///
    /// [`ConnectionConfig::stop_time`]: crate::config::ConnectionConfig::stop_time
    pub async fn work(self) {
        tokio::select! {
            () = self.take_tasks() => {}
            () = send_spans(&self) => {}
        }
        self.flush_spans(LAST_SPANS).await;
    }

    async fn take_tasks(&self) {
        let Some(worker) = &self.queue_worker else { return };
        tracing::info!("taking tasks from the queue");
        let shutdown = &self.lifecycle.shutdown;
        let working = worker.poll();
        tokio::pin!(working);
        tokio::select! {
            () = &mut working => return,
            () = signal::stop_requested() => shutdown.cancel(),
            () = shutdown.cancelled() => {}
        }
        tracing::info!("asked to stop; giving back the tasks that are running");
        let stop_time = self.config().connections.stop_time;
        if tokio::time::timeout(stop_time, working).await.is_err() {
            tracing::warn!(
                "tasks were not given back in time: others take them over when their leases are over"
            );
        }
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
    fn has_spans(&self) -> bool {
        self.endpoint.tracing.is_some()
    }

    #[cfg(not(feature = "otel"))]
    #[expect(clippy::unused_self, reason = "as a server that has a tracing system")]
    fn has_spans(&self) -> bool {
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

/// What the program says about its tools.
struct ToolParts {
    /// The tools that are disabled at first, if tools can be switched.
    dynamic: Option<BTreeSet<String>>,
    /// The tools that run as tasks.
    tasks: BTreeMap<String, TaskSupport>,
    /// The queue from which workers take tasks.
    queue: Option<Arc<dyn TaskQueue>>,
    /// The tracing system that gets a span of each attempt of a task.
    tracing: TaskTracing,
}

/// The metrics of the server: lines of the log on Lambda, totals where an address shows them.
#[cfg(feature = "metrics")]
fn metrics(
    config: &Config,
    clock: &Clock,
    handler: &Arc<dyn Handler>,
    lines: Option<MetricLines>,
) -> Metrics {
    let handler = Arc::clone(handler);
    Metrics::new(crate::metrics::MetricsParts {
        clock: clock.clone(),
        function: config.function_name.clone().unwrap_or_default(),
        level: config.metrics_level,
        write: lines.map(|lines| -> crate::metrics::WriteLine { Arc::new(move |line| lines.write(line)) }),
        keeps_totals: config.runtime_api.is_none() && config.metrics_address.is_some(),
        is_listed: Arc::new(move |tool| handler.tool(tool).is_some()),
    })
}

/// The tracing system, with the tools that the handler has.
#[cfg(feature = "otel")]
fn tracing(tracer: Tracer, handler: &Arc<dyn Handler>) -> crate::telemetry::Tracing {
    let handler = Arc::clone(handler);
    crate::telemetry::Tracing { tracer, is_listed: Arc::new(move |tool| handler.tool(tool).is_some()) }
}

#[cfg(feature = "metrics")]
fn metrics_page(metrics: Metrics, config: Arc<Config>) -> McpService {
    crate::http::page(config, move || crate::metrics::page(&metrics))
}

#[cfg(not(feature = "metrics"))]
fn metrics(_: &Config, _: &Clock, _: &Arc<dyn Handler>, _: Option<MetricLines>) -> Metrics {
    Metrics
}

/// Puts the parts that serve calls together.
#[inline(never)]
fn dispatcher(
    handler: Arc<dyn Handler>,
    config: &Config,
    stores: Stores,
    lifecycle: &Lifecycle,
    publisher: Option<Arc<dyn Publisher>>,
    tool_parts: ToolParts,
    metrics: Metrics,
) -> Result<(Dispatcher, Option<QueueWorker>), ConfigError> {
    let Lifecycle { clock, tracker, shutdown, interrupt } = lifecycle;
    let info = handler.info();
    let rules = Rules {
        event_resources: config.events.enabled == Some(true),
        streams: config.streams.enabled,
        dynamic_tools: tool_parts.dynamic.is_some(),
        sessions: config.sessions.mode() != SessionMode::Off,
        tasks: !tool_parts.tasks.is_empty(),
    };
    let capabilities = DeclaredCapabilities::new(info.capabilities, rules);
    let tail = Tail::new(Arc::clone(&stores.events), tracker.clone());
    let events = Events::new(Arc::clone(&stores.events), Arc::clone(&tail), clock.clone(), config.events.ttl)
        .with_publisher(publisher);
    let tools = tool_parts.dynamic.map(|disabled| {
        let store = Arc::clone(&stores.state);
        Tools::new(disabled, config.tool_check_interval, store, events.clone(), clock.clone())
    });
    let services = Arc::new(ToolServices {
        events: events.clone(),
        tools: tools.clone(),
        metrics: metrics.clone(),
        sessions: stores.sessions,
        state: stores.state,
        clock: clock.clone(),
        state_ttl: config.session_ttl,
    });
    let worker = WorkerParts {
        tasks: Tasks::new(stores.tasks, clock.clone(), task_limits(&config.tasks))
            .with_metrics(metrics.clone()),
        services: Arc::clone(&services),
        clock: clock.clone(),
        ttl: config.tasks.ttl,
        per_process: config.tasks.per_process,
        lease: config.tasks.lease,
        program: info.server_info.version.clone(),
        tracker: tracker.clone(),
        shutdown: shutdown.clone(),
        tracing: tool_parts.tracing,
    };
    let tasks = worker.tasks.clone();
    let (mut queue_worker, queue) = (None, tool_parts.queue);
    let make_runner: MakeRunner<'_> = Box::new(|handler| match queue {
        Some(queue) => Arc::new(queue_worker.insert(QueueWorker::new(handler, worker, queue)).clone()),
        None => Arc::new(EmbeddedWorker::new(handler, worker)),
    });
    let task_layers =
        rules.tasks.then(|| TaskLayers { tools: tool_parts.tasks, tasks: tasks.clone(), make_runner });
    let handler = layered(
        handler,
        LayerParts {
            capabilities: &capabilities,
            event_log: rules.event_resources.then(|| Arc::clone(&stores.events)),
            tools,
            argument_checks: config.argument_checks,
            tasks: task_layers,
            tool_scopes: config.auth.tools.clone(),
            state_keys: &config.state_keys,
            state_ttl: config.state_ttl,
        },
    )?;
    let sessions = Sessions::new(Arc::clone(&services.sessions), clock.clone(), config.session_ttl);
    let streams = Streams::new(StreamParts {
        config: config.streams,
        leases: stores.stream_leases,
        tracker: tracker.clone(),
        clock: clock.clone(),
        tail,
        sessions: sessions.clone(),
        replies: stores.streams,
        tasks: rules.tasks.then_some(tasks),
        capabilities: capabilities.clone(),
        server_info: info.server_info.clone(),
        shutdown: shutdown.clone(),
        metrics,
    });
    let dispatcher = Dispatcher {
        exchanges: Arc::new(Exchanges {
            handler,
            events,
            server_info: info.server_info,
            keep_alive: config.streams.keep_alive,
            max_response: config.max_response,
            payloads: Payloads(config.log_payloads),
            interrupt: interrupt.clone(),
        }),
        services,
        inbox: Inbox::new(stores.inbox, clock.clone()),
        tracker: tracker.clone(),
        capabilities,
        sessions,
        session_mode: config.sessions.mode(),
        subscription_limit: config.sessions.subscriptions,
        streams,
    };
    Ok((dispatcher, queue_worker))
}

fn task_limits(config: &TaskConfig) -> TaskLimits {
    TaskLimits {
        open_per_principal: config.per_principal,
        lease: LeaseTerms { length: config.lease, attempts: config.attempts },
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

/// A server bound to a local address.
#[derive(Debug)]
pub struct BoundServer {
    server: Server,
    listener: TcpListener,
    address: SocketAddr,
    /// Where the page for Prometheus is served.
    #[cfg(feature = "metrics")]
    page: Option<TcpListener>,
}

impl BoundServer {
    /// The address of the page for Prometheus, if `MCP_METRICS_ADDR` names one.
    #[cfg(feature = "metrics")]
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.page.as_ref()?.local_addr().ok()
    }

    /// The URL of the MCP endpoint.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}{}", self.address, self.server.endpoint.config.path)
    }

    /// Serves until the process is asked to stop by SIGTERM, SIGINT or [`Server::stop`].
    pub async fn serve(self) {
        tracing::info!(url = self.url(), "listening");
        let stop: CancellationToken = self.server.lifecycle.shutdown.clone();
        let config = &self.server.endpoint.config;
        let lifecycle = &self.server.lifecycle;
        #[cfg(feature = "metrics")]
        let page = async {
            if let Some(listener) = self.page {
                let service = metrics_page(self.server.metrics.clone(), Arc::clone(config));
                local::serve(Arc::clone(config), lifecycle.clone(), service, listener).await;
            }
        };
        #[cfg(not(feature = "metrics"))]
        let page = std::future::ready(());
        let serving =
            local::serve(Arc::clone(config), lifecycle.clone(), self.server.service.clone(), self.listener);
        let serving = async { futures::join!(serving, page) }.map(drop);
        let sending = send_spans(&self.server);
        tokio::pin!(serving, sending);
        tokio::select! {
            () = &mut serving => {}
            () = &mut sending => {}
            () = signal::stop_requested() => {
                tracing::info!("asked to stop; finishing open requests");
                stop.cancel();
                serving.await;
            }
        }
        self.server.flush_spans(LAST_SPANS).await;
    }
}

/// How often spans and metrics of calls that have ended are sent, where the process is not frozen.
const SENDING: Duration = Duration::from_secs(5);
/// How long each time may take.
const SENDING_TIME: Duration = Duration::from_secs(10);
/// How long the last time may take, before the process ends.
const LAST_SPANS: Duration = Duration::from_secs(1);

/// Sends spans and metrics from time to time, if there is a tracing system. It does not end.
async fn send_spans(server: &Server) {
    if !server.has_spans() {
        return std::future::pending().await;
    }
    loop {
        tokio::time::sleep(SENDING).await;
        server.flush_spans(SENDING_TIME).await;
    }
}
