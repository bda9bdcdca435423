//! Every variable: its default, a value, its alias, and what a wrong value says.

use std::{collections::HashMap, time::Duration};

use mcp_lambda_server::{
    Config,
    auth::{AuthMode, ScopeTable},
    config::{AllowList, LogFormat, ProcessRole, ResponseMode, SessionMode, TlsRoots, VARIABLES},
    error::ConfigError,
};
use serde_json::{Value, json};

/// Reads a configuration from these variables alone.
fn with(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let variables: HashMap<_, _> = variables.iter().copied().collect();
    Config::from_lookup(|name| variables.get(name).map(|value| (*value).to_owned()))
}

type Holds = fn(&Config) -> bool;

/// A variable, what holds without it, a value and what holds with it, values it does not take and what they expect.
type Row = (&'static str, Holds, &'static str, Holds, &'static [&'static str], &'static str);

const KEY: &str = "one:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const NO_COUNT: &[&str] = &["0", "-1", "1.5", "many", "4294967296", "18446744073709551616", "0x10", "1 000"];
const NO_SWITCH: &[&str] = &["maybe", "2", "onn"];
const NUMBER: &str = "a whole number from 1 to 4294967295";
const SWITCH: &str = "on or off";

fn hosts(list: &AllowList, items: &[&str]) -> bool {
    matches!(list, AllowList::List(list) if list == items)
}

