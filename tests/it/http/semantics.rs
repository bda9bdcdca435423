//! HTTP as RFC 9110 and RFC 9112 have it: what a request must carry, what may be empty, and what an answer names.

use http::{Method, Version};
use mcp_lambda_server::{
    Config,
    auth::{AuthConfig, JwtConfig},
    config::SessionMode,
};
use serde_json::json;
use test_support::{
    McpRequest, Reply, call, environment, environments_with, initialize, refused,
    request::initialize_request,
    socket::{RunningServer, Socket},
    stateless, text,
};

fn echo() -> McpRequest {
    call("echo", json!({ "message": "hi" }))
}

async fn status(socket: &mut Socket, head: &str) -> u16 {
    socket.write(head.as_bytes()).await;
    socket.head().await.status
}

/// <https://www.rfc-editor.org/rfc/rfc9112#section-3.2>
#[tokio::test]
async fn a_request_of_http_1_1_without_a_host_is_a_bad_request_on_every_path() {
    let world = environment();
    let listening = RunningServer::start(world.at(0)).await;
    for path in ["/mcp", "/elsewhere"] {
        let mut socket = listening.connect().await;
        assert_eq!(status(&mut socket, &format!("GET {path} HTTP/1.1\r\n\r\n")).await, 400, "{path}");
    }
    let mut old = listening.connect().await;
    assert_eq!(status(&mut old, "GET /mcp HTTP/1.0\r\n\r\n").await, 405, "HTTP/1.0 had no such field");
    let mut absolute = listening.connect().await;
    let foreign = "GET http://evil.example/mcp HTTP/1.0\r\n\r\n";
    assert_eq!(status(&mut absolute, foreign).await, 403);
}

#[tokio::test(start_paused = true)]
async fn a_host_with_anything_behind_its_port_is_a_bad_request() {
    let world = environment();
    for host in [
        "localhost:80:evil",
        "localhost@evil",
        "localhost:80@evil.example",
        "evil.example@localhost",
        "user:password@localhost",
        "localhost:http",
        "localhost:99999",
        "localhost:80/",
        "localhost/mcp",
        "localhost?x",
        "localhost#x",
        "localhost, evil.example",
        "local host",
        "[::1]evil",
        "[::1",
        "::1",
        ":80",
        "localhost%00",
    ] {
        let (status, _, body) = refused(echo().header("host", host).send(world.at(0)).await).await;
        assert_eq!((status, body.get("id")), (400, None), "{host}");
    }
    assert_eq!(
        echo().header("host", "localhost:").send(world.at(0)).await.status,
        200,
        "a port may be empty"
    );
}

