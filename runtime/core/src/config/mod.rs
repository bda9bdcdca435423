//! Configuration: the only reader of the environment.
//!
//! Every variable is one row of [`VARIABLES`], and the construct that deploys this server checks the same names. An invalid
//! value stops the process at start, with the name of the variable and the values that it takes.

mod auth;
mod env;
mod log;
mod variables;

use std::{fmt, net::SocketAddr, time::Duration};

pub(crate) use env::{Env, invalid_value};
pub use log::{InvalidLogFilter, LogFilter, LogFormat};
pub(crate) use variables::*;
pub use variables::{VARIABLES, Variable};

use crate::{auth::AuthConfig, error::ConfigError, protocol::Limits};

/// Whether a gateway passes a response on while it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResponseMode {
    /// A Function URL streams, every other gateway buffers. Nothing in an event tells how its Function URL is configured.
    #[default]
    Auto,
    /// A Function URL or a REST API passes each chunk on as soon as it is written. Other gateways buffer all the same.
    Stream,
    /// The gateway waits for the complete body.
    Buffered,
}

/// Limits of streams that wait for events: GET streams and listen streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamConfig {
    /// Whether the server offers these streams. Default: yes.
    pub enabled: bool,
    /// The longest lifetime of a stream. Default: that of the ingress, 300 s locally and 60 s on Lambda.
    pub lifetime: Option<Duration>,
    /// The number of streams that one principal may have open. Default: 16.
    pub per_principal: usize,
    /// The number of streams that one process may have open. Default: 1000.
    pub per_process: usize,
    /// The interval of keep-alive comments. Default: 12 s.
    pub keep_alive: Duration,
    /// The delay before a session-era client reconnects: the `retry` field of its streams. Default: 1 s.
    pub retry: Duration,
}

/// The event log, and how events reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventConfig {
    /// Whether inbound events are accepted, and events are served as resources. Default, `None`: the setting of the
    /// program.
    pub enabled: Option<bool>,
    /// How long an event stays in the log, for clients that reconnect. Default: 60 minutes.
    pub ttl: Duration,
    /// The number of copies of the log, among which readers are distributed. Default: 1.
    pub replicas: usize,
    /// The ARN of the SNS topic to which events are published. Default: none.
    pub topic_arn: Option<String>,
}

/// The hosts or origins that are accepted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AllowList {
    /// `localhost`, `127.0.0.1` and `[::1]`, on any port.
    #[default]
    Loopback,
    /// All.
    Any,
    /// The ones in this list.
    List(Vec<String>),
}

/// Rules of cross-origin resource sharing, for browsers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CorsConfig {
    /// The origins of web pages that may call. Default: loopback origins.
    pub origins: AllowList,
    /// Whether browsers may send credentials. Default: no.
    pub credentials: bool,
    /// How long a browser caches the response to a preflight. Default: 24 hours.
    pub max_age: Duration,
}

/// A key that signs `requestState`. The content stays readable for the client.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StateKey {
    /// The name of the key, which is part of each `requestState`.
    pub id: String,
    /// The secret, of 32 bytes or more.
    pub secret: Vec<u8>,
}

impl StateKey {
    /// A key with this name and secret. Building a server fails if the secret has fewer than 32 bytes.
    pub fn new(id: impl Into<String>, secret: impl Into<Vec<u8>>) -> Self {
        Self { id: id.into(), secret: secret.into() }
    }
}

impl fmt::Debug for StateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StateKey({}, ...)", self.id)
    }
}

/// Limits of HTTP requests, checked before a request is authenticated or parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestLimits {
    /// The number of headers. Default: 200.
    pub headers: usize,
    /// The size of the request line and all headers together, in bytes. Default: 65,536.
    pub header_bytes: usize,
    /// The timeout for receiving the body. Default: 30 s.
    pub body_time: Duration,
    /// The number of requests that one principal may have open in one process. Default: 128.
    pub per_principal: usize,
}

/// The names of the DynamoDB tables.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tables {
    /// The table of sessions, state and inboxes.
    pub state: String,
    /// The table of the event log and of stored replies.
    pub events: String,
}

impl Tables {
    /// Tables with these names.
    pub fn new(state: impl Into<String>, events: impl Into<String>) -> Self {
        Self { state: state.into(), events: events.into() }
    }
}

