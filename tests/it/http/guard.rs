//! What HTTP refuses before anything is read: hosts, origins, methods, content types.
//! <https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#security-endpoint>
//! (read 2026-11-20).

use http::Method;
use mcp_lambda_server::{Config, config::AllowList};
use serde_json::json;
use test_support::{McpRequest, Reply, World, call, environment, environments_with, refused, text};

fn echo() -> McpRequest {
    call("echo", json!({ "message": "hi" }))
}

fn list(items: &[&str]) -> AllowList {
    AllowList::List(items.iter().map(ToString::to_string).collect())
}

async fn status_of(world: &World, post: McpRequest) -> u16 {
    post.send(world.at(0)).await.status.as_u16()
}

#[tokio::test(start_paused = true)]
async fn a_foreign_origin_is_forbidden_with_an_error_without_an_id() {
    let world = environment();
    let foreign = [
        "https://evil.example",
        "null",
        "http://localhost.evil.example",
        "http://evil.example:80",
        "http://127.0.0.2",
        "file://",
        "localhost",
        "http://localhost@evil.example",
        "http://127.0.0.1.evil.example",
        "",
        "chrome-extension://localhost",
    ];
    for origin in foreign {
        let reply = echo().header("origin", origin).send(world.at(0)).await;
        assert_eq!(reply.header("access-control-allow-origin"), None, "{origin}");
        let (status, _, body) = refused(reply).await;
        assert_eq!((status, body.get("id")), (403, None), "{origin}");
    }
}

/// Also on the other methods of the endpoint, and if only the second of two origins is foreign.
#[tokio::test(start_paused = true)]
async fn every_origin_of_every_method_is_checked() {
    let world = environment();
    for method in [Method::GET, Method::DELETE, Method::PUT] {
        assert_eq!(
            status_of(&world, McpRequest::of(method).header("origin", "https://evil.example")).await,
            403
        );
    }
    let two = echo().header("origin", "http://localhost").and_header("origin", b"https://evil.example");
    assert_eq!(status_of(&world, two).await, 403);
    assert_eq!(status_of(&world, echo().and_header("origin", b"\xff")).await, 403);
}

#[tokio::test(start_paused = true)]
async fn an_absent_or_local_origin_is_fine() {
    let world = environment();
    assert_eq!(status_of(&world, echo()).await, 200);
    for origin in ["http://localhost", "http://localhost:5173", "https://127.0.0.1:8443", "http://[::1]:3000"]
    {
        let reply = echo().header("origin", origin).send(world.at(0)).await;
        assert_eq!(reply.status, 200, "{origin}");
        assert_eq!(reply.header("access-control-allow-origin"), Some(origin));
    }
}

/// MCP_CORS_ORIGINS.
#[tokio::test(start_paused = true)]
async fn a_list_of_origins_replaces_the_local_ones() {
    let world = environments_with(1, |config| config.cors.origins = list(&["https://app.example.com"]));
    assert_eq!(status_of(&world, echo().header("origin", "https://app.example.com")).await, 200);
    assert_eq!(status_of(&world, echo().header("origin", "http://localhost")).await, 403);
    assert_eq!(status_of(&world, echo().header("origin", "https://app.example.com:444")).await, 403);
    let all = environments_with(1, |config| config.cors.origins = AllowList::Any);
    let reply = echo().header("origin", "https://anybody.example").send(all.at(0)).await;
    assert_eq!((reply.status.as_u16(), reply.header("access-control-allow-origin")), (200, Some("*")));
}

/// A preflight, as a browser sends it before a POST with our headers.
async fn preflight(world: &World, origin: &str) -> Reply {
    McpRequest::of(Method::OPTIONS)
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type,mcp-protocol-version,mcp-param-region")
        .send(world.at(0))
        .await
}

#[tokio::test(start_paused = true)]
async fn a_preflight_lets_a_known_origin_send_our_headers() {
    let world = environment();
    let reply = preflight(&world, "http://localhost:5173").await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("access-control-allow-origin"), Some("http://localhost:5173"));
    let allowed = reply.header("access-control-allow-headers").unwrap_or_default();
    assert_eq!(allowed, "content-type,mcp-protocol-version,mcp-param-region");
    let methods = reply.header("access-control-allow-methods").unwrap_or_default();
    assert!(["GET", "POST", "DELETE"].iter().all(|method| methods.contains(method)), "{methods}");
    assert_eq!(reply.header("access-control-max-age"), Some("86400"));
    assert_eq!(reply.header("access-control-allow-credentials"), None);
}

/// On every method, and before a preflight allows anything.
#[tokio::test(start_paused = true)]
async fn a_preflight_from_a_foreign_origin_is_forbidden() {
    let world = environment();
    for origin in ["https://evil.example", "null", ""] {
        let reply = preflight(&world, origin).await;
        for name in ["origin", "methods", "headers"] {
            assert_eq!(reply.header(&format!("access-control-allow-{name}")), None, "{origin}");
        }
        let (status, _, body) = refused(reply).await;
        assert_eq!((status, body.get("id")), (403, None), "{origin}");
    }
    let any = environments_with(1, |config| config.cors.origins = AllowList::Any);
    assert_eq!(preflight(&any, "https://anybody.example").await.status, 200);
    let health = McpRequest::of(Method::OPTIONS).path("/.well-known/oauth-protected-resource");
    let asks = health.header("origin", "https://evil.example").header("access-control-request-method", "GET");
    assert_eq!(status_of(&world, asks).await, 403, "on every path");
}

