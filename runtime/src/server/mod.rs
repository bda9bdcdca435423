//! The builder: the one file that wires everything.

mod assembled;
mod backing;

use std::{collections::BTreeSet, future::Future, sync::Arc};

pub use assembled::{BoundServer, Server};
use backing::Backing;
use http::{Request, Response};
use rmcp::ServerHandler;
use tower::{Layer, Service, util::BoxCloneSyncService};

#[cfg(feature = "lambda")]
use crate::lambda::Start;
use crate::{
    auth::ScopeTable,
    clock::Clock,
    config::Config,
    dispatch::App,
    error::{ConfigError, Error},
    events::Publisher,
    http::{Body, BoxError, Routes, cors_layer, metadata, preflights, settled},
    store::Stores,
    telemetry,
};

/// An MCP server around an rmcp [`ServerHandler`].
///
/// ```no_run
/// use mcp_lambda_server::{McpLambdaServer, rmcp};
///
/// #[derive(Clone)]
/// struct Nothing;
/// impl rmcp::ServerHandler for Nothing {}
///
/// fn main() -> Result<(), mcp_lambda_server::Error> {
///     McpLambdaServer::new(Nothing).serve()
/// }
/// ```
pub struct McpLambdaServer<H> {
    handler: H,
    // Boxed, as what is large here is moved from step to step, and each copy would be more of a stack that is paged in.
    config: Option<Box<Config>>,
    stores: Option<Stores>,
    clock: Clock,
    routes: Routes,
    events: bool,
    publisher: Option<Arc<dyn Publisher>>,
    tools: ScopeTable,
    off_at_first: Option<BTreeSet<String>>,
    #[cfg(any(feature = "dynamodb", feature = "sns"))]
    sdk: Option<Box<aws_config::SdkConfig>>,
}

impl<H: ServerHandler> McpLambdaServer<H> {
    /// A server that reads its configuration from the environment when it starts.
    #[must_use]
    pub fn new(handler: H) -> Self {
        Self {
            handler,
            config: None,
            stores: None,
            clock: Clock::system(),
            routes: Routes::default(),
            events: false,
            publisher: None,
            tools: ScopeTable::default(),
            off_at_first: None,
            #[cfg(any(feature = "dynamodb", feature = "sns"))]
            sdk: None,
        }
    }

