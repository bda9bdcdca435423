//! Configuration: the only reader of the environment.
//!
//! Every variable is one row of [`VARIABLES`]; the construct that deploys this server asserts the same names. A value
//! that cannot be used stops the process at start, with the variable's name and what was expected.

use std::{net::SocketAddr, path::Path, str::FromStr, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{auth::AuthConfig, error::ConfigError, protocol::Limits, telemetry};

/// One environment variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// Another name it goes by. The name wins.
    pub alias: Option<&'static str>,
    /// What holds when it is not set.
    pub default: &'static str,
    /// What it does.
    pub meaning: &'static str,
}

macro_rules! variables {
    ($($constant:ident = $name:literal $(or $alias:literal)?, $default:literal, $meaning:literal;)*) => {
        $(pub(crate) const $constant: Variable = Variable {
            name: $name, alias: variables!(@alias $($alias)?), default: $default, meaning: $meaning,
        };)*
        /// Every variable the runtime reads.
        pub const VARIABLES: &[Variable] = &[$($constant),*];
    };
    (@alias) => { None };
    (@alias $alias:literal) => { Some($alias) };
}

variables! {
    LISTEN = "MCP_LISTEN", "127.0.0.1:9000", "address of the local HTTP front";
    PATH = "MCP_PATH", "/mcp", "path of the MCP endpoint";
    RESPONSE_MODE = "MCP_RESPONSE_MODE", "auto", "stream, buffered or auto: whether the front passes a body on as it is written";
    STREAMS = "MCP_STREAMS", "on", "on or off: subscriptions/listen and GET streams";
    STREAM_SECONDS = "MCP_STREAM_SECONDS", "300 (60 on Lambda)", "longest life of a listen or GET stream, in seconds";
    STREAMS_PER_PRINCIPAL = "MCP_STREAMS_PER_PRINCIPAL", "16", "listen and GET streams one caller may hold open";
    STREAMS_PER_PROCESS = "MCP_STREAMS_PER_PROCESS", "1000", "listen and GET streams one process may hold open";
    KEEP_ALIVE_SECONDS = "MCP_KEEP_ALIVE_SECONDS", "12", "pause between keep-alive comments on a quiet stream, in seconds";
    RETRY_MS = "MCP_RETRY_MS", "1000", "how long a session-era client should wait before it reconnects, in milliseconds";
    REQUEST_SECONDS = "MCP_REQUEST_SECONDS", "900", "longest run of one request on the local front, in seconds";
    TOOL_CHECK = "MCP_TOOL_CHECK_TTL_SECS" or "TURUL_TOOL_CHECK_TTL_SECS", "10", "how long an environment may not know that a dynamic tool was switched on or off, in seconds";
    SESSION_TTL_MINUTES = "SESSION_TTL_MINUTES", "1440", "idle life of a session, in minutes";
    STATE_KEYS = "MCP_STATE_KEYS", "a key made at start", "comma list of id:base64 keys of 32 bytes or more; the first seals requestState, all open it";
    STATE_TTL_SECONDS = "MCP_STATE_TTL_SECONDS", "600", "how long a sealed requestState is accepted, in seconds";
    MAX_BODY_BYTES = "MCP_MAX_BODY_BYTES", "6291456", "largest request body, in bytes";
    MAX_RESPONSE_SIZE_MB = "MAX_RESPONSE_SIZE_MB", "200", "largest answer, in MB";
    MAX_JSON_DEPTH = "MCP_MAX_JSON_DEPTH", "64", "deepest nesting of a request body";
    MAX_BATCH = "MCP_MAX_BATCH", "50", "most messages in a 2025-03-26 batch";
    MAX_HEADERS = "MCP_MAX_HEADERS", "200", "most headers of a request";
    MAX_HEADER_BYTES = "MCP_MAX_HEADER_BYTES", "65536", "largest request line and headers together, in bytes";
    BODY_SECONDS = "MCP_BODY_SECONDS", "30", "how long a client may take over a request body, in seconds";
    REQUESTS_PER_PRINCIPAL = "MCP_REQUESTS_PER_PRINCIPAL", "128", "requests of one caller that are served at a time, in one process";
    SESSION_TABLE = "SESSION_TABLE_NAME" or "MCP_SESSION_TABLE", "none: state stays in memory", "DynamoDB table of sessions, state and letters";
    EVENT_TABLE = "EVENT_TABLE_NAME" or "MCP_SESSION_EVENT_TABLE", "none", "DynamoDB table of events and replies; goes with SESSION_TABLE_NAME";
    EVENTS = "MCP_EVENTS", "what the program says, else off", "on or off: SNS and EventBridge events are taken in, and each source and type is a resource";
    EVENT_TTL_MINUTES = "EVENT_TTL_MINUTES", "60", "how long an event can be read and replayed, in minutes";
    EVENT_REPLICAS = "EVENT_FANOUT_REPLICAS", "1", "copies of the event log that readers spread over; the same for every function of a deployment";
    TOPIC_ARN = "SNS_TOPIC_ARN", "none", "SNS topic that tools' announcements are published to";
    TLS_ROOTS = "MCP_TLS_ROOTS", "amazon", "amazon or native: whose certificates AWS endpoints are trusted by; native adds the system's, for proxies and private endpoints";
    ALLOWED_HOSTS = "MCP_ALLOWED_HOSTS", "loopback names", "comma list of host names this server answers to, or *";
    CORS_ORIGINS = "MCP_CORS_ORIGINS" or "ALLOWED_ORIGINS", "loopback origins", "comma list of browser origins that may call, or *";
    CORS_CREDENTIALS = "MCP_CORS_CREDENTIALS", "false", "whether browsers may send credentials; not with *";
    CORS_MAX_AGE = "MCP_CORS_MAX_AGE", "86400", "how long browsers may keep a preflight answer, in seconds";
    AUTH = "MCP_AUTH", "jwt if MCP_JWT_ISSUER is set, else none", "none, jwt or front: who has to vouch for a caller";
    PUBLIC_URL = "MCP_PUBLIC_URL", "the URL that was called", "URL that clients reach this server at, without MCP_PATH";
    JWT_ISSUER = "MCP_JWT_ISSUER", "none", "issuer whose tokens are taken, exactly as its metadata and its tokens name it";
    JWT_AUDIENCE = "MCP_JWT_AUDIENCE", "MCP_PUBLIC_URL with MCP_PATH", "comma list: what tokens must be meant for, one of them (for Cognito: client ids)";
    JWT_JWKS_URL = "MCP_JWT_JWKS_URL", "found through the issuer's metadata", "where the issuer's keys are";
    JWT_ALGORITHMS = "MCP_JWT_ALGORITHMS", "RS256,ES256", "comma list of signature algorithms that tokens may use";
    JWT_SCOPES = "MCP_JWT_SCOPES", "none", "comma list of scopes that every token must have";
    JWT_LEEWAY_SECONDS = "MCP_JWT_LEEWAY_SECONDS", "30", "how far the issuer's clock may be from ours, in seconds";
    TOOL_SCOPES = "MCP_TOOL_SCOPES", "none", "comma list of tool=scopes, as in publish_*=events:write audit: what a caller must be allowed for a tool";
    SCOPE_HIERARCHY = "MCP_SCOPE_HIERARCHY", "none", "comma list of scope=scopes, as in admin=events:write: what a scope includes";
    COMPRESSION = "ENABLE_COMPRESSION", "true", "compress JSON answers when the client accepts it";
    RUNTIME_API = "AWS_LAMBDA_RUNTIME_API", "set by Lambda", "address of the Lambda Runtime API: its presence says that this is Lambda";
    MAX_CONCURRENCY = "AWS_LAMBDA_MAX_CONCURRENCY", "1", "requests one environment serves at a time, set by Lambda Managed Instances";
    LOG = "RUST_LOG", "info,rmcp=warn", "what is logged: a level, or levels by module";
    LOG_FORMAT = "MCP_LOG_FORMAT" or "AWS_LAMBDA_LOG_FORMAT", "text (JSON on Lambda)", "text or json";
}

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
            auth: AuthConfig::read(&env)?,
            compression: env.switch(&COMPRESSION, default.compression)?,
            runtime_api: env.get(&RUNTIME_API),
            max_concurrency: env.count(&MAX_CONCURRENCY, default.max_concurrency)?,
            log_filter: env.log_filter(default.log_filter)?,
            log_format: env.log_format()?,
        })
    }
}

