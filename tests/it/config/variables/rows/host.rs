//! The variables of processes of the stdio transport, of callers, and of the host.

use std::time::Duration;

use mcp_lambda_server::{
    auth::{AuthMode, ScopeTable},
    config::{AllowList, LogFormat, TlsRoots},
};

use super::super::row::{NO_COUNT, NO_SWITCH, NUMBER, Row, SWITCH, count, row, switch};
use super::hosts;

pub(super) fn rows() -> Vec<Row> {
    vec![
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
            "MCP_STDIO_MAX_PROCESSES",
            |c| c.stdio.max_processes.is_none(),
            "64",
            |c| c.stdio.max_processes == Some(64),
            NO_COUNT,
            NUMBER,
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