#[tokio::test(start_paused = true)]
async fn an_origin_with_anything_behind_its_port_is_forbidden() {
    let world = environment();
    for origin in [
        "http://localhost:80:evil",
        "http://localhost@evil",
        "http://user@localhost",
        "http://localhost/",
        "http://localhost/path",
        "http://localhost?x",
        "http://localhost#x",
        "http://localhost:http",
        "http://localhost:99999",
        "http://localhost, http://evil.example",
        "http://",
        "http:localhost",
        "//localhost",
        "http://[::1]evil",
        "http://::1",
    ] {
        let reply = echo().header("origin", origin).send(world.at(0)).await;
        assert_eq!(reply.status, 403, "{origin}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_in_a_coding_that_is_not_understood_is_415_and_says_which_is() {
    let world = environment();
    for coding in ["gzip", "br", "deflate", "zstd", "identity, gzip", "aws-chunked", "x"] {
        let reply = echo().header("content-encoding", coding).send(world.at(0)).await;
        assert_eq!(
            (reply.status.as_u16(), reply.header("accept-encoding")),
            (415, Some("identity")),
            "{coding}"
        );
    }
    let split = echo().header("content-encoding", "identity").and_header("content-encoding", b"gzip");
    assert_eq!(split.send(world.at(0)).await.status, 415);
    for coding in ["identity", "Identity", "", "identity, identity"] {
        let reply = echo().header("content-encoding", coding).send(world.at(0)).await;
        assert_eq!(reply.status, 200, "{coding:?}");
    }
}

/// As .NET and PowerShell write one before a text in UTF-8.
#[tokio::test(start_paused = true)]
async fn a_byte_order_mark_before_the_json_is_skipped() {
    let world = environment();
    let marked = |request: McpRequest| McpRequest {
        body: [b"\xef\xbb\xbf", &request.body[..]].concat().into(),
        ..request
    };
    assert_eq!(text(marked(echo()).send(world.at(0)).await).await, "hi");
    let opened = marked(initialize_request("2025-11-25", json!({}))).send(world.at(0)).await;
    assert_eq!(opened.status, 200);
    let (status, code, _) = refused(marked(marked(echo())).send(world.at(0)).await).await;
    assert_eq!((status, code), (400, -32700), "one mark, not two");
}

#[tokio::test(start_paused = true)]
async fn an_answer_405_allows_exactly_what_is_served() {
    let all = "GET, POST, DELETE, OPTIONS";
    let world = environment();
    let stateless = |method| McpRequest::of(method).header("mcp-protocol-version", "2026-07-28");
    for (request, allowed) in [
        (McpRequest::of(Method::PUT), all),
        (McpRequest::of(Method::HEAD), all),
        (McpRequest::of(Method::GET), "POST, OPTIONS"),
        (stateless(Method::GET), "POST, OPTIONS"),
        (stateless(Method::DELETE), "POST, OPTIONS"),
    ] {
        let named = format!("{} {:?}", request.method, request.headers.get("mcp-protocol-version"));
        let reply = request.send(world.at(0)).await;
        assert_eq!((reply.status.as_u16(), reply.header("allow")), (405, Some(allowed)), "{named}");
    }
    let off = environments_with(1, |config| config.streams.enabled = false);
    let session = initialize(off.at(0), "2025-11-25", json!({})).await;
    for request in [
        McpRequest::of(Method::PUT),
        McpRequest::of(Method::GET).header("mcp-session-id", &session),
        McpRequest::of(Method::GET).header("mcp-session-id", &session).header("last-event-id", "l.1"),
    ] {
        let reply = request.send(off.at(0)).await;
        assert_eq!((reply.status.as_u16(), reply.header("allow")), (405, Some("POST, DELETE, OPTIONS")));
    }
}

#[tokio::test(start_paused = true)]
async fn options_that_is_no_preflight_says_what_is_allowed() {
    let world = environment();
    let reply = McpRequest::of(Method::OPTIONS).send(world.at(0)).await;
    assert_eq!((reply.status.as_u16(), reply.header("allow")), (204, Some("GET, POST, DELETE, OPTIONS")));
    assert!(reply.bytes().await.is_empty());
    let elsewhere = McpRequest::of(Method::OPTIONS).path("/elsewhere").send(world.at(0)).await;
    assert_eq!(elsewhere.status, 404);
    let foreign = McpRequest::of(Method::OPTIONS).header("origin", "https://evil.example");
    assert_eq!(foreign.send(world.at(0)).await.status, 403);
}

#[tokio::test(start_paused = true)]
async fn the_most_specific_range_of_accept_counts_and_an_empty_header_accepts_anything() {
    let world = environment();
    for (accept, expected) in [
        ("", 200),
        (" , ,", 200),
        ("*/*", 200),
        ("application/json; q=1, */*;q=0", 200),
        ("text/html, application/json;charset=utf-8", 200),
        ("application/json;q=0, text/event-stream;q=0, */*", 406),
        ("application/*;Q=0.0, text/plain", 406),
        ("text/html", 406),
        ("application/json;q=0.001", 200),
    ] {
        let reply = echo().header("accept", accept).send(world.at(0)).await;
        assert_eq!(reply.status.as_u16(), expected, "{accept}");
    }
    let stream = echo().header("accept", "application/json;q=0, */*").send(world.at(0)).await;
    assert!(stream.is_stream(), "anything but JSON");
}

#[tokio::test(start_paused = true)]
async fn an_empty_session_header_is_a_missing_one() {
    let world = environments_with(1, |config| config.sessions.mode = Some(SessionMode::Required));
    let empty = |request: McpRequest| request.header("mcp-session-id", "");
    assert_eq!(empty(initialize_request("2025-11-25", json!({}))).send(world.at(0)).await.status, 200);
    let ping = McpRequest::json(&json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" }));
    assert_eq!(refused(empty(ping).send(world.at(0)).await).await.0, 400);
    assert_eq!(empty(McpRequest::of(Method::GET)).send(world.at(0)).await.status, 405);
    assert_eq!(refused(empty(McpRequest::of(Method::DELETE)).send(world.at(0)).await).await.0, 400);
}

fn authenticated(config: &mut Config) {
    config.auth = AuthConfig::tokens(JwtConfig::new("https://issuer.example", "mcp"));
}

#[tokio::test(start_paused = true)]
async fn a_path_with_a_slash_at_its_end_is_the_same_path_without_a_redirect() {
    let world = environment();
    assert_eq!(text(echo().path("/mcp/").send(world.at(0)).await).await, "hi");
    let session = initialize_request("2025-11-25", json!({})).path("/mcp/").send(world.at(0)).await;
    assert_eq!(session.status, 200);
    for path in ["/mcp//", "//mcp", "/mcp/x", "/MCP"] {
        assert_eq!(echo().path(path).send(world.at(0)).await.status, 404, "{path}");
    }
    let slash = environments_with(1, |config| config.path = "/v1/".into());
    for path in ["/v1", "/v1/"] {
        assert_eq!(text(echo().path(path).send(slash.at(0)).await).await, "hi", "{path}");
    }
    let protected = environments_with(1, authenticated);
    for path in ["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"] {
        let get = |path: &str| McpRequest::of(Method::GET).path(path);
        let plain = get(path).send(protected.at(0)).await.json().await;
        assert!(plain["authorization_servers"].is_array(), "{path}");
        assert_eq!(get(&format!("{path}/")).send(protected.at(0)).await.json().await, plain, "{path}/");
        for (method, expected) in [(Method::OPTIONS, 204), (Method::POST, 405)] {
            let reply = McpRequest::of(method).path(path).send(protected.at(0)).await;
            assert_eq!(
                (reply.status.as_u16(), reply.header("allow")),
                (expected, Some("GET, HEAD, OPTIONS"))
            );
        }
        let head = McpRequest::of(Method::HEAD).path(path).send(protected.at(0)).await;
        assert_eq!((head.status.as_u16(), head.header("content-type")), (200, Some("application/json")));
        assert!(head.bytes().await.is_empty());
    }
}

/// No header of HTTP changes the answer of a call that has run.
#[tokio::test(start_paused = true)]
async fn no_header_changes_the_status_of_an_answer_whose_work_is_done() {
    let world = environment();
    let long = "x".repeat(5000);
    for (name, value) in [
        ("accept-encoding", "identity;q=0"),
        ("accept-encoding", "*;q=0"),
        ("accept-encoding", "identity;q=0, *;q=0"),
        ("accept-encoding", "gzip;q=0, identity;q=0"),
        ("accept-encoding", "gzip;q=2"),
        ("accept-encoding", ""),
        ("accept-language", "xx;q=0"),
        ("accept-charset", "utf-16"),
        ("range", "bytes=0-1"),
        ("if-match", "\"x\""),
        ("if-none-match", "*"),
        ("if-modified-since", "Fri, 01 Jan 2100 00:00:00 GMT"),
        ("if-unmodified-since", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ("expect", "100-continue"),
        ("te", "trailers"),
        ("upgrade", "websocket"),
        ("max-forwards", "0"),
        ("origin", "http://localhost"),
        ("access-control-request-method", "POST"),
        ("prefer", "respond-async"),
        ("content-language", "xx"),
    ] {
        for message in ["hi", &long] {
            let call = call("echo", json!({ "message": message })).header(name, value);
            let reply = call.send(world.at(0)).await;
            assert_eq!(reply.status, 200, "{name}: {value}");
            if reply.header("content-encoding").is_none() {
                assert_eq!(text(reply).await, message, "{name}: {value}");
            }
        }
    }
    let coded = |reply: &Reply| reply.header("content-encoding").map(str::to_owned);
    let wanted = call("echo", json!({ "message": long })).header("accept-encoding", "identity;q=0, gzip");
    assert_eq!(coded(&wanted.send(world.at(0)).await).as_deref(), Some("gzip"), "what can be kept is kept");
    let list = stateless("tools/list", json!({})).header("accept-encoding", "*;q=0, br");
    let list = list.send(world.at(0)).await;
    assert_eq!((list.status.as_u16(), coded(&list).as_deref()), (200, Some("br")));
}

/// <https://github.com/vercel/ai/issues/16002>: a client that reads only events of the type `message`.
#[tokio::test(start_paused = true)]
async fn every_event_with_a_message_names_its_type() {
    let world = environment();
    let stream = echo().header("accept", "text/event-stream").send(world.at(0)).await.bytes().await;
    let stream = String::from_utf8(stream.to_vec()).unwrap();
    assert!(stream.starts_with("event: message\ndata: {"), "{stream}");
    let session = initialize(world.at(0), "2025-11-25", json!({})).await;
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": "echo", "arguments": { "message": "hi" } } });
    let call = McpRequest::session(&session, "2025-11-25", &call).header("accept", "text/event-stream");
    let stream = String::from_utf8(call.send(world.at(0)).await.bytes().await.to_vec()).unwrap();
    for event in stream.split("\n\n").filter(|event| event.contains("data: {")) {
        assert!(event.contains("\nevent: message\n"), "{stream}");
    }
    assert!(stream.contains("data: {"), "{stream}");
}

/// Requests of tests in this process are of HTTP/1.1.
#[test]
fn a_request_has_the_version_that_the_rule_about_hosts_is_for() {
    assert_eq!(echo().request().version(), Version::HTTP_11);
}