fn rows() -> Vec<Row> {
    vec![
        (
            "MCP_ROLE",
            |c| c.role == ProcessRole::Server,
            "worker",
            |c| c.role == ProcessRole::Worker,
            &["Worker", "ingest", "server,worker"],
            "server, worker or agentcore-schema",
        ),
        (
            "MCP_LISTEN",
            |c| c.listen.to_string() == "127.0.0.1:9000",
            "0.0.0.0:80",
            |c| c.listen.port() == 80,
            &["9000", "localhost:9000", "127.0.0.1", "127.0.0.1:99999"],
            "an address such as 127.0.0.1:9000",
        ),
        (
            "MCP_PATH",
            |c| c.path == "/mcp",
            "/v1",
            |c| c.path == "/v1",
            &["mcp", "/a?b", "/a#b", "/*", "/a b"],
            "a path such as /mcp",
        ),
        (
            "MCP_RESPONSE_MODE",
            |c| c.response_mode == ResponseMode::Auto,
            "buffered",
            |c| c.response_mode == ResponseMode::Buffered,
            &["chunked", "true"],
            "stream, buffered or auto",
        ),
        ("MCP_STREAMS", |c| c.streams.enabled, "off", |c| !c.streams.enabled, NO_SWITCH, SWITCH),
        (
            "MCP_STREAM_SECONDS",
            |c| c.streams.lifetime.is_none(),
            "30",
            |c| c.streams.lifetime == Some(Duration::from_secs(30)),
            NO_COUNT,
            NUMBER,
        ),
        (
            "MCP_STREAMS_PER_PRINCIPAL",
            |c| c.streams.per_principal == 16,
            "3",
            |c| c.streams.per_principal == 3,
            NO_COUNT,
            NUMBER,
        ),
        (
            "MCP_STREAMS_PER_PROCESS",
            |c| c.streams.per_process == 1000,
            "64",
            |c| c.streams.per_process == 64,
            NO_COUNT,
            NUMBER,
        ),
        (
            "MCP_KEEP_ALIVE_SECONDS",
            |c| c.streams.keep_alive == Duration::from_secs(12),
            "5",
            |c| c.streams.keep_alive == Duration::from_secs(5),
            NO_COUNT,
            NUMBER,
        ),
        (
            "MCP_RETRY_MS",
            |c| c.streams.retry == Duration::from_millis(1000),
            "250",
            |c| c.streams.retry == Duration::from_millis(250),
            NO_COUNT,
            NUMBER,
        ),
        (
            "MCP_METRICS_ADDR",
            |c| c.metrics_address.is_none(),
            "[::1]:9100",
            |c| c.metrics_address == "[::1]:9100".parse().ok(),
            &["9100", "127.0.0.1", "0.0.0.0:9100", "192.0.2.1:9100", "localhost:9100"],
            "a loopback address such as 127.0.0.1:9100",
        ),
        (
            "MCP_REQUEST_SECONDS",
            |c| c.request_timeout == Duration::from_secs(900),
            "10",
            |c| c.request_timeout == Duration::from_secs(10),
            NO_COUNT,
            NUMBER,
        ),
        (
            "MCP_CONNECTIONS",
            |c| c.connections.limit == 2048,
            "9",
            |c| c.connections.limit == 9,
            NO_COUNT,
            NUMBER,
        ),
        (
            "MCP_CONNECTION_IDLE_SECONDS",
            |c| c.connections.idle == Duration::from_secs(120),
            "7",
            |c| c.connections.idle == Duration::from_secs(7),
            NO_COUNT,
            NUMBER,
        ),
        (
            "MCP_WRITE_SECONDS",
            |c| c.connections.write_time == Duration::from_secs(30),
            "7",
            |c| c.connections.write_time == Duration::from_secs(7),
            NO_COUNT,
            NUMBER,
        ),
        (
            "MCP_STOP_SECONDS",
            |c| c.connections.stop_time == Duration::from_secs(8),
            "20",
            |c| c.connections.stop_time == Duration::from_secs(20),
            NO_COUNT,
            NUMBER,
        ),
        (
            "MCP_TRUSTED_PROXIES",
            |c| c.connections.trusted_proxies.is_empty(),
            "10.0.0.7, ::1",
            |c| c.connections.trusted_proxies.len() == 2,
            &["proxy", "10.0.0.0/8", "10.0.0.7,nginx"],
            "IP addresses such as 10.0.0.7",
        ),
        (
            "MCP_TOOL_CHECK_TTL_SECS",
            |c| c.tool_check_interval == Duration::from_secs(10),
            "0",
            |c| c.tool_check_interval == Duration::ZERO,
            &["-1", "1.5", "often"],
            "a whole number from 0 to 4294967295",
        ),
        (
            "MCP_SESSIONS",
            |c| c.sessions.mode.is_none() && c.sessions.mode() == SessionMode::Optional,
            "off",
            |c| c.sessions.mode() == SessionMode::Off,
            &["on", "true", "none"],
            "required, optional, off or platform",
        ),
        (
            "MCP_SESSIONS_PER_PRINCIPAL",
            |c| c.sessions.per_principal == 1000,
            "5",
            |c| c.sessions.per_principal == 5,
            NO_COUNT,
            NUMBER,
        ),
        (
            "MCP_SUBSCRIPTIONS_PER_SESSION",
            |c| c.sessions.subscriptions == 200,
            "5",
            |c| c.sessions.subscriptions == 5,
            NO_COUNT,
            NUMBER,
        ),
        (
            "MCP_MEMORY_MB",
            |c| c.memory == 64 * 1024 * 1024,
            "3",
            |c| c.memory == 3 * 1024 * 1024,
            NO_COUNT,
            NUMBER,
        ),
        (
            "SESSION_TTL_MINUTES",
            |c| c.session_ttl == Duration::from_secs(86_400),
            "2",
            |c| c.session_ttl == Duration::from_secs(120),
            NO_COUNT,
            NUMBER,
        ),
        (
            "MCP_STATE_KEYS",
            |c| c.state_keys.is_empty(),
            KEY,
            |c| c.state_keys.len() == 1 && c.state_keys[0].id == "one",
            &["AAAA", "one:AAAA", "one:***", ":AAAA", "one"],
            "id:base64 with 32 bytes or more",
        ),
        (
            "MCP_STATE_TTL_SECONDS",
            |c| c.state_ttl == Duration::from_secs(600),
            "60",
            |c| c.state_ttl == Duration::from_secs(60),
            NO_COUNT,
            NUMBER,
        ),
        ("MCP_MAX_BODY_BYTES", |c| c.max_body == 6_291_456, "1000", |c| c.max_body == 1000, NO_COUNT, NUMBER),
        (
            "MAX_RESPONSE_SIZE_MB",
            |c| c.max_response == 200 << 20,
            "6",
            |c| c.max_response == 6 << 20,
            NO_COUNT,
            NUMBER,
        ),
        ("MCP_MAX_JSON_DEPTH", |c| c.limits.depth == 64, "8", |c| c.limits.depth == 8, NO_COUNT, NUMBER),
        (
            "MCP_MAX_JSON_VALUES",
            |c| c.limits.values == 25_000,
            "8",
            |c| c.limits.values == 8,
            NO_COUNT,
            NUMBER,
        ),
        ("MCP_MAX_BATCH", |c| c.limits.batch == 50, "1", |c| c.limits.batch == 1, NO_COUNT, NUMBER),
        ("MCP_ARGUMENT_CHECKS", |c| c.argument_checks, "off", |c| !c.argument_checks, NO_SWITCH, SWITCH),
        (
            "MCP_MAX_HEADERS",
            |c| c.requests.headers == 100,
            "7",
            |c| c.requests.headers == 7,
            NO_COUNT,
            NUMBER,
        ),
        (
            "MCP_MAX_HEADER_BYTES",
            |c| c.requests.header_bytes == 65_536,
            "8192",
            |c| c.requests.header_bytes == 8192,
            NO_COUNT,
            NUMBER,
        ),
        (
            "MCP_BODY_SECONDS",
            |c| c.requests.body_time == Duration::from_secs(30),
            "5",
            |c| c.requests.body_time == Duration::from_secs(5),
            NO_COUNT,
            NUMBER,
        ),
        (
            "MCP_BODY_BYTES_PER_PRINCIPAL",
            |c| c.requests.body_bytes_per_principal == 16 << 20,
            "1000",
            |c| c.requests.body_bytes_per_principal == 1000,
            NO_COUNT,
            NUMBER,
        ),
        (
            "MCP_BODY_BYTES_PER_PROCESS",
            |c| c.requests.body_bytes_per_process == 64 << 20,
            "1000",
            |c| c.requests.body_bytes_per_process == 1000,
            NO_COUNT,
            NUMBER,
        ),
        (
            "MCP_REQUESTS_PER_PRINCIPAL",
            |c| c.requests.per_principal == 128,
            "4",
            |c| c.requests.per_principal == 4,
            NO_COUNT,
            NUMBER,
        ),
        (
            "MCP_REQUESTS_PER_PROCESS",
            |c| c.requests.per_process == 4096,
            "9",
            |c| c.requests.per_process == 9,
            NO_COUNT,
            NUMBER,
        ),
        (
            "MCP_EVENTS",
            |c| c.events.enabled.is_none(),
            "off",
            |c| c.events.enabled == Some(false),
            NO_SWITCH,
            SWITCH,
        ),
        (
            "EVENT_TTL_MINUTES",
            |c| c.events.ttl == Duration::from_secs(3600),
            "2",
            |c| c.events.ttl == Duration::from_secs(120),
            NO_COUNT,
            NUMBER,
        ),
        (
            "EVENT_FANOUT_REPLICAS",
            |c| c.events.replicas == 1,
            "4",
            |c| c.events.replicas == 4,
            NO_COUNT,
            NUMBER,
        ),
        (
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
        (
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
        (
            "MCP_TASK_TTL_SECONDS",
            |c| c.tasks.ttl == Duration::from_secs(3600),
            "60",
            |c| c.tasks.ttl == Duration::from_secs(60),
            NO_COUNT,
            NUMBER,
        ),
        (
            "MCP_TASKS_PER_PRINCIPAL",
            |c| c.tasks.per_principal == 32,
            "9",
            |c| c.tasks.per_principal == 9,
            NO_COUNT,
            NUMBER,
        ),
        (
            "MCP_TASKS_PER_PROCESS",
            |c| c.tasks.per_process == 16,
            "9",
            |c| c.tasks.per_process == 9,
            NO_COUNT,
            NUMBER,
        ),
        (
            "MCP_TASK_LEASE_SECONDS",
            |c| c.tasks.lease == Duration::from_secs(60),
            "10",
            |c| c.tasks.lease == Duration::from_secs(10),
            &["0", "9", "1.5", "4294967296"],
            "a whole number from 10 to 4294967295",
        ),
        ("MCP_TASK_ATTEMPTS", |c| c.tasks.attempts == 5, "2", |c| c.tasks.attempts == 2, NO_COUNT, NUMBER),
        (
            "MCP_STDIO_COMMAND",
            |c| c.stdio.command.is_empty(),
            r#"["node","a b"]"#,
            |c| c.stdio.command == ["node", "a b"],
            &["node server.js", "[]", r#"[""]"#, "[1]", "{}"],
            "a JSON array of a program and its arguments",
        ),
        (
            "MCP_STDIO_CONFIG",
            |c| c.stdio.config.is_none(),
            "/opt/servers.json",
            |c| c.stdio.config.as_deref() == Some("/opt/servers.json".as_ref()),
            &[],
            "",
        ),
        (
            "MCP_STDIO_CHILD_PER",
            |c| c.stdio.child_per.is_none(),
            "session",
            |c| c.stdio.child_per.as_deref() == Some("session"),
            // The program mcp-lambda-stdio knows the choices.
            &[],
            "",
        ),
        (
            "MCP_STDIO_REPEAT_CALLS",
            |c| !c.stdio.repeat_calls,
            "on",
            |c| c.stdio.repeat_calls,
            &["sometimes"],
            "on or off (true or false)",
        ),
        (
            "AWS_LAMBDA_EXEC_WRAPPER",
            |c| !c.stdio.is_exec_wrapper,
            "/opt/mcp-lambda-stdio",
            |c| c.stdio.is_exec_wrapper,
            &[],
            "",
        ),
        (
            "LAMBDA_TASK_ROOT",
            |c| c.stdio.task_root.is_none(),
            "/var/task",
            |c| c.stdio.task_root.as_deref() == Some("/var/task".as_ref()),
            &[],
            "",
        ),
        (
            "MCP_TLS_ROOTS",
            |c| c.tls_roots == TlsRoots::Amazon,
            "native",
            |c| c.tls_roots == TlsRoots::Native,
            &["Amazon", "mozilla", "all"],
            "amazon or native",
        ),
        (
            "MCP_ALLOWED_HOSTS",
            |c| c.hosts == AllowList::Loopback,
            "A.example, b.example:8443",
            |c| hosts(&c.hosts, &["a.example", "b.example:8443"]),
            &["https://a.example", "a.example/mcp", "*.example", "a b"],
            "host names",
        ),
        (
            "MCP_CORS_ORIGINS",
            |c| c.cors.origins == AllowList::Loopback,
            "https://a.example,null",
            |c| hosts(&c.cors.origins, &["https://a.example", "null"]),
            &["a.example", "https://a.example/", "https://*.example", "https://", "://a", "https://a@b"],
            "origins such as",
        ),
        ("MCP_CORS_CREDENTIALS", |c| !c.cors.credentials, "true", |c| c.cors.credentials, NO_SWITCH, SWITCH),
        (
            "MCP_CORS_MAX_AGE",
            |c| c.cors.max_age == Duration::from_secs(86_400),
            "0",
            |c| c.cors.max_age.is_zero(),
            &["-1", "1.5", "long", "4294967296"],
            "a whole number from 0 to 4294967295",
        ),
        (
            "MCP_AUTH",
            |c| c.auth.mode == AuthMode::Open,
            "gateway",
            |c| c.auth.mode == AuthMode::Gateway,
            &["oidc", "true", "Front"],
            "none, jwt or gateway",
        ),
        (
            "MCP_PUBLIC_URL",
            |c| c.auth.public_url.is_none(),
            "https://mcp.example.com/prod/",
            |c| c.auth.public_url.as_deref() == Some("https://mcp.example.com/prod"),
            &["mcp.example.com", "http://mcp.example.com", "https://a@b", "https://a?b", "https://", "/mcp"],
            "an https URL without a query",
        ),
        (
            "MCP_TOOL_SCOPES",
            |c| c.auth.tools == ScopeTable::default(),
            "publish_*=events:write audit, count = state",
            |c| c.auth.tools == table(&[("publish_*", &["events:write", "audit"]), ("count", &["state"])]),
            &["count", "count=", "=scope", "count=\"a\"", "count=a\\b", "a=b,c"],
            "tool=scopes",
        ),
        (
            "MCP_SCOPE_HIERARCHY",
            |c| c.auth.hierarchy == ScopeTable::default(),
            "admin=events:write",
            |c| c.auth.hierarchy == table(&[("admin", &["events:write"])]),
            &["admin", "admin="],
            "scope=scopes",
        ),
        ("ENABLE_COMPRESSION", |c| c.compression, "no", |c| !c.compression, NO_SWITCH, SWITCH),
        (
            "AWS_LAMBDA_RUNTIME_API",
            |c| c.runtime_api.is_none(),
            "127.0.0.1:9001",
            |c| c.runtime_api.as_deref() == Some("127.0.0.1:9001") && c.log_format == LogFormat::Json,
            &[],
            "",
        ),
        (
            "AWS_LAMBDA_FUNCTION_NAME",
            |c| c.function_name.is_none(),
            "server",
            |c| c.function_name.as_deref() == Some("server"),
            &[],
            "",
        ),
        (
            "AWS_LAMBDA_FUNCTION_VERSION",
            |c| c.otel.function.version.is_none(),
            "7",
            |c| c.otel.function.version.as_deref() == Some("7"),
            &[],
            "",
        ),
        (
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
            |c| c.otel.function.memory.is_none(),
            "256",
            |c| c.otel.function.memory == Some(256),
            NO_COUNT,
            NUMBER,
        ),
        (
            "AWS_LAMBDA_LOG_STREAM_NAME",
            |c| c.otel.function.log_stream.is_none(),
            "2026/11/27/[$LATEST]1",
            |c| c.otel.function.log_stream.as_deref() == Some("2026/11/27/[$LATEST]1"),
            &[],
            "",
        ),
        (
            "AWS_REGION",
            |c| c.otel.function.region.is_none(),
            "eu-north-1",
            |c| c.otel.function.region.as_deref() == Some("eu-north-1"),
            &[],
            "",
        ),
        (
            "AWS_LAMBDA_MAX_CONCURRENCY",
            |c| c.max_concurrency == 1,
            "10",
            |c| c.max_concurrency == 10,
            NO_COUNT,
            NUMBER,
        ),
        (
            "AWS_LAMBDA_INITIALIZATION_TYPE",
            |c| !c.eager_init && !c.snap_start,
            "provisioned-concurrency",
            |c| c.eager_init,
            &[],
            "",
        ),
        (
            "RUST_LOG",
            |c| c.log_filter.as_str() == "info,rmcp=warn",
            "debug,hyper=off",
            |c| c.log_filter.as_str() == "debug,hyper=off",
            &["info,=]", "a=b=c"],
            "a filter such as info,rmcp=warn",
        ),
        (
            "AWS_LAMBDA_LOG_LEVEL",
            |c| c.log_filter.as_str() == "info,rmcp=warn",
            "ERROR",
            |c| c.log_filter.as_str() == "error,rmcp=error",
            &["loud", "info,rmcp=warn"],
            "trace, debug, info, warn, error, fatal or off",
        ),
        (
            "MCP_LOG_PAYLOADS",
            |c| c.log_payloads == 0,
            "200",
            |c| c.log_payloads == 200,
            &["-1", "all"],
            "a whole number from 0 to 4294967295",
        ),
        (
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

/// Two that mean something only together, and so have a test of their own.
const TABLES: [&str; 2] = ["SESSION_TABLE_NAME", "EVENT_TABLE_NAME"];

#[test]
fn every_variable_has_a_row_here() {
    let tested: Vec<_> = rows().iter().map(|row| row.0).collect();
    let known = VARIABLES.iter().map(|variable| variable.name);
    // These have a file of their own each.
    let is_elsewhere = |name: &str| name.starts_with("MCP_JWT_") || name.starts_with("OTEL_");
    let known: Vec<_> = known.filter(|name| !TABLES.contains(name) && !is_elsewhere(name)).collect();
    assert_eq!(tested, known);
}

#[test]
fn without_a_variable_its_default_holds() {
    let config = with(&[]).expect("nothing has to be set");
    for (name, default, ..) in rows() {
        assert!(default(&config), "{name}");
    }
}

/// What templates write when a parameter is left out.
#[test]
fn an_empty_variable_is_not_set() {
    for (name, default, ..) in rows() {
        for empty in ["", "  ", "\n"] {
            assert!(default(&with(&[(name, empty)]).expect(name)), "{name}");
        }
    }
}

#[test]
fn a_variable_that_is_set_holds_with_blanks_around_it_or_without() {
    for (name, default, value, holds, ..) in rows() {
        for value in [value.to_owned(), format!(" {value}\n")] {
            let config = with(&[(name, &value)]).expect(name);
            assert!(holds(&config) && !default(&config), "{name}={value}");
        }
    }
}

#[test]
fn a_wrong_value_stops_with_the_name_and_what_was_expected() {
    for (name, _, _, _, wrong, expected) in rows() {
        for value in wrong {
            let error = with(&[(name, value)]).expect_err(&format!("{name}={value}"));
            assert_eq!(error.variable(), name);
            assert!(error.expected().contains(expected), "{error}");
            let text = error.to_string();
            assert!(text.starts_with(name) && text.contains("expected"), "{text}");
        }
    }
}

#[test]
fn an_alias_works_and_the_name_wins_over_it() {
    for variable in VARIABLES {
        let row = rows().into_iter().find(|row| row.0 == variable.name);
        let (Some(alias), Some((_, default, value, holds, wrong, _))) = (variable.alias, row) else {
            continue;
        };
        assert!(holds(&with(&[(alias, value)]).expect(alias)), "{alias}");
        assert!(holds(&with(&[(alias, wrong[0]), (variable.name, value)]).expect(alias)), "{alias} loses");
        assert!(
            holds(&with(&[(alias, value), (variable.name, "")]).expect(alias)),
            "an empty name does not win"
        );
        assert!(default(&with(&[(alias, "")]).expect(alias)));
    }
}

#[test]
fn tables_are_named_together_by_name_or_alias() {
    assert_eq!(with(&[]).expect("nothing has to be set").tables, None);
    for names in [TABLES, ["MCP_SESSION_TABLE", "MCP_SESSION_EVENT_TABLE"]] {
        let tables =
            with(&[(names[0], "state"), (names[1], "events")]).expect("both").tables.expect("tables");
        assert_eq!((tables.state.as_str(), tables.events.as_str()), ("state", "events"));
        for (alone, missing) in [(names[0], TABLES[1]), (names[1], TABLES[0])] {
            assert_eq!(with(&[(alone, "table")]).expect_err("one alone").variable(), missing);
        }
    }
}

#[test]
fn switches_take_the_usual_words() {
    for (words, expected) in [(["on", "TRUE", "1", "yes"], true), (["off", "False", "0", "no"], false)] {
        for word in words {
            assert_eq!(with(&[("MCP_STREAMS", word)]).expect(word).streams.enabled, expected, "{word}");
        }
    }
}

#[test]
fn cors_credentials_are_refused_with_any_origin() {
    let error = with(&[("MCP_CORS_CREDENTIALS", "on"), ("MCP_CORS_ORIGINS", "*")]).expect_err("refused");
    assert_eq!(error.variable(), "MCP_CORS_CREDENTIALS");
    assert!(error.expected().contains("MCP_CORS_ORIGINS"));
}

#[test]
fn a_star_allows_every_origin_and_an_empty_list_none() {
    let all = with(&[("MCP_CORS_ORIGINS", "*"), ("MCP_ALLOWED_HOSTS", "*")]).expect("a configuration");
    assert_eq!((all.cors.origins, all.hosts), (AllowList::Any, AllowList::Any));
    let none = with(&[("MCP_ALLOWED_HOSTS", ",")]).expect("a configuration");
    assert_eq!(none.hosts, AllowList::List(Vec::new()));
}

#[test]
fn keys_are_a_list_and_the_first_signs() {
    let second = KEY.replace("one", "two");
    let config = with(&[("MCP_STATE_KEYS", &format!("{second}, {KEY}"))]).expect("two keys");
    let ids: Vec<_> = config.state_keys.iter().map(|key| key.id.as_str()).collect();
    assert_eq!(ids, ["two", "one"]);
}

/// A log that shows a configuration or its error shows no key.
#[test]
fn a_secret_is_never_shown() {
    let secret = "c2VjcmV0IHNlY3JldCBzZWNyZXQ";
    for value in [
        format!("one:{secret}"),
        secret.to_owned(),
        format!("{KEY},{secret}"),
        format!("{KEY},one:{secret}{secret}"),
    ] {
        let error = with(&[("MCP_STATE_KEYS", &value)]).expect_err("refused");
        assert!(!format!("{error} {error:?}").contains(secret), "{error}");
    }
    let config = with(&[("MCP_STATE_KEYS", KEY)]).expect("a key");
    assert!(
        !format!("{config:?}").contains("AAAA") && !format!("{config:?}").contains("[0, 0"),
        "{config:?}"
    );
}

/// The contract with the construct that deploys this server: both languages assert the same file.
#[test]
fn the_contract_lists_exactly_these_variables() {
    let contract: Value =
        serde_json::from_str(include_str!("../../contract/environment.json")).expect("JSON");
    let ours: Vec<Value> = VARIABLES
        .iter()
        .map(|variable| {
            json!({
                "name": variable.name, "alias": variable.alias, "default": variable.default, "meaning": variable.meaning,
            })
        })
        .collect();
    let ours = Value::from(ours);
    assert!(
        contract == ours,
        "tests/contract/environment.json is not what config says. If that change is meant, make it:\n{}",
        serde_json::to_string_pretty(&ours).expect("JSON")
    );
}

/// The README has a row for each variable that a deployment sets, with the default and the meaning of `VARIABLES`; a row
/// may add to the meaning. Lambda itself sets the variables that begin with `AWS_LAMBDA_`.
#[test]
fn the_readme_lists_each_variable_with_its_default_and_meaning() {
    let readme = include_str!("../../../README.md").replace('`', "");
    let documented = mcp_lambda_server::config::VARIABLES
        .iter()
        .filter(|variable| !variable.name.starts_with("AWS_LAMBDA_"));
    for variable in documented {
        let alias = variable.alias.map(|alias| format!(" ({alias})")).unwrap_or_default();
        let row = format!("| {}{alias} | {} | {}", variable.name, variable.default, variable.meaning);
        assert!(readme.lines().any(|line| line.starts_with(&row)), "no row of README.md begins with: {row}");
    }
}
