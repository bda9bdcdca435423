//! The builder of a server.

mod hooks;
mod kept;
mod run;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    future::Future,
    sync::Arc,
};

use http::{Request, Response};
use mcp_lambda_core::{
    ServerParts,
    auth::ScopeTable,
    config::{Config, ProcessRole, SessionMode, StoreChoice},
    error::{ConfigError, Error},
    events::Publisher,
    handler::Handler,
    http::{Body, BoxError, Routes},
    keys::KeySource,
    results::ResultStore,
    store::Stores,
    tasks::{TaskQueue, TaskSupport},
    time::Clock,
};
use tower::{Layer, Service, util::BoxCloneSyncService};

use crate::{
    backends::{self, Backends, Sdk},
    hooks::Hooks,
    login,
    server::Server,
    start_text::StatePlace,
    traces::{self, Tracing},
};

/// The entry point: an MCP server around an rmcp [`ServerHandler`](rmcp::ServerHandler).
///
/// [`run`](Self::run) is the whole of `main`:
///
/// ```no_run
/// use mcp_lambda_server::{McpLambdaServer, rmcp};
///
/// #[derive(Clone)]
/// struct Empty;
/// impl rmcp::ServerHandler for Empty {}
///
/// fn main() -> Result<(), mcp_lambda_server::Error> {
///     McpLambdaServer::run(Empty)
/// }
/// ```
///
/// [`builder`](Self::builder) changes what the server is made of, and builds it for another host:
///
/// ```no_run
/// # use mcp_lambda_server::{McpLambdaServer, rmcp};
/// # #[derive(Clone)]
/// # struct Empty;
/// # impl rmcp::ServerHandler for Empty {}
/// #[tokio::main]
/// async fn main() -> Result<(), mcp_lambda_server::Error> {
///     let server = McpLambdaServer::builder(Empty).tool_scopes("publish_*", ["events:write"]).build().await?;
///     server.serve().await
/// }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct McpLambdaServer;

impl McpLambdaServer {
    /// Starts to build a server around a handler.
    pub fn builder<H: Handler>(handler: H) -> Builder<H> {
        Builder::new(handler)
    }

    /// Runs a server with the configuration of the environment until the process is asked to stop, on a tokio runtime
    /// of its own. With the arguments `schema --agentcore` the program prints its tools instead
    /// ([`Builder::schema_command`]).
    ///
    /// # Errors
    ///
    /// When the configuration cannot be used, no runtime can be started, the address cannot be bound, or the Lambda
    /// Runtime API fails.
    pub fn run<H: Handler>(handler: H) -> Result<(), Error> {
        Self::builder(handler).run()
    }
}

/// Builds a [`Server`]. Made by [`McpLambdaServer::builder`].
#[must_use = "a builder does nothing until it is built or run"]
pub struct Builder<H> {
    handler: H,
    // Boxed, as what is large here is moved from step to step, and each copy would be more of a stack that is paged in.
    config: Option<Box<Config>>,
    /// What [`Config::from_env`] has returned to the program.
    environment: Option<Result<Box<Config>, ConfigError>>,
    stores: Option<Stores>,
    clock: Clock,
    routes: Routes,
    receive_events: bool,
    sessions: Option<SessionMode>,
    publisher: Option<Arc<dyn Publisher>>,
    tool_scopes: ScopeTable,
    argument_checks: Option<bool>,
    dynamic_tools: Option<BTreeSet<String>>,
    task_tools: BTreeMap<String, TaskSupport>,
    task_queue: Option<Arc<dyn TaskQueue>>,
    state_keys: Option<KeySource>,
    result_store: Option<Arc<dyn ResultStore>>,
    sdk: Option<Sdk>,
    hooks: Hooks,
    tracing: Option<Tracing>,
    schema_command: bool,
    config_command: bool,
    migrate_command: bool,
    one_thread: bool,
}

