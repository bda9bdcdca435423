//! The types of the settings in [`Config`](super::Config).

use std::{net::IpAddr, path::PathBuf, time::Duration};

use super::PostgresUrl;

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

/// Which requests of the session era (2025-11-25 and earlier) need a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SessionMode {
    /// Every request but `initialize`: one without `Mcp-Session-Id` is refused.
    Required,
    /// Those that name one, and those that cannot be served without: `initialize` opens a session, a request without
    /// `Mcp-Session-Id` is served for itself, and one that names an unknown session is refused with 404.
    #[default]
    Optional,
    /// None: `initialize` opens no session, and `Mcp-Session-Id` is ignored.
    Off,
    /// As [`Optional`](Self::Optional), but the platform before the server makes session ids up and routes requests by them: an
    /// unknown `Mcp-Session-Id` is that of a session, which is opened with the first message that names it. Any caller can
    /// choose an id, so such a server must be reachable through that platform alone.
    Platform,
}

/// Sessions of clients of 2025-11-25 and earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionConfig {
    /// Which requests need a session. Default, `None`: the setting of the program, else [`SessionMode::Optional`].
    pub mode: Option<SessionMode>,
    /// The number of sessions of one principal that a store in memory keeps; above it, the one ends that was not used for the
    /// longest time. Default: 1000.
    pub per_principal: usize,
    /// The number of resources that a session may subscribe to. Default: 200.
    pub subscriptions: usize,
}

impl SessionConfig {
    /// Which requests need a session.
    #[must_use]
    pub fn mode(&self) -> SessionMode {
        self.mode.unwrap_or_default()
    }
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

/// Limits of HTTP requests, checked before a request is authenticated or parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestLimits {
    /// The number of headers. Default: 100.
    pub headers: usize,
    /// The size of the request line and all headers together, in bytes. Default: 65,536.
    pub header_bytes: usize,
    /// The timeout for receiving the body. Default: 30 s.
    pub body_time: Duration,
    /// The number of requests that one principal may have open in one process. Default: 128.
    pub per_principal: usize,
    /// The number of requests that all principals together may have open in one process. Default: 4,096.
    pub per_process: usize,
    /// The size of all bodies of one principal that one process holds, in bytes. Default: 16 MiB.
    pub body_bytes_per_principal: usize,
    /// The size of all bodies that one process holds, in bytes. Default: 64 MiB.
    pub body_bytes_per_process: usize,
}

/// The connections of the local address.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionConfig {
    /// The number of connections at a time. Default: 2048.
    pub limit: usize,
    /// How long a connection without a request is kept open. Default: 2 minutes.
    pub idle: Duration,
    /// How long a client may read nothing while bytes of a response wait for it. Default: 30 s.
    pub write_time: Duration,
    /// The time in which the host ends when it is asked to stop. Default: 8 s.
    pub stop_time: Duration,
    /// The proxies whose `X-Forwarded-For` names the client. Default: none.
    pub trusted_proxies: Vec<IpAddr>,
}

impl TaskConfig {
    /// Instead of the URL of a queue: tasks wait for workers in the database of [`StoreChoice::Postgres`].
    pub const DATABASE: &str = "database";
}

/// Where everything is kept that outlives a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum StoreChoice {
    /// In DynamoDB if tables are named. Else in a file of SQLite if the program has the feature `sqlite`, serves with
    /// `run`, and is not on Lambda. Else in the memory of the process.
    #[default]
    Auto,
    /// In the memory of the process.
    Memory,
    /// In a file of SQLite.
    Sqlite(PathBuf),
    /// In a database of `PostgreSQL`.
    Postgres(PostgresUrl),
    /// In the DynamoDB tables that are named.
    DynamoDb,
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

/// Results of tools that are too large for a response.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LargeResultConfig {
    /// The bucket of S3 that keeps their parts. Default: none, and all results are returned as they are.
    pub bucket: Option<String>,
    /// The prefix of the objects. Default: `mcp-results/`.
    pub prefix: String,
    /// The largest result that is returned as it is, in bytes of its JSON. Default: 768 KiB, less than the response of a load balancer.
    pub max_bytes: usize,
    /// How long a link to a part is valid. Default: an hour.
    pub link_lifetime: Duration,
}

/// The resources of AWS that tools of the program may use. A tool refuses all others, by their names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ToolResourceConfig {
    /// The ARNs of tables of DynamoDB. Default: none.
    pub tables: Vec<String>,
    /// The ARNs of topics of SNS. Default: none.
    pub topics: Vec<String>,
    /// The ARNs of queues of SQS. Default: none.
    pub queues: Vec<String>,
    /// The namespaces of metrics of CloudWatch. Default: none.
    pub metric_namespaces: Vec<String>,
    /// The types of resources that are listed, such as `EC2`: of [`ToolResourceConfig::MONITORED`]. Default: none.
    pub monitored: Vec<String>,
    /// The regions in which metrics are read and resources are listed. Default: none, which is the region of the server alone.
    pub regions: Vec<String>,
}

/// Tasks: how they wait for workers, and their limits.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskConfig {
    /// The URL of the SQS queue from which workers take tasks, or [`TaskConfig::DATABASE`]. Default: none, and a process runs the
    /// tasks that it creates.
    pub queue_url: Option<String>,
    /// How long a task is kept, from its creation on. Default: an hour.
    pub ttl: Duration,
    /// The number of tasks that one principal may have open. Anonymous callers are not one person, so there is none for
    /// them. Default: 32.
    pub per_principal: usize,
    /// The number of tasks that one process runs at a time. Default: 16.
    pub per_process: usize,
    /// How long a worker that gives no sign of life keeps a task. Default: 60 s.
    pub lease: Duration,
    /// How often a task is tried, when its workers end without a word. Default: 5.
    pub attempts: u32,
}

/// What the program `mcp-lambda-stdio` runs, where its command line does not say it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct StdioConfig {
    /// The command of the server and its arguments. Default: none.
    pub command: Vec<String>,
    /// The file that lists the servers. Default: none.
    pub config: Option<PathBuf>,
    /// Which calls share a process, of servers that do not say it themselves. Default: none.
    pub child_per: Option<String>,
    /// Whether calls are made again when their clients answer in another environment, of servers that do not say it themselves. Default:
    /// no.
    pub repeat_calls: bool,
    /// How many processes a server may have at a time, itself and all that it has started, of servers that do not say it themselves.
    /// Default: none.
    pub max_processes: Option<usize>,
    /// Whether a managed runtime of Lambda starts the program instead of itself, with its own command line. Default: no.
    pub is_exec_wrapper: bool,
    /// The folder of the deployment package, on Lambda. Default: none.
    pub task_root: Option<PathBuf>,
}

/// What a process does, outside Lambda. There, the kind of an event decides, but for [`Login`](Self::Login).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProcessRole {
    /// It serves HTTP.
    #[default]
    Server,
    /// It takes tasks from the queue and runs them. It serves no HTTP.
    Worker,
    /// It prints the tools in the format of a Lambda target of an AgentCore Gateway, and ends.
    AgentCoreSchema,
    /// It is an authorization server for MCP clients, on Lambda too. It serves no MCP.
    Login,
}
