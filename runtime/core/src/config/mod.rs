//! Configuration: the only reader of the environment.
//!
//! Every variable is one row of [`VARIABLES`], and the construct that deploys this server checks the same names. An invalid
//! value stops the process at start, with the name of the variable and the values that it takes.

mod auth;
mod env;
#[cfg(feature = "config-files")]
mod files;
mod from_file;
#[doc(hidden)]
pub mod listing;
mod log;
#[cfg(feature = "login")]
mod login;
#[cfg(feature = "login")]
mod login_values;
#[cfg(feature = "otel")]
mod otel;
mod postgres_url;
mod read;
mod settings;
mod sources;
#[cfg(feature = "tool-definitions")]
mod tool_definitions;
mod tool_resources;
#[cfg(feature = "login")]
mod upstream_tokens;
mod variables;

use std::{ffi::OsString, net::SocketAddr, path::PathBuf, time::Duration};

pub(crate) use env::{Env, invalid_value};
use log::LogLevel;
pub use log::{InvalidLogFilter, LogFilter, LogFormat};
#[cfg(feature = "login")]
pub use login::{LocalUser, LoginClient, LoginConfig, LoginUpstream};
#[cfg(feature = "login")]
pub use login_values::{LoginKey, Secret};
#[cfg(feature = "otel")]
pub use otel::{FunctionConfig, OtelConfig, OtlpEndpoint, Sampler};
pub use postgres_url::{InvalidPostgresUrl, PostgresUrl};
pub use settings::{
    AllowList, ConnectionConfig, CorsConfig, EventConfig, LargeResultConfig, ProcessRole, RequestLimits,
    ResponseMode, SessionConfig, SessionMode, StdioConfig, StoreChoice, StreamConfig, Tables, TaskConfig,
    TlsRoots, ToolResourceConfig,
};
pub use sources::{Settings, Source};
#[cfg(feature = "tool-definitions")]
pub(crate) use tool_definitions::{Meant, RateLimit, ToolDefinition, ToolDefinitions};
#[cfg(feature = "login")]
pub use upstream_tokens::UpstreamTokenConfig;
pub(crate) use variables::*;
pub use variables::{VARIABLES, Variable};

use crate::{auth::AuthConfig, error::ConfigError, keys::NamedKey, protocol::Limits};