impl<H: Handler> Builder<H> {
    fn new(handler: H) -> Self {
        Self {
            handler,
            config: None,
            environment: None,
            stores: None,
            clock: Clock::system(),
            routes: Routes::default(),
            receive_events: false,
            sessions: None,
            publisher: None,
            tool_scopes: ScopeTable::default(),
            argument_checks: None,
            dynamic_tools: None,
            task_tools: BTreeMap::new(),
            task_queue: None,
            state_keys: None,
            result_store: None,
            sdk: None,
            hooks: Hooks::default(),
            tracing: None,
            schema_command: true,
            config_command: true,
            migrate_command: true,
            one_thread: false,
        }
    }

    /// Sets the configuration. Default: the one of the environment, as [`Config::from_env`] reads it.
    pub fn config(mut self, config: Config) -> Self {
        self.config = Some(Box::new(config));
        self
    }

    /// Gives what [`Config::from_env`] has returned, for a program that has read it for its handler: it is not read again. An error is
    /// that of the build, so that the command `config` still prints all settings.
    ///
    /// ```no_run
    /// # use mcp_lambda_server::{Config, McpLambdaServer, rmcp::ServerHandler};
    /// # struct Server(String);
    /// # impl ServerHandler for Server {}
    /// let config = Config::from_env();
    /// let path = config.as_ref().map_or_else(|_| String::new(), |config| config.path.clone());
    /// McpLambdaServer::builder(Server(path)).config_from_env(config).run()?;
    /// # Ok::<(), mcp_lambda_server::Error>(())
    /// ```
    pub fn config_from_env(mut self, config: Result<Config, ConfigError>) -> Self {
        self.environment = Some(config.map(Box::new));
        self
    }

    /// Sets the stores. Default: those that the configuration names, else the memory of this process.
    pub fn stores(mut self, stores: Stores) -> Self {
        self.stores = Some(stores);
        self
    }

    /// Sets the AWS SDK configuration, with its HTTP client, credentials and endpoints. Default: one that is loaded
    /// from the environment with the first request that needs AWS. The tables are named by [`Config`] either way.
    #[cfg(feature = "aws")]
    pub fn sdk_config(mut self, config: mcp_lambda_aws::sdk::SdkConfig) -> Self {
        self.sdk = Some(Box::new(config));
        self
    }

    /// Sets the clock of everything that expires. Default: the system's clock. For tests.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Sets whether requests of the session era (2025-11-25 and earlier) need a session. The variable `MCP_SESSIONS`
    /// overrides it. Default: [`SessionMode::Optional`](crate::config::SessionMode::Optional).
    pub fn sessions(mut self, mode: SessionMode) -> Self {
        self.sessions = Some(mode);
        self
    }

    /// Lets tools be enabled and disabled while the server runs, through [`Tools`](crate::Tools). All tools are
    /// enabled at first, but those of [`initially_disabled`](Self::initially_disabled).
    pub fn dynamic_tools(mut self) -> Self {
        self.dynamic_tools.get_or_insert_default();
        self
    }

    /// Disables tools until [`Tools::activate`](crate::Tools::activate) enables them. Implies
    /// [`dynamic_tools`](Self::dynamic_tools).
    pub fn initially_disabled<T: Into<String>>(mut self, tools: impl IntoIterator<Item = T>) -> Self {
        self.dynamic_tools.get_or_insert_default().extend(tools.into_iter().map(Into::into));
        self
    }

    /// Runs calls of a tool as tasks, for clients of 2026-07-28 that declare the tasks extension. The tool is the same code:
    /// it finds its task with [`McpContext::task`](crate::McpContext::task).
    ///
    /// With a queue (`TASK_QUEUE_URL`) tasks run in workers, which take them from the queue. Without one they run in the process
    /// that took the call; on Lambda, whose environments are frozen between requests, calls of the tool then run inline. Default:
    /// none.
    pub fn task_tool(mut self, tool: &str, support: TaskSupport) -> Self {
        self.task_tools.insert(tool.to_owned(), support);
        self
    }

    /// Sets the queue from which workers take tasks. It needs stores that the workers share. Default: the SQS queue that the
    /// configuration names, if it names one.
    pub fn task_queue(mut self, queue: Arc<dyn TaskQueue>) -> Self {
        self.task_queue = Some(queue);
        self
    }