#[tokio::test(start_paused = true)]
async fn credentials_are_allowed_only_when_configured() {
    let change = |config: &mut Config| {
        config.cors.credentials = true;
        config.cors.origins = list(&["https://app.example.com"]);
    };
    let reply = preflight(&environments_with(1, change), "https://app.example.com").await;
    assert_eq!(reply.header("access-control-allow-credentials"), Some("true"));
}

/// Browsers hide headers from pages unless they are exposed.
#[tokio::test(start_paused = true)]
async fn a_browser_may_read_the_headers_of_the_protocol() {
    let reply = echo().header("origin", "http://localhost").send(environment().at(0)).await;
    let exposed = reply.header("access-control-expose-headers").unwrap_or_default().to_owned();
    for name in ["mcp-session-id", "mcp-protocol-version", "www-authenticate"] {
        assert!(exposed.contains(name), "{exposed}");
    }
    assert!(reply.header("vary").is_some_and(|vary| vary.to_ascii_lowercase().contains("origin")));
}

/// DNS rebinding: a name that is not ours is not answered to.
#[tokio::test(start_paused = true)]
async fn a_foreign_host_is_forbidden() {
    let world = environment();
    let foreign = ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:9000", "[::2]", ""];
    for host in foreign {
        let (status, _, body) = refused(echo().header("host", host).send(world.at(0)).await).await;
        assert_eq!((status, body.get("id")), (403, None), "{host}");
    }
    assert_eq!(status_of(&world, echo().and_header("host", b"evil.example")).await, 400);
    assert_eq!(
        status_of(&world, echo().and_header("host", b"127.0.0.1:9000")).await,
        400,
        "two are one too many"
    );
    assert_eq!(status_of(&world, echo().without("host").and_header("host", b"\xff")).await, 400);
}

#[tokio::test(start_paused = true)]
async fn local_and_configured_hosts_are_answered() {
    let world = environment();
    for host in ["localhost", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:9000", "[::1]:9000", "[::1]"] {
        assert_eq!(status_of(&world, echo().header("host", host)).await, 200, "{host}");
    }
    let named =
        environments_with(1, |config| config.hosts = list(&["mcp.example.com", "mcp.example.com:8443"]));
    for (host, status) in [
        ("MCP.example.com", 200),
        ("mcp.example.com:8443", 200),
        ("mcp.example.com:1", 200),
        ("localhost", 403),
    ] {
        assert_eq!(status_of(&named, echo().header("host", host)).await, status, "{host}");
    }
    let any = environments_with(1, |config| config.hosts = AllowList::Any);
    assert_eq!(status_of(&any, echo().header("host", "whatever.example")).await, 200);
}

#[tokio::test(start_paused = true)]
async fn other_methods_are_not_allowed() {
    let world = environment();
    for method in [Method::PUT, Method::PATCH, Method::HEAD, Method::TRACE] {
        let reply = McpRequest::of(method.clone()).send(world.at(0)).await;
        let allowed = Some("GET, POST, DELETE, OPTIONS");
        assert_eq!((reply.status.as_u16(), reply.header("allow")), (405, allowed), "{method}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_not_declared_as_json_is_an_unsupported_media_type() {
    let world = environment();
    for kind in [
        "text/plain",
        "application/jsonp",
        "application",
        "",
        "text/json, application/json",
        "application/json-rpc",
    ] {
        assert_eq!(status_of(&world, echo().header("content-type", kind)).await, 415, "{kind}");
    }
    assert_eq!(status_of(&world, echo().without("content-type")).await, 415);
    assert_eq!(status_of(&world, echo().and_header("content-type", b"application/json")).await, 415, "twice");
    assert_eq!(
        status_of(&world, echo().without("content-type").and_header("content-type", b"\xff")).await,
        415
    );
    for kind in ["application/json", "Application/JSON; charset=utf-8", " application/json ;x=y"] {
        assert_eq!(status_of(&world, echo().header("content-type", kind)).await, 200, "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_accepts_neither_answer_is_not_acceptable() {
    let world = environment();
    for accept in [
        "text/html",
        "application/json;q=0",
        "application/json;q=0.0, text/event-stream; q=0",
        "application/xml",
    ] {
        assert_eq!(status_of(&world, echo().header("accept", accept)).await, 406, "{accept}");
    }
    for accept in [
        "*/*",
        "application/*",
        "Application/JSON",
        "text/html, */*;q=0.1",
        "application/json;q=0.5",
        "text/event-stream",
    ] {
        assert_eq!(status_of(&world, echo().header("accept", accept)).await, 200, "{accept}");
    }
    assert_eq!(
        text(echo().without("accept").send(world.at(0)).await).await,
        "hi",
        "saying nothing accepts anything"
    );
    let split = echo().header("accept", "text/event-stream").and_header("accept", b"application/json");
    assert_eq!(text(split.send(world.at(0)).await).await, "hi", "a list may be split");
}