pub(crate) struct Env<'a>(&'a dyn Fn(&str) -> Option<String>);

impl Env<'_> {
    /// An empty value is no value: that is how templates leave a variable out.
    pub(crate) fn get(&self, variable: &Variable) -> Option<String> {
        std::iter::once(variable.name)
            .chain(variable.alias)
            .filter_map(self.0)
            .map(|value| value.trim().to_owned())
            .find(|value| !value.is_empty())
    }

    fn parse<T: FromStr>(&self, variable: &Variable, default: T, expected: &str) -> Result<T, ConfigError> {
        self.get(variable)
            .map_or(Ok(default), |text| text.parse().map_err(|_| wrong(variable, &text, expected)))
    }

    /// Bounded, so that a time or a size made of it cannot overflow.
    pub(crate) fn optional(&self, variable: &Variable, least: u32) -> Result<Option<u64>, ConfigError> {
        self.get(variable)
            .map(|text| match text.parse::<u32>() {
                Ok(number) if number >= least => Ok(u64::from(number)),
                _ => Err(wrong(variable, &text, &format!("a whole number from {least} to {}", u32::MAX))),
            })
            .transpose()
    }

    pub(crate) fn count(&self, variable: &Variable, default: usize) -> Result<usize, ConfigError> {
        let found = self.optional(variable, 1)?;
        Ok(found.map_or(default, |number| usize::try_from(number).unwrap_or(usize::MAX)))
    }

    pub(crate) fn seconds(
        &self,
        variable: &Variable,
        default: Duration,
        least: u32,
    ) -> Result<Duration, ConfigError> {
        Ok(self.optional(variable, least)?.map_or(default, Duration::from_secs))
    }

    pub(crate) fn switch(&self, variable: &Variable, default: bool) -> Result<bool, ConfigError> {
        let Some(text) = self.get(variable) else { return Ok(default) };
        match text.to_ascii_lowercase().as_str() {
            "true" | "on" | "1" | "yes" => Ok(true),
            "false" | "off" | "0" | "no" => Ok(false),
            _ => Err(wrong(variable, &text, "on or off (true or false)")),
        }
    }

    fn list(
        &self,
        variable: &Variable,
        expected: &str,
        fits: fn(&str) -> bool,
    ) -> Result<AllowList, ConfigError> {
        let Some(text) = self.get(variable) else { return Ok(AllowList::Loopback) };
        if text == "*" {
            return Ok(AllowList::Any);
        }
        let items: Vec<_> = text
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(str::to_ascii_lowercase)
            .collect();
        match items.iter().find(|item| !fits(item)) {
            Some(bad) => Err(wrong(variable, bad, expected)),
            None => Ok(AllowList::List(items)),
        }
    }

    pub(crate) fn path(&self, variable: &Variable, default: String) -> Result<String, ConfigError> {
        let Some(text) = self.get(variable) else { return Ok(default) };
        let fits = Path::new(&text).is_absolute() && !text.contains(['?', '#', '*', ' ']);
        if fits { Ok(text) } else { Err(wrong(variable, &text, "a path such as /mcp")) }
    }

    /// Both or none: half of the state in memory would be lost on every other request.
    fn tables(&self) -> Result<Option<Tables>, ConfigError> {
        match (self.get(&SESSION_TABLE), self.get(&EVENT_TABLE)) {
            (Some(state), Some(events)) => Ok(Some(Tables { state, events })),
            (None, None) => Ok(None),
            (Some(_), None) => {
                Err(wrong(&EVENT_TABLE, "", "the name of a table, since SESSION_TABLE_NAME is set"))
            }
            (None, Some(_)) => {
                Err(wrong(&SESSION_TABLE, "", "the name of a table, since EVENT_TABLE_NAME is set"))
            }
        }
    }

    fn topic_arn(&self) -> Result<Option<String>, ConfigError> {
        let Some(text) = self.get(&TOPIC_ARN) else { return Ok(None) };
        let fits = text.starts_with("arn:") && text.split(':').count() == 6 && !text.ends_with(".fifo");
        let expected = "the ARN of a standard topic, as arn:aws:sns:us-east-1:123456789012:mcp-global-events";
        if fits { Ok(Some(text)) } else { Err(wrong(&TOPIC_ARN, &text, expected)) }
    }

    fn tls_roots(&self) -> Result<TlsRoots, ConfigError> {
        match self.get(&TLS_ROOTS).as_deref() {
            None | Some("amazon") => Ok(TlsRoots::Amazon),
            Some("native") => Ok(TlsRoots::Native),
            Some(text) => Err(wrong(&TLS_ROOTS, text, "amazon or native")),
        }
    }

    fn response_mode(&self) -> Result<ResponseMode, ConfigError> {
        match self.get(&RESPONSE_MODE).as_deref() {
            None | Some("auto") => Ok(ResponseMode::Auto),
            Some("stream") => Ok(ResponseMode::Stream),
            Some("buffered") => Ok(ResponseMode::Buffered),
            Some(text) => Err(wrong(&RESPONSE_MODE, text, "stream, buffered or auto")),
        }
    }

    fn log_filter(&self, default: String) -> Result<String, ConfigError> {
        let Some(text) = self.get(&LOG) else { return Ok(default) };
        let usable = telemetry::filter(&text).is_some();
        if usable { Ok(text) } else { Err(wrong(&LOG, &text, "a filter such as info,rmcp=warn")) }
    }

    fn log_format(&self) -> Result<LogFormat, ConfigError> {
        match self.get(&LOG_FORMAT).map(|text| text.to_ascii_lowercase()).as_deref() {
            None if self.get(&RUNTIME_API).is_some() => Ok(LogFormat::Json),
            None | Some("text") => Ok(LogFormat::Text),
            Some("json") => Ok(LogFormat::Json),
            Some(text) => Err(wrong(&LOG_FORMAT, text, "text or json")),
        }
    }

    /// Never quotes the value: it is a secret.
    fn state_keys(&self) -> Result<Vec<StateKey>, ConfigError> {
        let Some(text) = self.get(&STATE_KEYS) else { return Ok(Vec::new()) };
        let mut keys: Vec<StateKey> = Vec::new();
        for (at, item) in text.split(',').enumerate() {
            let refuse = || {
                let expected = "id:base64 with 32 bytes or more behind the colon and a new id each (openssl rand -base64 32)";
                wrong(&STATE_KEYS, &format!("(entry {})", at + 1), expected)
            };
            let (id, secret) = item.trim().split_once(':').ok_or_else(refuse)?;
            let secret = STANDARD.decode(secret).map_err(|_| refuse())?;
            let fits =
                !id.is_empty() && id.len() <= 64 && secret.len() >= 32 && keys.iter().all(|key| key.id != id);
            if !fits {
                return Err(refuse());
            }
            keys.push(StateKey { id: id.to_owned(), secret });
        }
        Ok(keys)
    }
}

pub(crate) fn wrong(variable: &Variable, found: &str, expected: &str) -> ConfigError {
    ConfigError { variable: variable.name, found: found.to_owned(), expected: expected.to_owned() }
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