    /// Receives SNS and `EventBridge` events, and lists each source and type as a resource `event://<source>/<type>`
    /// that clients read and subscribe to. The variable `MCP_EVENTS` overrides it. Default: off.
    pub fn receive_events(mut self) -> Self {
        self.receive_events = true;
        self
    }

    /// Sets where [`Events::publish_to_topic`](crate::Events::publish_to_topic) publishes to besides the event log.
    /// Default: the SNS topic that the configuration names, if it names one.
    pub fn publisher(mut self, publisher: Arc<dyn Publisher>) -> Self {
        self.publisher = Some(publisher);
        self
    }

    /// Requires scopes of the callers of a tool, besides those of `MCP_TOOL_SCOPES`. The name may end in `*`.
    /// `tools/list` leaves out the tools that its caller may not call. Default: none.
    pub fn tool_scopes<S: Into<String>>(mut self, tool: &str, scopes: impl IntoIterator<Item = S>) -> Self {
        self.tool_scopes.add(tool, scopes);
        self
    }

    /// Sets whether arguments are checked against the input schema of their tool before the tool runs. Default: the
    /// variable `MCP_ARGUMENT_CHECKS`, else yes, if the program has the feature `argument-checks`.
    pub fn argument_checks(mut self, on: bool) -> Self {
        self.argument_checks = Some(on);
        self
    }

    /// Adds a route for another path: a health check, a well-known document. Routes are tried before the MCP endpoint
    /// and inside the layers. They are open to every caller: only the endpoint authenticates.
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

    /// Adds a tower layer around the endpoint and the routes. The layer added first sees a request first and its
    /// response last. CORS, compression and the limits of request heads are outside of all layers: preflight requests
    /// do not reach them.
    ///
    /// A layer that authenticates puts a [`Principal`](crate::Principal) into the request's extensions.
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

    /// Sets whether [`run`](Self::run) prints the tools of the server, in the format of a Lambda target of an `AgentCore` Gateway, and
    /// ends, when the program was started outside Lambda with exactly the two arguments `schema --agentcore`. Standard error names
    /// what the format cannot express. Any other arguments are the program's own, and nothing reads them here. Off for a program
    /// with a command `schema` of its own; the variable `MCP_ROLE=agentcore-schema` does the same. Default: on.
    pub fn schema_command(mut self, on: bool) -> Self {
        self.schema_command = on;
        self
    }

    /// Sets whether [`run`](Self::run) prints the settings of the server, each with its value and its source, and ends, when the
    /// program was started with exactly the argument `config`, or `config --json`. Secrets are hidden. Any other
    /// arguments are the program's own, and nothing reads them here. Off for a program with a command `config` of its own. Default: on.
    pub fn config_command(mut self, on: bool) -> Self {
        self.config_command = on;
        self
    }

    /// Sets whether [`run`](Self::run) makes the tables of the server in the database of `MCP_STORE`, or brings those of an earlier
    /// version to this one, and ends, when a program with the feature `postgres` was started with exactly the argument `migrate`. Off
    /// for a program with a command `migrate` of its own. Default: on.
    pub fn migrate_command(mut self, on: bool) -> Self {
        self.migrate_command = on;
        self
    }

    /// Lets [`run`](Self::run) do everything on one thread: for programs that mostly wait for other programs, where waking a second
    /// thread costs more than it saves. A tool that computes delays all other requests then. Default: one thread on Lambda, if
    /// an environment serves one request at a time, else one for each CPU.
    pub fn one_thread(mut self) -> Self {
        self.one_thread = true;
        self
    }

