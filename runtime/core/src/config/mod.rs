//! Configuration: the only reader of the environment.
//!
//! Every variable is one row of [`VARIABLES`]; the construct that deploys this server asserts the same names. A value
//! that cannot be used stops the process at start, with the variable's name and what was expected.

mod auth;
mod env;
mod variables;

use std::{net::SocketAddr, time::Duration};

pub(crate) use env::{Env, wrong};
pub(crate) use variables::*;
pub use variables::{VARIABLES, Variable};

use crate::{auth::AuthConfig, error::ConfigError, protocol::Limits};

/// Whether the front passes a response on while it is being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResponseMode {
    /// The front decides, where its events tell for certain.
    #[default]
    Auto,
    /// Bytes flow as they are written.
    Stream,
    /// The front wants the whole body at once.
    Buffered,
}

/// Bounds of streams that wait for events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamConfig {
    /// Whether there are any.
    pub enabled: bool,
    /// Their longest life. `None` takes the front's default.
    pub life: Option<Duration>,
    /// How many one caller may hold.
    pub per_principal: usize,
    /// How many one process may hold.
    pub per_process: usize,
    /// Between keep-alive comments.
    pub keep_alive: Duration,
    /// What `retry` tells session-era clients.
    pub retry: Duration,
}

/// Events that concern everybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventConfig {
    /// Whether those of other systems are taken in, and all of them are resources. `None`: as the program says.
    pub enabled: Option<bool>,
    /// How long one stays in the log: long enough for a client to come back for it.
    pub life: Duration,
    /// Copies of the log that readers spread over.
    pub replicas: usize,
    /// The SNS topic that announcements go to.
    pub topic_arn: Option<String>,
}

/// Which names this server answers to and which origins may call it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AllowList {
    /// `localhost`, `127.0.0.1` and `[::1]`, on any port.
    #[default]
    Loopback,
    /// Everybody.
    Any,
    /// These.
    List(Vec<String>),
}

/// Cross-origin rules for browsers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorsConfig {
    /// Who may call.
    pub origins: AllowList,
    /// Whether with credentials.
    pub credentials: bool,
    /// How long a preflight answer holds.
    pub max_age: Duration,
}

/// A key that seals `requestState`.
#[derive(Clone, PartialEq, Eq)]
pub struct StateKey {
    /// Its name, which travels with what it seals.
    pub id: String,
    /// Its bytes, 32 at least.
    pub secret: Vec<u8>,
}

impl std::fmt::Debug for StateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StateKey({}, ...)", self.id)
    }
}

/// How much a request may be, before anything is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestLimits {
    /// Headers.
    pub headers: usize,
    /// Bytes of its line and headers.
    pub header_bytes: usize,
    /// How long its body may take.
    pub body_time: Duration,
    /// How many one caller may have open at a time.
    pub per_principal: usize,
}

/// Names of the DynamoDB tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    /// Sessions, state, letters.
    pub state: String,
    /// Events and replies.
    pub events: String,
}