/// The root certificates for connections to AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TlsRoots {
    /// Amazon's certificates, which are compiled into the program.
    #[default]
    Amazon,
    /// Amazon's certificates and those of the operating system: for endpoints behind a proxy, and for partitions that have
    /// certificates of their own.
    Native,
}

/// The configuration of a server. [`Config::from_env`] reads it from environment variables, and [`VARIABLES`] lists them
/// with their defaults.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
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
    /// The interval at which the enabled dynamic tools are read again. Zero: for every request. Default: 10 s.
    pub tool_check_interval: Duration,
    /// The time after which an idle session expires. Default: 24 hours.
    pub session_ttl: Duration,
    /// The keys of `requestState`: the first signs, all verify. Default: none, which makes a random key at start.
    pub state_keys: Vec<StateKey>,
    /// How long a `requestState` is accepted. Default: 10 minutes.
    pub state_ttl: Duration,
    /// The size of a request body, in bytes. Default: 6 MiB.
    pub max_body: usize,
    /// The size of a response, in bytes. Default: 200 MiB.
    pub max_response: usize,
    /// Limits of the JSON in a request body.
    pub limits: Limits,
    /// Limits of HTTP requests.
    pub requests: RequestLimits,
    /// The DynamoDB tables. Default: none, and all state is in memory.
    pub tables: Option<Tables>,
    /// The event log, and how events reach it.
    pub events: EventConfig,
    /// The root certificates for connections to AWS. Default: Amazon's.
    pub tls_roots: TlsRoots,
    /// The names that the `Host` header may have. Default: loopback names.
    pub hosts: AllowList,
    /// Rules of cross-origin resource sharing.
    pub cors: CorsConfig,
    /// Authentication and scopes.
    pub auth: AuthConfig,
    /// Whether JSON responses are compressed, if the program has the feature `compression`. Default: yes.
    pub compression: bool,
    /// Host and port of the Lambda Runtime API, if this process is an execution environment of Lambda.
    pub runtime_api: Option<String>,
    /// The number of requests that an environment serves at a time, on Lambda. Default: 1.
    pub max_concurrency: usize,
    /// Whether AWS clients are created at start, because the environment starts before requests arrive. Default: no.
    pub eager_init: bool,
    /// Which log lines are written. Default: `info,rmcp=warn`.
    pub log_filter: LogFilter,
    /// The format of the log. Default: text, and JSON on Lambda.
    pub log_format: LogFormat,
}

impl Default for Config {
    /// The configuration if no variable is set.
    fn default() -> Self {
        Self {
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
            tool_check_interval: Duration::from_secs(10),
            session_ttl: Duration::from_secs(24 * 60 * 60),
            state_keys: Vec::new(),
            state_ttl: Duration::from_secs(600),
            max_body: 6 * 1024 * 1024,
            max_response: 200 * 1024 * 1024,
            limits: Limits::default(),
            requests: RequestLimits {
                headers: 200,
                header_bytes: 65_536,
                body_time: Duration::from_secs(30),
                per_principal: 128,
            },
            tables: None,
            events: EventConfig {
                enabled: None,
                ttl: Duration::from_secs(60 * 60),
                replicas: 1,
                topic_arn: None,
            },
            tls_roots: TlsRoots::Amazon,
            hosts: AllowList::Loopback,
            cors: CorsConfig {
                origins: AllowList::Loopback,
                credentials: false,
                max_age: Duration::from_secs(86_400),
            },
            auth: AuthConfig::default(),
            compression: true,
            runtime_api: None,
            max_concurrency: 1,
            eager_init: false,
            log_filter: LogFilter::default(),
            log_format: LogFormat::Text,
        }
    }
}