    /// Builds the server, with the stores, the topic and the queue that the configuration names.
    ///
    /// # Errors
    ///
    /// When the configuration cannot be used.
    pub async fn build(mut self) -> Result<Server, Error> {
        let config = self.configured()?;
        if config.role != ProcessRole::Login {
            self.handler.prepare().await?;
        }
        if self.tracing.is_none() {
            self.tracing = traces::of(&config, &self.handler, &self.clock, self.sdk.as_ref())?;
        }
        let names_none = config.events.topic_arn.is_none()
            && config.tasks.queue_url.is_none()
            && config.state_keys_secret.is_none()
            && config.large_results.bucket.is_none()
            && !login::reads_secrets(&config);
        let found = match self.stores {
            Some(_) if names_none => Backends::default(),
            _ => backends::open(&config, &self.clock, self.sdk.take()).await?,
        };
        let state = match (&self.stores, &found.stores) {
            (Some(_), _) => StatePlace::Program,
            (None, Some(_)) if matches!(config.store, StoreChoice::Sqlite(_)) => StatePlace::File,
            (None, Some(_)) if matches!(config.store, StoreChoice::Postgres(_)) => StatePlace::Database,
            (None, Some(_)) => StatePlace::Tables,
            (None, None) => StatePlace::Memory,
        };
        let chosen = Backends {
            stores: self.stores.take().or(found.stores),
            publisher: self.publisher.take().or(found.publisher),
            task_queue: self.task_queue.take().or(found.task_queue),
            state_keys: self.state_keys.take().or(found.state_keys),
            result_store: self.result_store.take().or(found.result_store),
            login: found.login,
        };
        let server = self.assemble(config, chosen, state)?;
        #[cfg(feature = "tool-definitions")]
        server.check_tool_definitions().await?;
        Ok(server)
    }

    /// Puts the parts together.
    #[inline(never)]
    fn assemble(
        self,
        mut config: Box<Config>,
        Backends { stores, publisher, task_queue, state_keys, result_store, login }: Backends,
        state: StatePlace,
    ) -> Result<Server, Error> {
        if stores.is_none() && task_queue.is_some() {
            let expected = "the name of a table, since TASK_QUEUE_URL is set: workers do not find tasks in the memory of another process";
            return Err(ConfigError::new("SESSION_TABLE_NAME", "", expected).into());
        }
        let is_worker = config.role == ProcessRole::Worker && config.runtime_api.is_none();
        if is_worker && task_queue.is_none() {
            let expected = "the URL of the queue whose tasks the process runs, since MCP_ROLE is worker";
            return Err(ConfigError::new("TASK_QUEUE_URL", "", expected).into());
        }
        if is_worker && self.task_tools.is_empty() {
            let expected = "server: the program names no tool with task_tool, so it has no tasks to run";
            return Err(ConfigError::new("MCP_ROLE", "worker", expected).into());
        }
        if self.receive_events {
            config.events.enabled.get_or_insert(true);
        }
        if let Some(mode) = self.sessions {
            config.sessions.mode.get_or_insert(mode);
        }
        if let Some(on) = self.argument_checks {
            config.argument_checks = on;
        }
        config.auth.tools.extend(self.tool_scopes);
        let stores = stores.unwrap_or_else(|| Stores::in_memory(&config, self.clock.clone()));
        let on_lambda = config.runtime_api.is_some();
        let upstream_tokens = login::upstream_tokens(&config, &stores, &login, &self.clock)?;
        let application = login::application(&config, &stores, login, &self.clock)?;
        let tracing = self.tracing;
        let parts = ServerParts {
            config,
            stores,
            tracer: tracing.as_ref().map(traces::tracer),
            clock: self.clock,
            publisher,
            dynamic_tools: self.dynamic_tools,
            // A frozen environment runs nothing by itself.
            task_tools: if on_lambda && task_queue.is_none() { BTreeMap::new() } else { self.task_tools },
            task_queue,
            state_keys,
            result_store,
            upstream_tokens,
            routes: self.routes,
            application,
        };
        Ok(Server::new(mcp_lambda_core::Server::new(self.handler, parts)?, self.hooks, tracing, state))
    }

    /// The configuration that was set, else the environment's.
    // Not inlined, like the other steps of a cold start: their stacks would add up, and each page is a page fault.
    #[inline(never)]
    fn configured(&mut self) -> Result<Box<Config>, ConfigError> {
        let environment = || self.environment.take().unwrap_or_else(|| Config::from_env().map(Box::new));
        self.config.take().map_or_else(environment, Ok)
    }
}

impl<H> fmt::Debug for Builder<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("config", &self.config).finish_non_exhaustive()
    }
}
