//! The variables: one row for each.

use std::time::Duration;

use mcp_lambda_server::{
    Config,
    auth::{AuthMode, ScopeTable},
    config::{AllowList, LogFormat, ProcessRole, ResponseMode, SessionMode, TlsRoots},
};

type Holds = Box<dyn Fn(&Config) -> bool>;

/// A variable.
pub(super) struct Row {
    pub(super) name: &'static str,
    /// What holds without it.
    pub(super) default: Holds,
    /// A value, and what holds with it.
    pub(super) value: String,
    pub(super) holds: Holds,
    /// Values that it does not take, and what their errors expect.
    pub(super) wrong: &'static [&'static str],
    pub(super) expected: &'static str,
}

pub(super) const KEY: &str = "one:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const SECRET: &str = "arn:aws:secretsmanager:eu-north-1:123456789012:secret:mcp-keys-AbCdEf";
const NO_COUNT: &[&str] = &["0", "-1", "1.5", "many", "4294967296", "18446744073709551616", "0x10", "1 000"];
const NO_SWITCH: &[&str] = &["maybe", "2", "onn"];
const NUMBER: &str = "a whole number from 1 to 4294967295";
const SWITCH: &str = "on or off";

pub(super) fn hosts(list: &AllowList, items: &[&str]) -> bool {
    matches!(list, AllowList::List(list) if list == items)
}

fn row(
    name: &'static str,
    default: impl Fn(&Config) -> bool + 'static,
    value: &str,
    holds: impl Fn(&Config) -> bool + 'static,
    wrong: &'static [&'static str],
    expected: &'static str,
) -> Row {
    Row { name, default: Box::new(default), value: value.to_owned(), holds: Box::new(holds), wrong, expected }
}

/// A whole number from 1: what it is without the variable, and another one.
fn count<T: PartialEq + ToString + 'static>(
    name: &'static str,
    get: fn(&Config) -> T,
    default: T,
    other: T,
) -> Row {
    let value = other.to_string();
    row(name, move |c| get(c) == default, &value, move |c| get(c) == other, NO_COUNT, NUMBER)
}

/// A number of seconds from 1.
fn seconds(name: &'static str, get: fn(&Config) -> Duration, default: u64, other: u64) -> Row {
    let [default, set] = [default, other].map(Duration::from_secs);
    let value = other.to_string();
    row(name, move |c| get(c) == default, &value, move |c| get(c) == set, NO_COUNT, NUMBER)
}

/// On or off: what it is without the variable, and the word for the other one.
fn switch(name: &'static str, get: fn(&Config) -> bool, default: bool, other: &str) -> Row {
    row(name, move |c| get(c) == default, other, move |c| get(c) != default, NO_SWITCH, SWITCH)
}

