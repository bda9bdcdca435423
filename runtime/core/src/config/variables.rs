//! The variables the runtime reads, one row each.

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
    INITIALIZATION_TYPE = "AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand", "set by Lambda: anything else says that environments are started ahead of requests, so that AWS clients are made at once and not with the first request that needs them";
    LOG = "RUST_LOG", "info,rmcp=warn", "what is logged: a level, or levels by module";
    LOG_FORMAT = "MCP_LOG_FORMAT" or "AWS_LAMBDA_LOG_FORMAT", "text (JSON on Lambda)", "text or json";
}