/// The configuration of a server. [`Config::from_env`] reads it from environment variables, and [`VARIABLES`] lists them
/// with their defaults.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// What the process does. Default: [`ProcessRole::Server`].
    pub role: ProcessRole,
    /// The local address that the server listens on. Default: `127.0.0.1:9000`.
    pub listen: SocketAddr,
    /// The path of the endpoint. Default: `/mcp`.
    pub path: String,
    /// Whether the gateway passes responses on while they are written. Default: [`ResponseMode::Auto`].
    pub response_mode: ResponseMode,
    /// Streams that wait for events.
    pub streams: StreamConfig,
    /// The timeout of a request on the local address. On Lambda, the timeout of the function counts. Default: 15 minutes.
    pub request_timeout: Duration,
    /// The connections of the local address.
    pub connections: ConnectionConfig,
    /// The interval at which the enabled dynamic tools are read again. Zero: for every request. Default: 10 s.
    pub tool_check_interval: Duration,
    /// The file with definitions of tools, if the program has the feature `tool-definitions`. Default: none.
    pub tool_definitions: Option<PathBuf>,
    /// Sessions of clients of 2025-11-25 and earlier.
    pub sessions: SessionConfig,
    /// How many bytes sessions, state, messages of clients, stored replies, tasks and events may each take where they are kept in memory.
    /// Default: 64 MiB.
    pub memory: usize,
    /// The time after which an idle session expires. Default: 24 hours.
    pub session_ttl: Duration,
    /// The keys of `requestState`: the first signs, all verify. Default: none, which makes a random key at start.
    pub state_keys: Vec<NamedKey>,
    /// The ARN of the secret of Secrets Manager that has the keys of `requestState` instead, and is read while the server runs.
    /// Default: none.
    pub state_keys_secret: Option<String>,
    /// How long a `requestState` is accepted. Default: 10 minutes.
    pub state_ttl: Duration,
    /// The size of a request body, in bytes. Default: 6 MiB.
    pub max_body: usize,
    /// The size of a response, in bytes. Default: 200 MiB.
    pub max_response: usize,
    /// Results of tools that are too large for a response.
    pub large_results: LargeResultConfig,
    /// Limits of the JSON in a request body.
    pub limits: Limits,
    /// Limits of HTTP requests.
    pub requests: RequestLimits,
    /// Where everything is kept that outlives a request. Default: [`StoreChoice::Auto`].
    pub store: StoreChoice,
    /// The size of a file with SQLite, in bytes. Default: 1 GiB.
    pub store_bytes: usize,
    /// The number of connections of this process to `PostgreSQL`. Default: 10; on Lambda one more than the requests that an
    /// environment serves at a time, up to 10.
    pub store_connections: usize,
    /// The folder for files with state. Default: none, which is `.local/state` in the home directory.
    pub state_home: Option<PathBuf>,
    /// The DynamoDB tables, unless another store was chosen. Default: none.
    pub tables: Option<Tables>,
    /// The event log, and how events reach it.
    pub events: EventConfig,
    /// Tasks.
    pub tasks: TaskConfig,
    /// The resources of AWS that tools of the program may use.
    pub tool_resources: ToolResourceConfig,
    /// What the program `mcp-lambda-stdio` runs.
    pub stdio: StdioConfig,
    /// The root certificates for connections to AWS. Default: Amazon's.
    pub tls_roots: TlsRoots,
    /// Whether GET / returns a page for people, if the program has the feature `start-page`. `None`: to browsers of the same
    /// machine that name the loopback, and not on Lambda. `Some(true)`: to every caller. Default: `None`.
    pub start_page: Option<bool>,
    /// The names that the `Host` header may have. Default: loopback names.
    pub hosts: AllowList,
    /// Rules of cross-origin resource sharing.
    pub cors: CorsConfig,
    /// Authentication and scopes.
    pub auth: AuthConfig,
    /// The authorization server that the process is. Default: none.
    #[cfg(feature = "login")]
    pub login: Option<Box<LoginConfig>>,
    /// The tokens of callers at the upstream provider, for tools of an MCP server that act as their caller. Default: none.
    #[cfg(feature = "login")]
    pub upstream_tokens: Option<Box<UpstreamTokenConfig>>,
    /// Whether arguments are checked against the input schema of their tool, if the program has the feature
    /// `argument-checks`. Default: yes.
    pub argument_checks: bool,
    /// Whether JSON responses are compressed, if the program has the feature `compression`. Default: yes.
    pub compression: bool,
    /// Host and port of the Lambda Runtime API, if this process is an execution environment of Lambda.
    pub runtime_api: Option<String>,
    /// The number of requests that an environment serves at a time, on Lambda. Default: 1.
    pub max_concurrency: usize,
    /// Whether AWS clients are created at start, because the environment starts before requests arrive. Default: no.
    pub eager_init: bool,
    /// Whether Lambda stores the environment when it has started, and restores copies of it (`SnapStart`). Default: no.
    pub snap_start: bool,
    /// The loopback address of the page for Prometheus, if the program has the feature `metrics`. Default: none.
    pub metrics_address: Option<SocketAddr>,
    /// The level of lines of metrics: what Lambda lets through.
    #[cfg(feature = "metrics")]
    pub(crate) metrics_level: &'static str,
    /// What is sent to OpenTelemetry, and where. Default: nothing.
    #[cfg(feature = "otel")]
    pub otel: OtelConfig,
    /// The name of the Lambda function. Default: none.
    pub function_name: Option<String>,
    /// Which log lines are written. Default: `info,rmcp=warn`.
    pub log_filter: LogFilter,
    /// The most characters of the arguments of a call, and of its response, that are logged. They may hold secrets. Default: 0,
    /// which logs none.
    pub log_payloads: usize,
    /// The format of the log. Default: text, and JSON on Lambda.
    pub log_format: LogFormat,
}