/// One row for each variable.
pub(super) fn rows() -> Vec<Row> {
    vec![
        row(
            "MCP_ROLE",
            |c| c.role == ProcessRole::Server,
            "worker",
            |c| c.role == ProcessRole::Worker,
            &["Worker", "ingest", "server,worker"],
            "server, worker, agentcore-schema or login",
        ),
        row(
            "MCP_LISTEN",
            |c| c.listen.to_string() == "127.0.0.1:9000",
            "0.0.0.0:80",
            |c| c.listen.port() == 80,
            &["9000", "localhost:9000", "127.0.0.1", "127.0.0.1:99999"],
            "an address such as 127.0.0.1:9000",
        ),
        row(
            "PORT",
            |c| c.listen.to_string() == "127.0.0.1:9000",
            "8080",
            |c| c.listen.to_string() == "127.0.0.1:8080",
            &["http", "-1", "65536", "127.0.0.1:9000", "1 000"],
            "a port from 0 to 65535",
        ),
        row(
            "MCP_PATH",
            |c| c.path == "/mcp",
            "/v1",
            |c| c.path == "/v1",
            &["mcp", "/a?b", "/a#b", "/*", "/a b"],
            "a path such as /mcp",
        ),
        row(
            "MCP_RESPONSE_MODE",
            |c| c.response_mode == ResponseMode::Auto,
            "buffered",
            |c| c.response_mode == ResponseMode::Buffered,
            &["chunked", "true"],
            "stream, buffered or auto",
        ),
        switch("MCP_STREAMS", |c| c.streams.enabled, true, "off"),
        row(
            "MCP_STREAM_SECONDS",
            |c| c.streams.lifetime.is_none(),
            "30",
            |c| c.streams.lifetime == Some(Duration::from_secs(30)),
            NO_COUNT,
            NUMBER,
        ),
        count("MCP_STREAMS_PER_PRINCIPAL", |c| c.streams.per_principal, 16, 3),
        count("MCP_STREAMS_PER_PROCESS", |c| c.streams.per_process, 1000, 64),
        seconds("MCP_KEEP_ALIVE_SECONDS", |c| c.streams.keep_alive, 12, 5),
        count("MCP_RETRY_MS", |c| c.streams.retry.as_millis(), 1000, 250),
        row(
            "MCP_METRICS_ADDR",
            |c| c.metrics_address.is_none(),
            "[::1]:9100",
            |c| c.metrics_address == "[::1]:9100".parse().ok(),
            &["9100", "127.0.0.1", "0.0.0.0:9100", "192.0.2.1:9100", "localhost:9100"],
            "a loopback address such as 127.0.0.1:9100",
        ),
        seconds("MCP_REQUEST_SECONDS", |c| c.request_timeout, 900, 10),
        count("MCP_CONNECTIONS", |c| c.connections.limit, 2048, 9),
        seconds("MCP_CONNECTION_IDLE_SECONDS", |c| c.connections.idle, 120, 7),
        seconds("MCP_WRITE_SECONDS", |c| c.connections.write_time, 30, 7),
        seconds("MCP_STOP_SECONDS", |c| c.connections.stop_time, 8, 20),
        row(
            "MCP_TRUSTED_PROXIES",
            |c| c.connections.trusted_proxies.is_empty(),
            "10.0.0.7, ::1",
            |c| c.connections.trusted_proxies.len() == 2,
            &["proxy", "10.0.0.0/8", "10.0.0.7,nginx"],
            "IP addresses such as 10.0.0.7",
        ),
        row(
            "MCP_TOOL_CHECK_TTL_SECS",
            |c| c.tool_check_interval == Duration::from_secs(10),
            "0",
            |c| c.tool_check_interval == Duration::ZERO,
            &["-1", "1.5", "often"],
            "a whole number from 0 to 4294967295",
        ),
        row(
            "MCP_SESSIONS",
            |c| c.sessions.mode.is_none() && c.sessions.mode() == SessionMode::Optional,
            "off",
            |c| c.sessions.mode() == SessionMode::Off,
            &["on", "true", "none"],
            "required, optional, off or platform",
        ),
        count("MCP_SESSIONS_PER_PRINCIPAL", |c| c.sessions.per_principal, 1000, 5),
        count("MCP_SUBSCRIPTIONS_PER_SESSION", |c| c.sessions.subscriptions, 200, 5),
        count("MCP_MEMORY_MB", |c| c.memory >> 20, 64, 3),
        count("SESSION_TTL_MINUTES", |c| c.session_ttl.as_secs() / 60, 1440, 2),
        row(
            "MCP_STATE_KEYS",
            |c| c.state_keys.is_empty(),
            KEY,
            |c| c.state_keys.len() == 1 && c.state_keys[0].id == "one",
            &["AAAA", "one:AAAA", "one:***", ":AAAA", "one"],
            "id:base64 with 32 bytes or more",
        ),
        row(
            "MCP_STATE_KEYS_SECRET",
            |c| c.state_keys_secret.is_none(),
            SECRET,
            |c| c.state_keys_secret.as_deref() == Some(SECRET),
            &["mcp-keys", "arn:aws:sns:us-east-1:123456789012:secret", "arn:aws:secretsmanager::1:secret:a"],
            "the ARN of a secret",
        ),
        seconds("MCP_STATE_TTL_SECONDS", |c| c.state_ttl, 600, 60),
        count("MCP_MAX_BODY_BYTES", |c| c.max_body, 6_291_456, 1000),
        count("MAX_RESPONSE_SIZE_MB", |c| c.max_response >> 20, 200, 6),
        row(
            "MCP_LARGE_RESULTS_BUCKET",
            |c| c.large_results.bucket.is_none(),
            "mcp-results-123",
            |c| c.large_results.bucket.as_deref() == Some("mcp-results-123"),
            &["ab", "Results", "a/b", "s3://bucket"],
            "the name of a bucket",
        ),
        row(
            "MCP_LARGE_RESULTS_PREFIX",
            |c| c.large_results.prefix == "mcp-results/",
            "a/b/",
            |c| c.large_results.prefix == "a/b/",
            &["a", "/", "a//", "a b/"],
            "a slash after each",
        ),
        row(
            "MCP_LARGE_RESULTS_BYTES",
            |c| c.large_results.max_bytes == 786_432,
            "16384",
            |c| c.large_results.max_bytes == 16_384,
            &["0", "16383", "many"],
            "a whole number from 16384",
        ),
        row(
            "MCP_LARGE_RESULTS_LINK_SECONDS",
            |c| c.large_results.link_lifetime == Duration::from_secs(3600),
            "60",
            |c| c.large_results.link_lifetime == Duration::from_secs(60),
            &["59", "604801"],
            "a whole number from 60 to",
        ),
        count("MCP_MAX_JSON_DEPTH", |c| c.limits.depth, 64, 8),
        count("MCP_MAX_JSON_VALUES", |c| c.limits.values, 25_000, 8),
        count("MCP_MAX_BATCH", |c| c.limits.batch, 50, 1),
        switch("MCP_ARGUMENT_CHECKS", |c| c.argument_checks, true, "off"),
        count("MCP_MAX_HEADERS", |c| c.requests.headers, 100, 7),
        count("MCP_MAX_HEADER_BYTES", |c| c.requests.header_bytes, 65_536, 8192),
        seconds("MCP_BODY_SECONDS", |c| c.requests.body_time, 30, 5),
        count("MCP_BODY_BYTES_PER_PRINCIPAL", |c| c.requests.body_bytes_per_principal, 16 << 20, 1000),
        count("MCP_BODY_BYTES_PER_PROCESS", |c| c.requests.body_bytes_per_process, 64 << 20, 1000),
        count("MCP_REQUESTS_PER_PRINCIPAL", |c| c.requests.per_principal, 128, 4),
        count("MCP_REQUESTS_PER_PROCESS", |c| c.requests.per_process, 4096, 9),
        row(
            "MCP_EVENTS",
            |c| c.events.enabled.is_none(),
            "off",
            |c| c.events.enabled == Some(false),
            NO_SWITCH,
            SWITCH,
        ),
        count("EVENT_TTL_MINUTES", |c| c.events.ttl.as_secs() / 60, 60, 2),
        count("EVENT_FANOUT_REPLICAS", |c| c.events.replicas, 1, 4),
        row(
            "SNS_TOPIC_ARN",
            |c| c.events.topic_arn.is_none(),
            "arn:aws:sns:eu-central-1:123456789012:mcp-global-events",
            |c| {
                c.events.topic_arn.as_deref()
                    == Some("arn:aws:sns:eu-central-1:123456789012:mcp-global-events")
            },
            &["mcp-global-events", "arn:aws:sns:eu-central-1:123456789012:ordered.fifo"],
            "the ARN of a standard topic",
        ),
        row(
            "TASK_QUEUE_URL",
            |c| c.tasks.queue_url.is_none(),
            "https://sqs.eu-central-1.amazonaws.com/123456789012/mcp-tasks",
            |c| {
                c.tasks.queue_url.as_deref()
                    == Some("https://sqs.eu-central-1.amazonaws.com/123456789012/mcp-tasks")
            },
            &[
                "mcp-tasks",
                "arn:aws:sqs:eu-central-1:123456789012:mcp-tasks",
                "https://sqs.eu-central-1.amazonaws.com/",
                "https://sqs.eu-central-1.amazonaws.com/123456789012/ordered.fifo",
            ],
            "the URL of a standard queue",
        ),
        seconds("MCP_TASK_TTL_SECONDS", |c| c.tasks.ttl, 3600, 60),
        count("MCP_TASKS_PER_PRINCIPAL", |c| c.tasks.per_principal, 32, 9),
        count("MCP_TASKS_PER_PROCESS", |c| c.tasks.per_process, 16, 9),
        row(
            "MCP_TASK_LEASE_SECONDS",
            |c| c.tasks.lease == Duration::from_secs(60),
            "10",
            |c| c.tasks.lease == Duration::from_secs(10),
            &["0", "9", "1.5", "4294967296"],
            "a whole number from 10 to 4294967295",
        ),
        count("MCP_TASK_ATTEMPTS", |c| c.tasks.attempts, 5, 2),
        row(
            "MCP_STDIO_COMMAND",
            |c| c.stdio.command.is_empty(),
            r#"["node","a b"]"#,
            |c| c.stdio.command == ["node", "a b"],
            &["node server.js", "[]", r#"[""]"#, "[1]", "{}"],
            "a JSON array of a program and its arguments",
        ),
        row(
            "MCP_STDIO_CONFIG",
            |c| c.stdio.config.is_none(),
            "/opt/servers.json",
            |c| c.stdio.config.as_deref() == Some("/opt/servers.json".as_ref()),
            &[],
            "",
        ),
        row(
            "MCP_STDIO_CHILD_PER",
            |c| c.stdio.child_per.is_none(),
            "session",
            |c| c.stdio.child_per.as_deref() == Some("session"),
            // The program mcp-lambda-stdio knows the choices.
            &[],
            "",
        ),
        row(
            "MCP_STDIO_REPEAT_CALLS",
            |c| !c.stdio.repeat_calls,
            "on",
            |c| c.stdio.repeat_calls,
            &["sometimes"],
            "on or off (true or false)",
        ),
        row(
            "AWS_LAMBDA_EXEC_WRAPPER",
            |c| !c.stdio.is_exec_wrapper,
            "/opt/mcp-lambda-stdio",
            |c| c.stdio.is_exec_wrapper,
            &[],
            "",
        ),
        row(
            "LAMBDA_TASK_ROOT",
            |c| c.stdio.task_root.is_none(),
            "/var/task",
            |c| c.stdio.task_root.as_deref() == Some("/var/task".as_ref()),
            &[],
            "",
        ),
        row(
            "MCP_TLS_ROOTS",
            |c| c.tls_roots == TlsRoots::Amazon,
            "native",
            |c| c.tls_roots == TlsRoots::Native,
            &["Amazon", "mozilla", "all"],
            "amazon or native",
        ),
        row(
            "MCP_START_PAGE",
            |c| c.start_page.is_none(),
            "off",
            |c| c.start_page == Some(false),
            NO_SWITCH,
            SWITCH,
        ),
        row(
            "MCP_ALLOWED_HOSTS",
            |c| c.hosts == AllowList::Loopback,
            "A.example, b.example:8443",
            |c| hosts(&c.hosts, &["a.example", "b.example:8443"]),
            &["https://a.example", "a.example/mcp", "*.example", "a b"],
            "host names",
        ),
        row(
            "MCP_CORS_ORIGINS",
            |c| c.cors.origins == AllowList::Loopback,
            "https://a.example,null",
            |c| hosts(&c.cors.origins, &["https://a.example", "null"]),
            &["a.example", "https://a.example/", "https://*.example", "https://", "://a", "https://a@b"],
            "origins such as",
        ),
        switch("MCP_CORS_CREDENTIALS", |c| c.cors.credentials, false, "true"),
        row(
            "MCP_CORS_MAX_AGE",
            |c| c.cors.max_age == Duration::from_secs(86_400),
            "0",
            |c| c.cors.max_age.is_zero(),
            &["-1", "1.5", "long", "4294967296"],
            "a whole number from 0 to 4294967295",
        ),
        row(
            "MCP_AUTH",
            |c| c.auth.mode == AuthMode::Open,
            "gateway",
            |c| c.auth.mode == AuthMode::Gateway,
            &["oidc", "true", "Front"],
            "none, jwt or gateway",
        ),
        row(
            "MCP_PUBLIC_URL",
            |c| c.auth.public_url.is_none(),
            "https://mcp.example.com/prod/",
            |c| c.auth.public_url.as_deref() == Some("https://mcp.example.com/prod"),
            &["mcp.example.com", "http://mcp.example.com", "https://a@b", "https://a?b", "https://", "/mcp"],
            "an https URL without a query",
        ),
        row(
            "MCP_TOOL_SCOPES",
            |c| c.auth.tools == ScopeTable::default(),
            "publish_*=events:write audit, count = state",
            |c| c.auth.tools == table(&[("publish_*", &["events:write", "audit"]), ("count", &["state"])]),
            &["count", "count=", "=scope", "count=\"a\"", "count=a\\b", "a=b,c"],
            "tool=scopes",
        ),
        row(
            "MCP_SCOPE_HIERARCHY",
            |c| c.auth.hierarchy == ScopeTable::default(),
            "admin=events:write",
            |c| c.auth.hierarchy == table(&[("admin", &["events:write"])]),
            &["admin", "admin="],
            "scope=scopes",
        ),
        switch("ENABLE_COMPRESSION", |c| c.compression, true, "no"),
        row(
            "AWS_LAMBDA_RUNTIME_API",
            |c| c.runtime_api.is_none(),
            "127.0.0.1:9001",
            |c| c.runtime_api.as_deref() == Some("127.0.0.1:9001") && c.log_format == LogFormat::Json,
            &[],
            "",
        ),
        row(
            "AWS_LAMBDA_FUNCTION_NAME",
            |c| c.function_name.is_none(),
            "server",
            |c| c.function_name.as_deref() == Some("server"),
            &[],
            "",
        ),
        row(
            "AWS_LAMBDA_FUNCTION_VERSION",
            |c| c.otel.function.version.is_none(),
            "7",
            |c| c.otel.function.version.as_deref() == Some("7"),
            &[],
            "",
        ),
        row(
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
            |c| c.otel.function.memory.is_none(),
            "256",
            |c| c.otel.function.memory == Some(256),
            NO_COUNT,
            NUMBER,
        ),
        row(
            "AWS_LAMBDA_LOG_STREAM_NAME",
            |c| c.otel.function.log_stream.is_none(),
            "2026/11/27/[$LATEST]1",
            |c| c.otel.function.log_stream.as_deref() == Some("2026/11/27/[$LATEST]1"),
            &[],
            "",
        ),
        row(
            "AWS_REGION",
            |c| c.otel.function.region.is_none(),
            "eu-north-1",
            |c| c.otel.function.region.as_deref() == Some("eu-north-1"),
            &[],
            "",
        ),
        count("AWS_LAMBDA_MAX_CONCURRENCY", |c| c.max_concurrency, 1, 10),
        row(
            "AWS_LAMBDA_INITIALIZATION_TYPE",
            |c| !c.eager_init && !c.snap_start,
            "provisioned-concurrency",
            |c| c.eager_init,
            &[],
            "",
        ),
        row(
            "RUST_LOG",
            |c| c.log_filter.as_str() == "info,rmcp=warn",
            "debug,hyper=off",
            |c| c.log_filter.as_str() == "debug,hyper=off",
            &["info,=]", "a=b=c"],
            "a filter such as info,rmcp=warn",
        ),
        row(
            "AWS_LAMBDA_LOG_LEVEL",
            |c| c.log_filter.as_str() == "info,rmcp=warn",
            "ERROR",
            |c| c.log_filter.as_str() == "error,rmcp=error",
            &["loud", "info,rmcp=warn"],
            "trace, debug, info, warn, error, fatal or off",
        ),
        row(
            "MCP_LOG_PAYLOADS",
            |c| c.log_payloads == 0,
            "200",
            |c| c.log_payloads == 200,
            &["-1", "all"],
            "a whole number from 0 to 4294967295",
        ),
        row(
            "MCP_LOG_FORMAT",
            |c| c.log_format == LogFormat::Text,
            "JSON",
            |c| c.log_format == LogFormat::Json,
            &["xml"],
            "text or json",
        ),
    ]
}

fn table(rows: &[(&str, &[&str])]) -> ScopeTable {
    let mut table = ScopeTable::default();
    for (name, scopes) in rows {
        table.add(name, scopes.iter().copied());
    }
    table
}
