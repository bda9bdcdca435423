//! Write an MCP server once, as any rmcp [`ServerHandler`](rmcp::ServerHandler), and run it on a laptop and on AWS
//! Lambda with the same behaviour.
//!
//! Nothing that a client relies on lives only in a process: sessions, state, events, replies and pending responses live
//! in stores, and a process is only a place where a request happens to run.
//!
//! * [`McpLambdaServer`]: the entry point. [`McpLambdaServer::run`] is the whole of `main`.
//! * [`Server`]: a built server, which other hosts can run as a [`tower::Service`].
//! * [`McpContext`]: what a tool finds in its `RequestContext`: its session, state, events, principal and deadline.
//! * [`Config`]: what the environment variables set.
//! * [`Stores`]: where state lives, and [`session`], [`stream`] and [`events`]: the traits that a store implements.
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `lambda` | yes | the Lambda Runtime API and the events of Function URLs, API Gateway, load balancers, SNS, SQS and EventBridge |
//! | `argument-checks` | yes | arguments of tools are checked against the input schema of their tool; 5.6 MB of binary |
//! | `compression` | yes | gzip of JSON responses |
//! | `config-files` | yes | settings in a file, `mcp_config.toml` or `mcp_config.json` |
//! | `tool-definitions` | no | names, texts, scopes, timeouts and limits of tools in a file |
//! | `start-page` | yes | a page for people at `GET /` on the same machine, with forms to call the tools |
//! | `brotli` | no | brotli beside gzip, for 1.1 MB of binary |
//! | `dynamodb` | no | sessions, state, replies and events in DynamoDB |
//! | `postgres` | no | sessions, state, replies and events in a database of PostgreSQL, which any number of servers share |
//! | `sqlite` | no | sessions, state, replies and events in a file of SQLite: the default of [`McpLambdaServer::run`] outside Lambda |
//! | `s3` | no | parts of large results in S3, with links to them |
//! | `secrets` | no | keys that are read from Secrets Manager while the server runs; `dynamodb` implies it |
//! | `sns` | no | publishing events to an SNS topic |
//! | `sqs` | no | tasks in an SQS queue, from which workers take them: on Lambda too |
//! | `metrics` | no | metrics of requests, streams and events, for CloudWatch and Prometheus, and of the program |
//! | `otel` | no | spans of calls and of the program, and the duration of calls, for OpenTelemetry |
//! | `stdio` | no | any MCP server of the stdio transport as the handler |
//! | `login` | no | users sign in at Cognito or any OpenID provider: an OAuth 2.1 authorization server for MCP clients, as a role of the program |
//! | `jwt` | no | bearer tokens of an OAuth 2.1 or OpenID Connect issuer, checked by the server |

#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(missing_debug_implementations)]

mod backends;
mod builder;
mod command_line;
mod hooks;
mod login;
#[cfg(feature = "postgres")]
mod migrate;
mod running;
mod server;
mod settings;
mod start_text;
mod traces;
pub mod turul;

pub use rmcp;

#[doc(inline)]
pub use mcp_lambda_core::{
    BoundServer, Delivery, GatewayDetails, HostCheck, Ingress, Invocation, InvocationDetails, McpContext,
    Tools,
    auth::{AuthenticatedBy, Principal},
    config::Config,
    error::{Error, StoreError},
    events::{Event, EventFilter, Events, GlobalEvent},
    handler::Composed,
    http::Body,
    session::{Handles, Session, State},
    store::{MemoryStore, Stores},
    stream::ReplyStream,
    telemetry::TraceContext,
    time::{Clock, Deadline},
};

pub use crate::{
    builder::{Builder, McpLambdaServer},
    server::Server,
};

/// Who may call, and what a caller may do.
///
/// [`Principal`] is the caller. The server finds it out from a token, from IAM, from the authorizer of
/// a gateway, or from a tower layer of the program; [`AuthConfig`](auth::AuthConfig) says which of them is required.
///
/// ```
/// use mcp_lambda_server::{Config, auth::{AuthConfig, JwtConfig}};
///
/// let mut config = Config::default();
/// config.auth = AuthConfig::tokens(JwtConfig::new("https://issuer.example.com", "mcp"));
/// ```
pub mod auth {
    #[doc(inline)]
    pub use mcp_lambda_core::{
        auth::{
            AuthConfig, AuthMode, AuthenticatedBy, GatewayIdentity, JwtConfig, Principal, ScopeTable,
            TokenAlgorithm, UnknownAlgorithm,
        },
        upstream_token::{UpstreamToken, UpstreamTokenError},
    };
}