impl Config {
    /// Reads the configuration from the environment of the process.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if a variable has an invalid value, or is missing beside another one.
    #[expect(clippy::disallowed_methods, reason = "the one reader of the environment")]
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// Reads the configuration with a function that returns the value of a variable.
    ///
    /// # Errors
    ///
    /// As [`Config::from_env`].
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let env = Env(&lookup);
        let default = Self::default();
        let cors = CorsConfig {
            origins: env.list(&CORS_ORIGINS, "*, or origins such as https://app.example.com", is_origin)?,
            credentials: env.switch(&CORS_CREDENTIALS, default.cors.credentials)?,
            max_age: env.seconds(&CORS_MAX_AGE, default.cors.max_age, 0)?,
        };
        if cors.credentials && cors.origins == AllowList::Any {
            return Err(invalid_value(
                &CORS_CREDENTIALS,
                "true",
                "false, or a list of origins in MCP_CORS_ORIGINS: browsers refuse * with credentials",
            ));
        }
        Ok(Self {
            listen: env.parse(&LISTEN, default.listen, "an address such as 127.0.0.1:9000")?,
            path: env.path(&PATH, default.path)?,
            response_mode: env.response_mode()?,
            streams: StreamConfig {
                enabled: env.switch(&STREAMS, default.streams.enabled)?,
                lifetime: env.optional(&STREAM_SECONDS, 1)?.map(Duration::from_secs),
                per_principal: env.count(&STREAMS_PER_PRINCIPAL, default.streams.per_principal)?,
                per_process: env.count(&STREAMS_PER_PROCESS, default.streams.per_process)?,
                keep_alive: env.seconds(&KEEP_ALIVE_SECONDS, default.streams.keep_alive, 1)?,
                retry: env.optional(&RETRY_MS, 1)?.map_or(default.streams.retry, Duration::from_millis),
            },
            request_timeout: env.seconds(&REQUEST_SECONDS, default.request_timeout, 1)?,
            tool_check_interval: env.seconds(&TOOL_CHECK, default.tool_check_interval, 0)?,
            session_ttl: env
                .optional(&SESSION_TTL_MINUTES, 1)?
                .map_or(default.session_ttl, |minutes| Duration::from_secs(minutes * 60)),
            state_keys: env.state_keys()?,
            state_ttl: env.seconds(&STATE_TTL_SECONDS, default.state_ttl, 1)?,
            max_body: env.count(&MAX_BODY_BYTES, default.max_body)?,
            max_response: env.optional(&MAX_RESPONSE_SIZE_MB, 1)?.map_or(default.max_response, |mb| {
                usize::try_from(mb).unwrap_or(usize::MAX).saturating_mul(1024 * 1024)
            }),
            limits: Limits {
                depth: env.count(&MAX_JSON_DEPTH, default.limits.depth)?,
                batch: env.count(&MAX_BATCH, default.limits.batch)?,
            },
            requests: RequestLimits {
                headers: env.count(&MAX_HEADERS, default.requests.headers)?,
                header_bytes: env.count(&MAX_HEADER_BYTES, default.requests.header_bytes)?,
                body_time: env.seconds(&BODY_SECONDS, default.requests.body_time, 1)?,
                per_principal: env.count(&REQUESTS_PER_PRINCIPAL, default.requests.per_principal)?,
            },
            tables: env.tables()?,
            events: EventConfig {
                enabled: env.get(&EVENTS).map(|_| env.switch(&EVENTS, false)).transpose()?,
                ttl: env
                    .optional(&EVENT_TTL_MINUTES, 1)?
                    .map_or(default.events.ttl, |minutes| Duration::from_secs(minutes * 60)),
                replicas: env.count(&EVENT_REPLICAS, default.events.replicas)?,
                topic_arn: env.topic_arn()?,
            },
            tls_roots: env.tls_roots()?,
            hosts: env.list(&ALLOWED_HOSTS, "*, or host names such as mcp.example.com", is_host)?,
            cors,
            auth: auth::read(&env)?,
            compression: env.switch(&COMPRESSION, default.compression)?,
            runtime_api: env.get(&RUNTIME_API),
            max_concurrency: env.count(&MAX_CONCURRENCY, default.max_concurrency)?,
            eager_init: env.get(&INITIALIZATION_TYPE).is_some_and(|kind| kind != "on-demand"),
            log_filter: env.log_filter()?,
            log_format: env.log_format()?,
        })
    }
}

/// Whether a text is an origin as browsers send it: scheme and host, without a path.
fn is_origin(text: &str) -> bool {
    text == "null"
        || text.split_once("://").is_some_and(|(scheme, host)| {
            !scheme.is_empty() && !host.is_empty() && !host.contains(['/', '*', '?', '#', '@'])
        })
}

fn is_host(text: &str) -> bool {
    !text.contains(['/', '*', '?', '#', '@', ' '])
}