    /// Uses this configuration instead of the environment's.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.config = Some(Box::new(config));
        self
    }

    /// Uses these stores instead of the configured ones.
    #[must_use]
    pub fn stores(mut self, stores: Stores) -> Self {
        self.stores = Some(stores);
        self
    }

    /// Uses this SDK configuration for AWS, its HTTP client, credentials and endpoints included, instead of one made from
    /// the environment. The tables are named by the configuration as always.
    #[cfg(any(feature = "dynamodb", feature = "sns"))]
    #[must_use]
    pub fn with_sdk_config(mut self, config: aws_config::SdkConfig) -> Self {
        self.sdk = Some(Box::new(config));
        self
    }

    /// Lets tools be switched on and off while the server runs, through [`Tools`](crate::Tools). Those named here are off
    /// until somebody switches them on.
    #[must_use]
    pub fn dynamic_tools<T: Into<String>>(mut self, off_at_first: impl IntoIterator<Item = T>) -> Self {
        self.off_at_first = Some(off_at_first.into_iter().map(Into::into).collect());
        self
    }

    /// Uses this clock for everything that expires. For tests.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Takes events of SNS and `EventBridge` in, and shows each source and type as a resource `event://<source>/<type>`
    /// that can be listed, read and subscribed to. `MCP_EVENTS` says otherwise.
    #[must_use]
    pub fn events(mut self) -> Self {
        self.events = true;
        self
    }

    /// Publishes announcements here instead of the topic that is configured.
    #[must_use]
    pub fn publisher(mut self, publisher: Arc<dyn Publisher>) -> Self {
        self.publisher = Some(publisher);
        self
    }

    /// Says which scopes a caller must have for a tool, besides what `MCP_TOOL_SCOPES` says. The name may end in `*`; whoever
    /// may not call a tool does not see it in `tools/list` either.
    #[must_use]
    pub fn tool_scopes<S: Into<String>>(mut self, tool: &str, scopes: impl IntoIterator<Item = S>) -> Self {
        self.tools.add(tool, scopes);
        self
    }

    /// Answers another path: a health check, a well-known document. Routes are asked before the endpoint and behind
    /// the layers. They are open to everybody: only the endpoint asks who calls.
    #[must_use]
    pub fn route<F, Fut, B>(mut self, path: &str, handler: F) -> Self
    where
        F: Fn(Request<Body>) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Response<B>> + Send + 'static,
        B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        self.routes.add(path, handler);
        self
    }

    /// Wraps everything in a tower layer. The layer added first sees a request first and its response last.
    ///
    /// A layer that authenticates puts a [`Principal`](crate::Principal) into the request's extensions.
    #[must_use]
    pub fn layer<L, B>(mut self, layer: L) -> Self
    where
        L: Layer<BoxCloneSyncService<Request<Body>, Response<Body>, BoxError>> + Send + 'static,
        L::Service: Service<Request<Body>, Response = Response<B>> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request<Body>>>::Future: Send + 'static,
        <L::Service as Service<Request<Body>>>::Error: Into<BoxError> + Send + 'static,
        B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        self.routes.wrap(layer);
        self
    }

    /// Puts the server together, for callers with a front of their own and for tests.
    ///
    /// # Errors
    ///
    /// When the configuration cannot be used.
    #[inline(never)]
    pub fn build(mut self) -> Result<Server, Error> {
        let mut config = self.configured()?;
        if self.events {
            config.events.enabled.get_or_insert(true);
        }
        config.auth.tools.extend(self.tools);
        let mut routes = Routes::default();
        routes.around(preflights(config.cors.clone()));
        routes.wrap(cors_layer(&config.cors));
        #[cfg(feature = "compression")]
        if config.compression {
            routes.wrap(crate::http::compression_layer());
        }
        routes.around(settled(config.requests));
        let stores = match (self.stores, &config.tables) {
            (Some(stores), _) => stores,
            (None, None) => Stores::memory(self.clock.clone()),
            // State that was meant for a table must not end up in memory without a word.
            (None, Some(tables)) => {
                return Err(Error::Config(ConfigError {
                    variable: "SESSION_TABLE_NAME",
                    found: tables.state.clone(),
                    expected:
                        "stores given with `stores(...)`, since `build` opens none; `assemble` and `run` do"
                            .into(),
                }));
            }
        };
        let app = App::new(self.handler, config, stores, self.clock, self.publisher, self.off_at_first)?;
        metadata_routes(&mut routes, &app);
        routes.extend(self.routes);
        Ok(Server { service: routes.build(Arc::clone(&app)), app })
    }

    /// Puts the server together with the stores that the configuration names.
    ///
    /// # Errors
    ///
    /// When the configuration cannot be used.
    pub async fn assemble(mut self) -> Result<Server, Error> {
        let config = self.configured()?;
        let backing = Backing::new(
            &config,
            #[cfg(any(feature = "dynamodb", feature = "sns"))]
            self.sdk.take(),
        );
        if self.stores.is_none() {
            self.stores = backing.stores(&config, &self.clock)?;
        }
        if self.publisher.is_none() {
            self.publisher = backing.publisher(&config)?;
        }
        if config.eager_init {
            backing.prepare().await?;
        }
        self.config = Some(config);
        self.build()
    }

    /// Runs the server until the process is asked to stop, on the caller's tokio runtime.
    ///
    /// # Errors
    ///
    /// When the configuration cannot be used or the address cannot be bound.
    pub async fn run(mut self) -> Result<(), Error> {
        let config = self.configured()?;
        let start = match &config.runtime_api {
            Some(address) => Some(Start::begin(address, config.max_concurrency).await?),
            None => None,
        };
        telemetry::init_logs(&config);
        let listen = config.listen;
        // Whoever sends an event takes our answer for a promise to keep it.
        let in_memory = self.stores.is_none() && config.tables.is_none();
        if config.events.enabled.unwrap_or(self.events) && start.is_some() && in_memory {
            tracing::warn!(
                "events are kept in this environment's memory alone and reach no other: set EVENT_TABLE_NAME"
            );
        }
        self.config = Some(config);
        let server = self.assemble().await?;
        // Both are boxed: what runs for hours is large, and would be copied from frame to frame until it runs.
        if let Some(start) = start {
            return Box::pin(start.serve(server.app, server.service)).await;
        }
        Box::pin(server.listen(listen).await?.run()).await;
        Ok(())
    }

    /// Runs the server until the process is asked to stop, on a tokio runtime of its own: the whole of `main`.
    ///
    /// # Errors
    ///
    /// As [`McpLambdaServer::run`], and when no runtime can be built.
    pub fn serve(mut self) -> Result<(), Error> {
        let config = self.configured()?;
        let runtime = runtime(&config).map_err(Error::Runtime)?;
        self.config = Some(config);
        runtime.block_on(self.run())
    }

    /// The configuration that was given, or else the environment's.
    // Not inlined, like the other steps of a cold start: their stacks would add up, and each page is a page fault.
    #[inline(never)]
    fn configured(&mut self) -> Result<Box<Config>, ConfigError> {
        self.config.take().map_or_else(|| Config::from_env().map(Box::new), Ok)
    }
}

#[inline(never)]
fn runtime(config: &Config) -> std::io::Result<tokio::runtime::Runtime> {
    // One request at a time leaves nothing for a second thread to do but to be woken.
    let mut builder = if config.runtime_api.is_some() && config.max_concurrency <= 1 {
        tokio::runtime::Builder::new_current_thread()
    } else {
        tokio::runtime::Builder::new_multi_thread()
    };
    builder.enable_all().build()
}

/// Where clients learn whose tokens are taken: without one, or they never could.
fn metadata_routes(routes: &mut Routes, app: &Arc<App>) {
    for path in app.resource.paths() {
        let app = Arc::clone(app);
        routes.add(&path, move |request| {
            let document = metadata(&app.resource, &request);
            async move { document }
        });
    }
}

/// Stands for the one of the `lambda` feature.
#[cfg(not(feature = "lambda"))]
struct Start(std::convert::Infallible);

#[cfg(not(feature = "lambda"))]
impl Start {
    async fn begin(_: &str, _: usize) -> Result<Self, Error> {
        Err(Error::Lambda("this binary was built without the `lambda` feature".into()))
    }

    async fn serve(self, _: Arc<App>, _: crate::http::McpService) -> Result<(), Error> {
        match self.0 {}
    }
}