/// Which roots of trust the connections to AWS have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TlsRoots {
    /// Amazon's own, which come with this crate.
    #[default]
    Amazon,
    /// Those and the system's: for endpoints behind a proxy, and for partitions with certificates of their own.
    Native,
}

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// Everything that can be set from outside.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// Where the local front listens.
    pub listen: SocketAddr,
    /// Path of the endpoint.
    pub path: String,
    /// How the front passes responses on.
    pub response_mode: ResponseMode,
    /// Streams that wait for events.
    pub streams: StreamConfig,
    /// Longest run of one request on the local front.
    pub request_timeout: Duration,
    /// How long an environment may not know of a change of dynamic tools.
    pub tool_check: Duration,
    /// Idle life of a session.
    pub session_ttl: Duration,
    /// Keys for `requestState`. Empty: one is made at start.
    pub state_keys: Vec<StateKey>,
    /// How long a sealed `requestState` holds.
    pub state_ttl: Duration,
    /// Largest request body.
    pub max_body: usize,
    /// Largest answer.
    pub max_response: usize,
    /// What the parser takes.
    pub limits: Limits,
    /// What HTTP takes.
    pub requests: RequestLimits,
    /// The DynamoDB tables, if state lives there.
    pub tables: Option<Tables>,
    /// Events.
    pub events: EventConfig,
    /// Whose certificates AWS endpoints may have.
    pub tls_roots: TlsRoots,
    /// Host names.
    pub hosts: AllowList,
    /// Browser origins.
    pub cors: CorsConfig,
    /// Who may call.
    pub auth: AuthConfig,
    /// Whether JSON answers are compressed.
    pub compression: bool,
    /// Host and port of the Runtime API, if this process is an execution environment of Lambda.
    pub runtime_api: Option<String>,
    /// Requests served at a time, on Lambda.
    pub max_concurrency: usize,
    /// Whether this environment is started before anybody waits for it, so that nothing should be put off.
    pub eager_init: bool,
    /// Log filter.
    pub log_filter: String,
    /// Log format.
    pub log_format: LogFormat,
}

impl Default for Config {
    /// What holds when nothing is set.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 9000)),
            path: "/mcp".into(),
            response_mode: ResponseMode::Auto,
            streams: StreamConfig {
                enabled: true,
                life: None,
                per_principal: 16,
                per_process: 1000,
                keep_alive: Duration::from_secs(12),
                retry: Duration::from_secs(1),
            },
            request_timeout: Duration::from_secs(900),
            tool_check: Duration::from_secs(10),
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
                life: Duration::from_secs(60 * 60),
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
            log_filter: "info,rmcp=warn".into(),
            log_format: LogFormat::Text,
        }
    }
}

impl Config {
    /// Reads the process environment.
    #[expect(clippy::disallowed_methods, reason = "the one reader of the environment")]
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// Reads variables from anywhere.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let env = Env(&lookup);
        let default = Self::default();
        let cors = CorsConfig {
            origins: env.list(&CORS_ORIGINS, "*, or origins such as https://app.example.com", is_origin)?,
            credentials: env.switch(&CORS_CREDENTIALS, default.cors.credentials)?,
            max_age: env.seconds(&CORS_MAX_AGE, default.cors.max_age, 0)?,
        };
        if cors.credentials && cors.origins == AllowList::Any {
            return Err(wrong(
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
                life: env.optional(&STREAM_SECONDS, 1)?.map(Duration::from_secs),
                per_principal: env.count(&STREAMS_PER_PRINCIPAL, default.streams.per_principal)?,
                per_process: env.count(&STREAMS_PER_PROCESS, default.streams.per_process)?,
                keep_alive: env.seconds(&KEEP_ALIVE_SECONDS, default.streams.keep_alive, 1)?,
                retry: env.optional(&RETRY_MS, 1)?.map_or(default.streams.retry, Duration::from_millis),
            },
            request_timeout: env.seconds(&REQUEST_SECONDS, default.request_timeout, 1)?,
            tool_check: env.seconds(&TOOL_CHECK, default.tool_check, 0)?,
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
                life: env
                    .optional(&EVENT_TTL_MINUTES, 1)?
                    .map_or(default.events.life, |minutes| Duration::from_secs(minutes * 60)),
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
            log_filter: env.log_filter(default.log_filter)?,
            log_format: env.log_format()?,
        })
    }
}

/// An origin as browsers send it: scheme and host, no path.
fn is_origin(text: &str) -> bool {
    text == "null"
        || text.split_once("://").is_some_and(|(scheme, host)| {
            !scheme.is_empty() && !host.is_empty() && !host.contains(['/', '*', '?', '#', '@'])
        })
}

fn is_host(text: &str) -> bool {
    !text.contains(['/', '*', '?', '#', '@', ' '])
}
