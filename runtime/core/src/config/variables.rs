//! The environment variables of the runtime, one row each.

/// One environment variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Variable {
    /// The name of the variable.
    pub name: &'static str,
    /// Another name of the variable. If both are set, the name has precedence.
    pub alias: Option<&'static str>,
    /// The value if the variable is not set.
    pub default: &'static str,
    /// What the variable sets, with its unit.
    pub meaning: &'static str,
}

macro_rules! variables {
    ($($constant:ident = $name:literal $(or $alias:literal)?, $default:literal, $meaning:literal;)*) => {
        $(pub(crate) const $constant: Variable = Variable {
            name: $name, alias: variables!(@alias $($alias)?), default: $default, meaning: $meaning,
        };)*
        /// Every environment variable that the runtime reads.
        pub const VARIABLES: &[Variable] = &[$($constant),*];
    };
    (@alias) => { None };
    (@alias $alias:literal) => { Some($alias) };
}

variables! {
    ROLE = "MCP_ROLE", "server", "server, worker, agentcore-schema or login: whether the process serves HTTP, takes tasks from the queue and runs them, or prints its tools for a Lambda target of an AgentCore Gateway and ends, when it is not on Lambda; with login it is an authorization server, on Lambda too, if the program has the feature login";
    CONFIG_FILE = "MCP_CONFIG_FILE", "mcp_config.toml or mcp_config.json in the deployment package or beside the program, if there is one", "file with settings, in TOML or JSON, if the program has the feature config-files; the environment has precedence over it";
    LISTEN = "MCP_LISTEN", "127.0.0.1:9000", "local address that the server listens on, when it is not on Lambda";
    PORT = "PORT", "9000", "port of the local address 127.0.0.1, if MCP_LISTEN names no address; 0 takes a free one";
    PATH = "MCP_PATH", "/mcp", "path of the MCP endpoint";
    RESPONSE_MODE = "MCP_RESPONSE_MODE", "auto", "stream, buffered or auto: how the gateway passes a response body on; auto is stream behind a Function URL, else buffered";
    STREAMS = "MCP_STREAMS", "on", "on or off: whether subscriptions/listen and GET streams are offered";
    STREAM_SECONDS = "MCP_STREAM_SECONDS", "300 (60 on Lambda)", "longest lifetime of a listen or GET stream, in seconds";
    STREAMS_PER_PRINCIPAL = "MCP_STREAMS_PER_PRINCIPAL", "16", "most listen and GET streams that one principal has open at a time";
    STREAMS_PER_PROCESS = "MCP_STREAMS_PER_PROCESS", "1000", "most listen and GET streams that one process has open at a time";
    KEEP_ALIVE_SECONDS = "MCP_KEEP_ALIVE_SECONDS", "12", "interval of keep-alive comments on an idle stream, in seconds";
    RETRY_MS = "MCP_RETRY_MS", "1000", "delay before a session-era client reconnects to a stream, in milliseconds";
    METRICS_ADDR = "MCP_METRICS_ADDR", "none: no page", "loopback address of the page for Prometheus, such as 127.0.0.1:9100, when the server is not on Lambda, if the program has the feature metrics";
    REQUEST_SECONDS = "MCP_REQUEST_SECONDS", "900", "timeout of a request on the local address, in seconds";
    CONNECTIONS = "MCP_CONNECTIONS", "2048", "most connections to the local address at a time";
    CONNECTION_IDLE_SECONDS = "MCP_CONNECTION_IDLE_SECONDS", "120", "time for which the local address keeps a connection without a request open, in seconds";
    WRITE_SECONDS = "MCP_WRITE_SECONDS", "30", "time for which a client of the local address may read nothing of a response, in seconds";
    STOP_SECONDS = "MCP_STOP_SECONDS", "8", "time in which the local host ends when it is asked to stop, in seconds; calls that are still open are interrupted after three quarters of it";
    TRUSTED_PROXIES = "MCP_TRUSTED_PROXIES", "none", "comma-separated IP addresses of proxies before the local address; their X-Forwarded-For names the client";
    TOOL_CHECK = "MCP_TOOL_CHECK_TTL_SECS" or "TURUL_TOOL_CHECK_TTL_SECS", "10", "interval at which the enabled dynamic tools are read again, in seconds; 0 reads them for every request";
    TOOL_DEFINITIONS = "MCP_TOOL_DEFINITIONS", "tool_definitions.yaml, .yml, .toml or .json in the deployment package or beside the program, if there is one", "file with names, texts, scopes, timeouts and limits of tools, if the program has the feature tool-definitions; it is read again when it has changed, after MCP_TOOL_CHECK_TTL_SECS at the latest";
    SESSIONS = "MCP_SESSIONS", "the setting of the program, else optional", "required, optional, off or platform: whether a session-era request needs a session, is served without one if it names none, or never has one; platform is optional, and takes session ids that the platform before the server makes up";
    SESSIONS_PER_PRINCIPAL = "MCP_SESSIONS_PER_PRINCIPAL", "1000", "most sessions of one principal that a store in memory keeps; above it, the one ends that was not used for the longest time";
    SUBSCRIPTIONS_PER_SESSION = "MCP_SUBSCRIPTIONS_PER_SESSION", "200", "most resources that a session subscribes to";
    MEMORY_MB = "MCP_MEMORY_MB", "64", "most memory that sessions, state, messages of clients, stored replies, tasks and events each take where they are kept in memory, in MiB";
    SESSION_TTL_MINUTES = "SESSION_TTL_MINUTES", "1440", "time after which an idle session expires, in minutes";
    STATE_KEYS = "MCP_STATE_KEYS", "a random key, made at start", "comma-separated id:base64 keys of 32 bytes or more for requestState; the first signs, all verify";
    STATE_KEYS_SECRET = "MCP_STATE_KEYS_SECRET", "none", "ARN of a secret of Secrets Manager that has the keys for requestState instead: a text of 43 characters or more, which is one key, or such a list; it is read when a key is first needed, and again after a rotation";
    STATE_TTL_SECONDS = "MCP_STATE_TTL_SECONDS", "600", "time for which a requestState is accepted, in seconds";
    MAX_BODY_BYTES = "MCP_MAX_BODY_BYTES", "6291456", "largest request body, in bytes";
    MAX_RESPONSE_SIZE_MB = "MAX_RESPONSE_SIZE_MB", "200", "largest response, in MiB";
    LARGE_RESULTS_BUCKET = "MCP_LARGE_RESULTS_BUCKET", "none: all results are returned as they are", "bucket of S3, in the region of the function, for parts of results of tools that are too large for a response";
    LARGE_RESULTS_PREFIX = "MCP_LARGE_RESULTS_PREFIX", "mcp-results/", "prefix of the objects in this bucket, with a slash at its end; each principal has a folder below it";
    LARGE_RESULTS_BYTES = "MCP_LARGE_RESULTS_BYTES", "786432", "largest result that is returned as it is if there is such a bucket, in bytes of its JSON, from 16384";
    LARGE_RESULTS_LINK_SECONDS = "MCP_LARGE_RESULTS_LINK_SECONDS", "3600", "time for which the links to these objects are valid, in seconds, from 60 to 604800; credentials of a role may end earlier";
    MAX_JSON_DEPTH = "MCP_MAX_JSON_DEPTH", "64", "deepest nesting of JSON in a request body, in levels";
    MAX_JSON_VALUES = "MCP_MAX_JSON_VALUES", "25000", "most JSON values in a request body, those within arrays and objects included";
    MAX_BATCH = "MCP_MAX_BATCH", "50", "most messages in a 2025-03-26 batch";
    ARGUMENT_CHECKS = "MCP_ARGUMENT_CHECKS", "on", "on or off: whether arguments are checked against the input schema of their tool, if the program has the feature argument-checks";
    MAX_HEADERS = "MCP_MAX_HEADERS", "100", "most headers of a request";
    MAX_HEADER_BYTES = "MCP_MAX_HEADER_BYTES", "65536", "largest size of the request line and all headers together, in bytes";
    BODY_SECONDS = "MCP_BODY_SECONDS", "30", "timeout for receiving a request body, in seconds";
    BODY_BYTES_PER_PRINCIPAL = "MCP_BODY_BYTES_PER_PRINCIPAL", "16777216", "most bytes of request bodies of one principal that one process holds at a time; one body always fits";
    BODY_BYTES_PER_PROCESS = "MCP_BODY_BYTES_PER_PROCESS", "67108864", "most bytes of request bodies that one process holds at a time; one body always fits";
    REQUESTS_PER_PRINCIPAL = "MCP_REQUESTS_PER_PRINCIPAL", "128", "most requests of one principal that one process serves at a time";
    REQUESTS_PER_PROCESS = "MCP_REQUESTS_PER_PROCESS", "4096", "most requests that one process serves at a time, calls that their clients have left among them";
    STORE = "MCP_STORE", "dynamodb if SESSION_TABLE_NAME is set; a file for each name of a server in XDG_STATE_HOME/mcp-lambda-server, if the program has the feature sqlite and is not on Lambda; else memory", "memory, sqlite:PATH, postgres://HOST/DATABASE or dynamodb: where sessions, state, events, stored replies and tasks are kept; a path is absolute, or relative to the working directory";
    STORE_MB = "MCP_STORE_MB", "1024", "largest size of the file with SQLite, in MiB; above it, the oldest stored replies and events are removed";
    STORE_CONNECTIONS = "MCP_STORE_CONNECTIONS", "10 (on Lambda, one more than an environment serves requests at a time, up to 10)", "most connections of this process to PostgreSQL";
    STATE_HOME = "XDG_STATE_HOME", ".local/state in the home directory", "folder in which a server keeps files with state, when it is not on Lambda";
    SESSION_TABLE = "SESSION_TABLE_NAME" or "MCP_SESSION_TABLE", "none: all state is in memory", "DynamoDB table of sessions, state and inboxes";
    EVENT_TABLE = "EVENT_TABLE_NAME" or "MCP_SESSION_EVENT_TABLE", "none", "DynamoDB table of the event log and of stored replies; required with SESSION_TABLE_NAME";
    EVENTS = "MCP_EVENTS", "the setting of the program, else off", "on or off: whether SNS and EventBridge events are accepted and served as resources, one for each source and type";
    EVENT_TTL_MINUTES = "EVENT_TTL_MINUTES", "60", "time for which an event stays in the log, in minutes";
    EVENT_REPLICAS = "EVENT_FANOUT_REPLICAS", "1", "copies of the event log, among which readers are distributed; the same for every function of a deployment";
    TOPIC_ARN = "SNS_TOPIC_ARN", "none", "ARN of the SNS topic to which tools publish events";
    TASK_QUEUE_URL = "TASK_QUEUE_URL", "none: a process runs the tasks that it creates, and on Lambda calls run inline", "URL of the SQS queue from which workers take tasks, which needs SESSION_TABLE_NAME; or database, for a queue in the PostgreSQL database of MCP_STORE, outside Lambda";
    TASK_TTL_SECONDS = "MCP_TASK_TTL_SECONDS", "3600", "time for which a task is kept, from its creation on, in seconds";
    TASKS_PER_PRINCIPAL = "MCP_TASKS_PER_PRINCIPAL", "32", "most tasks that one principal has open at a time";
    TASKS_PER_PROCESS = "MCP_TASKS_PER_PROCESS", "16", "most tasks that one process runs at a time";
    TASK_LEASE_SECONDS = "MCP_TASK_LEASE_SECONDS", "60", "time for which a worker that gives no sign of life keeps a task, in seconds; 10 at least";
    TASK_ATTEMPTS = "MCP_TASK_ATTEMPTS", "5", "most attempts of a task whose workers end before it does; then it fails";
    TOOL_TABLES = "MCP_TOOL_TABLES", "none", "comma-separated ARNs of tables of DynamoDB, 50 at most, that tools of the program may read";
    TOOL_TOPICS = "MCP_TOOL_TOPICS", "none", "comma-separated ARNs of topics of SNS, 50 at most, that tools of the program may publish to";
    TOOL_QUEUES = "MCP_TOOL_QUEUES", "none", "comma-separated ARNs of queues of SQS, 50 at most, that tools of the program may send messages to";
    TOOL_METRIC_NAMESPACES = "MCP_TOOL_METRIC_NAMESPACES", "none", "comma-separated namespaces of CloudWatch, 50 at most, from which tools of the program may read metrics";
    TOOL_MONITOR = "MCP_TOOL_MONITOR", "none", "comma-separated types of resources that tools of the program may list, of EC2, RDS, Lambda, ECS, S3 and CloudFormation";
    TOOL_REGIONS = "MCP_TOOL_REGIONS", "the region of the server", "comma-separated regions, 50 at most, in which tools of the program may read metrics and list resources";
    STDIO_COMMAND = "MCP_STDIO_COMMAND", "none", "command that mcp-lambda-stdio runs if its command line names none: a JSON array of a program and its arguments";
    STDIO_CONFIG = "MCP_STDIO_CONFIG", "mcp-stdio.json in the deployment package, on Lambda", "file with the servers that mcp-lambda-stdio runs, in the format of .mcp.json, if neither its command line nor MCP_STDIO_COMMAND names one";
    STDIO_CHILD_PER = "MCP_STDIO_CHILD_PER", "server", "server, session, principal or invocation: which calls share a process of mcp-lambda-stdio, for servers without a choice of their own";
    STDIO_REPEAT_CALLS = "MCP_STDIO_REPEAT_CALLS", "off", "on or off: whether mcp-lambda-stdio may call any tool a second time when the answer to its question reaches another environment, not only tools that declare it harmless; for servers without a choice of their own";
    STDIO_MAX_PROCESSES = "MCP_STDIO_MAX_PROCESSES", "256", "most processes that a server of mcp-lambda-stdio may have at a time, itself and all that it has started, before they are killed; counted on Linux; for servers without a choice of their own";
    EXEC_WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER", "set by the deployment", "path of the program that Lambda starts instead of a managed runtime; mcp-lambda-stdio then ignores its command line, which is that of the runtime";
    TASK_ROOT = "LAMBDA_TASK_ROOT", "set by Lambda", "folder of the deployment package";
    TLS_ROOTS = "MCP_TLS_ROOTS", "amazon", "amazon or native: root certificates for connections to AWS; native adds those of the operating system, for proxies and private endpoints";
    START_PAGE = "MCP_START_PAGE", "on for browsers of the same machine, off on Lambda", "on or off: whether GET / returns a page for people, with what the server has and forms to call it, if the program has the feature start-page; on serves it under every host name, and on Lambda";
    ALLOWED_HOSTS = "MCP_ALLOWED_HOSTS", "loopback names", "comma-separated host names that the Host header may have, or *";
    CORS_ORIGINS = "MCP_CORS_ORIGINS" or "ALLOWED_ORIGINS", "loopback origins", "comma-separated origins of web pages that may call, or *";
    CORS_CREDENTIALS = "MCP_CORS_CREDENTIALS", "false", "true or false: whether browsers may send credentials; not with MCP_CORS_ORIGINS=*";
    CORS_MAX_AGE = "MCP_CORS_MAX_AGE", "86400", "time for which a browser caches the response to a preflight, in seconds";
    AUTH = "MCP_AUTH", "jwt if MCP_JWT_ISSUER is set, else none", "none, jwt or gateway: what authenticates a caller; gateway is IAM or an authorizer";
    PUBLIC_URL = "MCP_PUBLIC_URL", "the URL of each request", "URL at which clients reach the server, without MCP_PATH";
    JWT_ISSUER = "MCP_JWT_ISSUER", "none", "URL of the issuer of access tokens, exactly as in its metadata and in the iss claim";
    JWT_AUDIENCE = "MCP_JWT_AUDIENCE", "MCP_PUBLIC_URL with MCP_PATH", "comma-separated audiences, one of which a token must name (for Cognito: client ids)";
    JWT_JWKS_URL = "MCP_JWT_JWKS_URL", "from the issuer's metadata", "URL of the issuer's JSON Web Key Set";
    JWT_ALGORITHMS = "MCP_JWT_ALGORITHMS", "RS256,ES256", "comma-separated signature algorithms that are accepted";
    JWT_SCOPES = "MCP_JWT_SCOPES", "none", "comma-separated scopes that every token must have";
    JWT_LEEWAY_SECONDS = "MCP_JWT_LEEWAY_SECONDS", "30", "largest difference that is tolerated between the issuer's clock and the server's, in seconds; 300 at most";
    TOOL_SCOPES = "MCP_TOOL_SCOPES", "none", "comma-separated tool=scopes, as in publish_*=events:write audit: the scopes that a tool requires";
    SCOPE_HIERARCHY = "MCP_SCOPE_HIERARCHY", "none", "comma-separated scope=scopes, as in admin=events:write: the scopes that a scope implies";
    LOGIN_ISSUER = "MCP_LOGIN_ISSUER", "none", "URL of the authorization server: the iss claim of its tokens; required with MCP_ROLE=login; with MCP_LOGIN_UPSTREAM_TOKENS also read by the MCP server, where MCP_JWT_ISSUER is the default";
    LOGIN_RESOURCES = "MCP_LOGIN_RESOURCES", "none", "comma-separated URLs of the MCP servers for which tokens are issued, with MCP_PATH; required with MCP_ROLE=login";
    LOGIN_AUDIENCE = "MCP_LOGIN_AUDIENCE", "none", "audience of all tokens besides the URL of the MCP server: MCP_JWT_AUDIENCE of a server that does not know its URL";
    LOGIN_KEYS = "MCP_LOGIN_KEYS", "a random key, made at start, for an issuer at a loopback address", "comma-separated id:secret keys of 64 letters and digits or more; the first signs and seals, all verify and open";
    LOGIN_KEYS_SECRET = "MCP_LOGIN_KEYS_SECRET", "none", "ARN of a secret of Secrets Manager that has the keys instead: a text of 43 characters or more, which is one key, or comma-separated id:base64 keys; it is read with the first request, and again after a rotation";
    LOGIN_SIGNING_KEYS = "MCP_LOGIN_SIGNING_KEYS", "none", "comma-separated ARNs of keys of AWS KMS, up to 4, with the key spec ECC_NIST_P256 and the usage SIGN_VERIFY, that sign access tokens (ES256) in place of the keys of MCP_LOGIN_KEYS, which still seal; the first signs, all verify";
    LOGIN_UPSTREAM = "MCP_LOGIN_UPSTREAM", "none", "oidc, oauth2 or local: whether users sign in at an OpenID provider, at an OAuth 2 provider without OpenID such as GitHub, or with the names and passwords of MCP_LOGIN_LOCAL_USERS";
    LOGIN_UPSTREAM_ISSUER = "MCP_LOGIN_UPSTREAM_ISSUER", "none", "URL of the issuer of the OpenID provider; required with MCP_LOGIN_UPSTREAM=oidc";
    LOGIN_UPSTREAM_CLIENT_ID = "MCP_LOGIN_UPSTREAM_CLIENT_ID", "none", "id by which the upstream provider knows this server";
    LOGIN_UPSTREAM_CLIENT_SECRET = "MCP_LOGIN_UPSTREAM_CLIENT_SECRET", "none", "secret of this server at the upstream provider";
    LOGIN_UPSTREAM_CLIENT_SECRET_ARN = "MCP_LOGIN_UPSTREAM_CLIENT_SECRET_ARN", "none", "ARN of a secret of Secrets Manager that has the secret of this server at the upstream provider instead; it is read with the first request, and every five minutes";
    LOGIN_UPSTREAM_SCOPES = "MCP_LOGIN_UPSTREAM_SCOPES", "openid for oidc, else none", "comma-separated scopes that are asked of the upstream provider";
    LOGIN_UPSTREAM_PARAMETERS = "MCP_LOGIN_UPSTREAM_PARAMETERS", "none", "comma-separated name=value parameters, up to 16, that the request at which users sign in at the upstream provider has besides, such as access_type=offline,prompt=consent of Google";
    LOGIN_UPSTREAM_AUTHORIZE_URL = "MCP_LOGIN_UPSTREAM_AUTHORIZE_URL", "none", "URL of the upstream provider at which users sign in; required with MCP_LOGIN_UPSTREAM=oauth2";
    LOGIN_UPSTREAM_TOKEN_URL = "MCP_LOGIN_UPSTREAM_TOKEN_URL", "none", "URL of the upstream provider at which codes are redeemed; required with MCP_LOGIN_UPSTREAM=oauth2";
    LOGIN_UPSTREAM_USER_URL = "MCP_LOGIN_UPSTREAM_USER_URL", "none", "URL of the upstream provider that names the user of an access token; required with MCP_LOGIN_UPSTREAM=oauth2";
    LOGIN_SCOPES = "MCP_LOGIN_SCOPES", "none", "comma-separated scopes that clients may be granted";
    LOGIN_ACCESS_TOKEN_SECONDS = "MCP_LOGIN_ACCESS_TOKEN_SECONDS", "600", "lifetime of an access token, in seconds; from 60 to 86400";
    LOGIN_REFRESH_TOKEN_SECONDS = "MCP_LOGIN_REFRESH_TOKEN_SECONDS", "2592000", "time for which a client refreshes its tokens after its user has signed in, in seconds; 60 at least";
    LOGIN_REGISTRATIONS = "MCP_LOGIN_REGISTRATIONS_PER_MINUTE", "300", "most clients that register in a minute; half of them from one address";
    LOGIN_UPSTREAM_TOKENS = "MCP_LOGIN_UPSTREAM_TOKENS", "off", "on or off: whether the tokens of users at the upstream provider are kept, sealed, for tools that act as their caller; the authorization server and the MCP server have the same value";
    LOGIN_UPSTREAM_KEYS = "MCP_LOGIN_UPSTREAM_KEYS", "none", "comma-separated id:secret keys that seal the tokens of the upstream provider, of 64 letters and digits or more; the first seals, all open; required with MCP_LOGIN_UPSTREAM_TOKENS=on, the same for the authorization server and the MCP server, and not those of MCP_LOGIN_KEYS";
    LOGIN_UPSTREAM_KEYS_SECRET = "MCP_LOGIN_UPSTREAM_KEYS_SECRET", "none", "ARN of a secret of Secrets Manager that has the keys of MCP_LOGIN_UPSTREAM_KEYS instead, as that of MCP_LOGIN_KEYS_SECRET";
    LOGIN_LOCAL_USERS = "MCP_LOGIN_LOCAL_USERS", "none", "comma-separated name:password users, for trials on one machine; required with MCP_LOGIN_UPSTREAM=local";
    COMPRESSION = "ENABLE_COMPRESSION", "true", "true or false: whether JSON responses are compressed for clients that accept it";
    OTEL_DISABLED = "OTEL_SDK_DISABLED", "false", "true or false: whether nothing is sent to OpenTelemetry, if the program has the feature otel";
    OTLP_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT", "none: nothing is sent", "URL of an OTLP receiver, such as http://localhost:4318, to which spans and metrics are sent over HTTP, at its paths v1/traces and v1/metrics";
    OTLP_TRACES_ENDPOINT = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "from OTEL_EXPORTER_OTLP_ENDPOINT", "URL to which spans are sent, with its path";
    OTLP_METRICS_ENDPOINT = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "from OTEL_EXPORTER_OTLP_ENDPOINT", "URL to which metrics are sent, with its path";
    OTLP_HEADERS = "OTEL_EXPORTER_OTLP_HEADERS", "none", "comma-separated name=value headers of requests to the receiver; values may be percent-encoded";
    OTLP_TIMEOUT = "OTEL_EXPORTER_OTLP_TIMEOUT", "10000", "timeout of a request to the receiver, in milliseconds; after an invocation of Lambda at most 1000";
    OTEL_SERVICE = "OTEL_SERVICE_NAME", "the name of the function, else the name of the server", "name of the service in spans and metrics";
    OTEL_RESOURCE = "OTEL_RESOURCE_ATTRIBUTES", "none", "comma-separated name=value attributes of the service; values may be percent-encoded";
    OTEL_SAMPLER = "OTEL_TRACES_SAMPLER", "parentbased_always_on", "always_on, always_off, traceidratio, or one of them after parentbased_: which traces are sent; after parentbased_ the trace of the client decides, if it has one";
    OTEL_SAMPLER_ARG = "OTEL_TRACES_SAMPLER_ARG", "1", "share of the traces that traceidratio sends, from 0 to 1";
    RUNTIME_API = "AWS_LAMBDA_RUNTIME_API", "set by Lambda", "host and port, or http:// URL, of the Lambda Runtime API; if it is set, the process is an execution environment of Lambda";
    FUNCTION_NAME = "AWS_LAMBDA_FUNCTION_NAME", "set by Lambda", "name of the function: a dimension of its metrics";
    FUNCTION_VERSION = "AWS_LAMBDA_FUNCTION_VERSION", "set by Lambda", "version of the function: an attribute of its spans";
    FUNCTION_MEMORY = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "set by Lambda", "memory of the function, in MiB: an attribute of its spans";
    LOG_STREAM = "AWS_LAMBDA_LOG_STREAM_NAME", "set by Lambda", "log stream of the environment: an attribute of its spans";
    REGION = "AWS_REGION", "set by Lambda", "region of the function: an attribute of its spans";
    MAX_CONCURRENCY = "AWS_LAMBDA_MAX_CONCURRENCY", "1", "most requests that one environment serves at a time; set by Lambda Managed Instances";
    INITIALIZATION_TYPE = "AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand", "set by Lambda: with any other value, environments start before requests arrive, and AWS clients are created at start instead of on first use; with snap-start, Lambda stores the environment before its first request and restores copies of it";
    LOG = "RUST_LOG", "info,rmcp=warn", "log filter: a level, or levels by module; without one, the log level counts";
    LOG_LEVEL = "AWS_LAMBDA_LOG_LEVEL" or "LOG_LEVEL", "info", "log level: trace, debug, info, warn, error, fatal or off; Lambda sets it with its logging controls";
    LOG_PAYLOADS = "MCP_LOG_PAYLOADS", "0", "most characters of the arguments of a call, and of its response, that are logged; 0 logs none, because they may hold secrets";
    LOG_FORMAT = "MCP_LOG_FORMAT" or "AWS_LAMBDA_LOG_FORMAT", "text (JSON on Lambda)", "text or json";
}

/// The default of a variable that only Lambda sets.
const OF_LAMBDA: &str = "set by Lambda";

/// Whether only Lambda sets a variable.
pub(super) fn is_of_lambda(variable: &Variable) -> bool {
    variable.default == OF_LAMBDA || variable.name.starts_with("AWS_LAMBDA_") && variable.alias.is_none()
}