impl Default for Config {
    /// The configuration if no variable is set.
    fn default() -> Self {
        Self {
            role: ProcessRole::Server,
            listen: SocketAddr::from(([127, 0, 0, 1], 9000)),
            path: "/mcp".into(),
            response_mode: ResponseMode::Auto,
            streams: StreamConfig {
                enabled: true,
                lifetime: None,
                per_principal: 16,
                per_process: 1000,
                keep_alive: Duration::from_secs(12),
                retry: Duration::from_secs(1),
            },
            request_timeout: Duration::from_secs(900),
            connections: ConnectionConfig {
                limit: 2048,
                idle: Duration::from_secs(120),
                write_time: Duration::from_secs(30),
                stop_time: Duration::from_secs(8),
                trusted_proxies: Vec::new(),
            },
            tool_check_interval: Duration::from_secs(10),
            tool_definitions: None,
            sessions: SessionConfig { mode: None, per_principal: 1000, subscriptions: 200 },
            memory: 64 * 1024 * 1024,
            session_ttl: Duration::from_secs(24 * 60 * 60),
            state_keys: Vec::new(),
            state_keys_secret: None,
            state_ttl: Duration::from_secs(600),
            max_body: 6 * 1024 * 1024,
            max_response: 200 * 1024 * 1024,
            large_results: LargeResultConfig {
                bucket: None,
                prefix: "mcp-results/".into(),
                max_bytes: 768 * 1024,
                link_lifetime: Duration::from_secs(3600),
            },
            limits: Limits::default(),
            requests: RequestLimits {
                headers: 100,
                header_bytes: 65_536,
                body_time: Duration::from_secs(30),
                per_principal: 128,
                per_process: 4096,
                body_bytes_per_principal: 16 * 1024 * 1024,
                body_bytes_per_process: 64 * 1024 * 1024,
            },
            store: StoreChoice::Auto,
            store_bytes: 1024 * 1024 * 1024,
            store_connections: 10,
            state_home: None,
            tables: None,
            events: EventConfig {
                enabled: None,
                ttl: Duration::from_secs(60 * 60),
                replicas: 1,
                topic_arn: None,
            },
            tasks: TaskConfig {
                queue_url: None,
                ttl: Duration::from_secs(60 * 60),
                per_principal: 32,
                per_process: 16,
                lease: Duration::from_secs(60),
                attempts: 5,
            },
            tool_resources: ToolResourceConfig::default(),
            stdio: StdioConfig::default(),
            tls_roots: TlsRoots::Amazon,
            start_page: None,
            hosts: AllowList::Loopback,
            cors: CorsConfig {
                origins: AllowList::Loopback,
                credentials: false,
                max_age: Duration::from_secs(86_400),
            },
            auth: AuthConfig::default(),
            #[cfg(feature = "login")]
            login: None,
            #[cfg(feature = "login")]
            upstream_tokens: None,
            argument_checks: true,
            compression: true,
            runtime_api: None,
            max_concurrency: 1,
            eager_init: false,
            snap_start: false,
            metrics_address: None,
            #[cfg(feature = "metrics")]
            metrics_level: "INFO",
            #[cfg(feature = "otel")]
            otel: OtelConfig::default(),
            function_name: None,
            log_filter: LogFilter::default(),
            log_payloads: 0,
            log_format: LogFormat::Text,
        }
    }
}

/// The variables of the process whose names are kept, for a process that it starts.
#[doc(hidden)]
#[expect(clippy::disallowed_methods, reason = "the configuration is the reader of the environment")]
pub fn process_environment(keep: impl Fn(&str) -> bool) -> Vec<(OsString, OsString)> {
    std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(&keep)).collect()
}