/// The configuration: what the environment variables set, and a program may set instead.
///
/// ```
/// use mcp_lambda_server::Config;
///
/// let mut config = Config::from_lookup(|name| (name == "MCP_PATH").then(|| "/tools".to_owned()))?;
/// config.max_body = 1024 * 1024;
/// assert_eq!(config.path, "/tools");
/// # Ok::<(), mcp_lambda_server::error::ConfigError>(())
/// ```
pub mod config {
    #[doc(inline)]
    pub use mcp_lambda_core::{
        config::{
            AllowList, Config, CorsConfig, EventConfig, InvalidLogFilter, InvalidPostgresUrl,
            LargeResultConfig, LogFilter, LogFormat, PostgresUrl, ProcessRole, RequestLimits, ResponseMode,
            SessionConfig, SessionMode, Settings, Source, StdioConfig, StoreChoice, StreamConfig, Tables,
            TaskConfig, TlsRoots, ToolResourceConfig, VARIABLES, Variable,
        },
        keys::NamedKey,
        protocol::Limits,
    };

    #[cfg(feature = "login")]
    #[doc(inline)]
    pub use mcp_lambda_core::config::{
        LocalUser, LoginClient, LoginConfig, LoginKey, LoginUpstream, Secret, UpstreamTokenConfig,
    };

    #[cfg(feature = "stdio")]
    #[doc(hidden)]
    pub use mcp_lambda_core::config::process_environment;
}

/// Errors of starting and running a server, and of its stores.
pub mod error {
    #[doc(inline)]
    pub use mcp_lambda_core::error::{ConfigError, Error, StoreError};
}

/// Events: appended once to a durable log, and sent on every environment's streams.
///
/// A tool publishes with [`Events`], code listens with [`Subscriber`](events::Subscriber), a store
/// implements [`EventLog`](events::EventLog).
pub mod events {
    #[doc(inline)]
    pub use mcp_lambda_core::events::{
        Appended, Event, EventFilter, EventKey, EventLog, Events, GlobalEvent, InboundEvent, Lifecycle,
        LoggedEvent, NewEvent, NewestEvents, NewestLimits, PublishError, Published, Publisher, Scope,
        ScopeEnd, SessionChange, Subscriber, ToolStatus, TopicMessage,
    };

    pub use crate::running::{BroadcastError, broadcast_global_event};
}

/// The bodies of HTTP requests and responses.
pub mod http {
    #[doc(inline)]
    pub use mcp_lambda_core::http::{Body, BoxError};
}

/// Keys that sign: given, or read from a [`Secret`](keys::Secret) while the server runs.
///
/// [`Builder::state_keys`] takes those of a secret that Secrets Manager does not keep.
pub mod keys {
    #[doc(inline)]
    pub use mcp_lambda_core::keys::{KeySource, KeysError, NamedKey, Secret, SecretStage, SecretValue};
}

/// Invocations, for [`Builder::invocation_layer`].
#[cfg(feature = "lambda")]
pub mod lambda {
    #[doc(inline)]
    pub use mcp_lambda_runtime::{
        EventKind, InvocationError, InvocationRequest, InvocationResponse, InvocationService,
    };
}

/// Metrics: those of the server, and a program's own.
///
/// [`McpContext::metrics`] has the [`Metrics`](metrics::Metrics) of the server.
#[cfg(feature = "metrics")]
pub mod metrics {
    #[doc(inline)]
    pub use mcp_lambda_core::metrics::{Metrics, Unit};
}

/// OpenTelemetry: a span of each call and its duration, by the conventions for MCP, and the spans of the program's own code
/// within it.
///
/// The variable `OTEL_EXPORTER_OTLP_ENDPOINT` switches it on. Code that is called from a tool finds the span of the call with
/// `opentelemetry::Context::current()`, of the same version as [`opentelemetry`](otel::opentelemetry); spans of `tracing` from
/// level INFO on are children of it.
#[cfg(feature = "otel")]
pub mod otel {
    pub use mcp_lambda_otel::opentelemetry;

    #[doc(inline)]
    pub use mcp_lambda_core::config::{FunctionConfig, OtelConfig, OtlpEndpoint, Sampler};
}

/// Results of tools that are too large for a response.
///
/// [`Builder::result_store`] takes a store of a program's own; with the feature `s3`, `MCP_LARGE_RESULTS_BUCKET` names a bucket.
pub mod results {
    #[doc(inline)]
    pub use mcp_lambda_core::results::{ResultPart, ResultStore};
}

/// Sessions and state.
///
/// A tool uses [`Session`], [`State`] and [`Handles`], a store
/// implements [`SessionStore`](session::SessionStore) and [`InboxStore`](session::InboxStore).
pub mod session {
    #[doc(inline)]
    pub use mcp_lambda_core::session::{
        ClientMessage, Handles, InboxKey, InboxStore, Rev, Session, SessionClient, SessionId, SessionRecord,
        SessionStore, SessionVersion, State, StateError, StateScope, StateStore, Versioned,
    };
}

/// Any MCP server of the stdio transport as the handler: its process is kept, and spoken to in every revision.
///
/// ```no_run
/// use mcp_lambda_server::{McpLambdaServer, stdio::{ChildPer, StdioServer}};
///
/// let memory = StdioServer::new("mcp-server-memory")
///     .env("MEMORY_FILE_PATH", "/tmp/memory.json")
///     .child_per(ChildPer::Session);
/// McpLambdaServer::run(memory)?;
/// # Ok::<(), mcp_lambda_server::Error>(())
/// ```
#[cfg(feature = "stdio")]
pub mod stdio {
    #[doc(inline)]
    pub use mcp_lambda_stdio::{ChildPer, Start, StdioServer, UnknownChildPer};
}

/// Where everything lives that outlasts a request.
///
/// ```
/// use mcp_lambda_server::{Clock, MemoryStore, Stores};
///
/// let clock = Clock::system();
/// let stores = Stores::of(MemoryStore::new(clock));
/// ```
pub mod store {
    #[doc(inline)]
    pub use mcp_lambda_core::store::{LARGEST_VALUE, MemoryLimits, MemoryStore, Stores, WakeUp, Wakened};
}

/// Replies that are stored for a client that comes back, and the number of streams that a caller may hold.
///
/// A store implements [`StreamStore`](stream::StreamStore) and [`StreamLeaseStore`](stream::StreamLeaseStore).
pub mod stream {
    #[doc(inline)]
    pub use mcp_lambda_core::{
        ids::ParseIdError,
        stream::{
            EventId, LogCursor, LogPosition, Part, Replay, ReplyStream, SessionTag, StoredFrame, StreamId,
            StreamKey, StreamLease, StreamLeaseStore, StreamStore, StreamTerms,
        },
    };
}

/// Tasks: calls that outlive their request, as stores keep them.
///
/// A tool uses [`TaskHandle`](tasks::TaskHandle), a store implements [`TaskStore`](tasks::TaskStore);
/// [`Tasks`](tasks::Tasks) are the operations on one. A [`TaskQueue`](tasks::TaskQueue) leads tasks to workers of other
/// processes.
pub mod tasks {
    #[doc(inline)]
    pub use mcp_lambda_core::tasks::{
        Checkpoint, Claimed, Continue, ExternalUpdate, HeldTask, LARGEST_CALL, LARGEST_OUTCOME, Lease,
        LeaseTerms, MalformedMessage, QueueError, ReceivedMessage, Task, TaskCursor, TaskError, TaskHandle,
        TaskId, TaskInput, TaskLimits, TaskMessage, TaskOutcome, TaskQueue, TaskState, TaskStatus, TaskStore,
        TaskSupport, Tasks, next_look,
    };
}

/// The clock of everything that expires, and deadlines.
pub mod time {
    #[doc(inline)]
    pub use mcp_lambda_core::time::{Clock, Deadline, Timestamp};
}

#[cfg(feature = "aws")]
#[doc(inline)]
pub use mcp_lambda_aws::TraceHeader;
#[cfg(feature = "dynamodb")]
#[doc(inline)]
pub use mcp_lambda_aws::dynamodb;
#[cfg(feature = "s3")]
#[doc(inline)]
pub use mcp_lambda_aws::s3;
#[cfg(feature = "secrets")]
#[doc(inline)]
pub use mcp_lambda_aws::secrets;
#[cfg(feature = "sns")]
#[doc(inline)]
pub use mcp_lambda_aws::sns;
#[cfg(feature = "sqs")]
#[doc(inline)]
pub use mcp_lambda_aws::sqs;
#[cfg(feature = "postgres")]
#[doc(inline)]
pub use mcp_lambda_postgres as postgres;
#[cfg(feature = "sqlite")]
#[doc(inline)]
pub use mcp_lambda_sqlite as sqlite;

#[cfg(doctest)]
mod pages;
