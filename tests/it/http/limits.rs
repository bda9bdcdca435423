//! How much a caller may want: refused above, with words that say what to change, and served again at once below.

use std::time::Duration;

use http_body_util::{BodyExt, StreamBody};
use mcp_lambda_server::{Body, Config, Principal};
use serde_json::json;
use test_support::{
    McpRequest, Reply, World, call, environment, environments_with, refused, request::initialize_request,
    socket::RunningServer, stateless, text,
};

fn echo() -> McpRequest {
    call("echo", json!({ "message": "hi" }))
}

/// Refused with this status and a text that names the variable; the next request is served.
async fn over(world: &World, post: McpRequest, status: u16, variable: &str) {
    let (found, code, body) = refused(post.send(world.at(0)).await).await;
    assert_eq!((found, code, body.get("id")), (status, -32600, None), "{body}");
    let text_of = body["error"]["message"].as_str().expect("a text");
    assert!(text_of.contains(variable), "{text_of}");
    assert_eq!(text(echo().send(world.at(0)).await).await, "hi");
}

fn headers(post: McpRequest, count: usize) -> McpRequest {
    let more = count - post.headers.len();
    (0..more).fold(post, |post, n| post.and_header(&format!("x-{n}"), b"v"))
}

#[tokio::test(start_paused = true)]
async fn as_many_headers_as_may_be_and_one_more() {
    let world = environment();
    assert_eq!(text(headers(echo(), 100).send(world.at(0)).await).await, "hi");
    over(&world, headers(echo(), 101), 431, "MCP_MAX_HEADERS").await;
    let repeated = (0..101).fold(echo(), |post, _| post.and_header("x-same", b""));
    over(&world, repeated, 431, "MCP_MAX_HEADERS").await;
    let few = environments_with(1, |config| config.requests.headers = 8);
    over(&few, headers(echo(), 9), 431, "MCP_MAX_HEADERS").await;
}

/// On a local address such a head is not even read, and its client learns the same.
#[tokio::test]
async fn a_head_that_is_not_read_is_refused_with_a_text_too() {
    for (limit, served) in [(100, 100), (300, 300), (50, 50)] {
        let world = environments_with(1, |config| config.requests.headers = limit);
        let listening = RunningServer::start(world.at(0)).await;
        let mut socket = listening.connect().await;
        let head = socket.send(&headers(echo(), served - 1)).await;
        assert_eq!(head.status, 200);
        socket.skip_body(&head).await;
        let head = socket.send(&headers(echo(), 301)).await;
        assert_eq!((head.status, head.header("connection")), (431, Some("close")));
        let body = socket.body(&head).await;
        assert_eq!((&body["error"]["code"], body.get("id")), (&json!(-32600), None), "{body}");
        let text = body["error"]["message"].as_str().expect("a text");
        assert!(text.contains(&format!("more than {limit} headers (MCP_MAX_HEADERS)")), "{text}");
        assert!(socket.is_closed().await);
        assert_eq!(status_of_a_call(&listening).await, 200);
    }
}

/// The status of a call over a new connection.
async fn status_of_a_call(listening: &RunningServer) -> u16 {
    listening.connect().await.send(&echo()).await.status
}

#[tokio::test(start_paused = true)]
async fn as_large_headers_as_may_be_and_a_byte_more() {
    let world = environment();
    let size = |post: &McpRequest| {
        let headers = post.headers.iter().map(|(name, value)| name.as_str().len() + value.len());
        post.path.len() + headers.sum::<usize>()
    };
    let left = 65_536 - size(&echo()) - "x-pad".len();
    assert_eq!(text(echo().header("x-pad", &"v".repeat(left)).send(world.at(0)).await).await, "hi");
    over(&world, echo().header("x-pad", &"v".repeat(left + 1)), 431, "MCP_MAX_HEADER_BYTES").await;
    let small = environments_with(1, |config: &mut Config| config.requests.header_bytes = 1000);
    over(&small, echo().path(&format!("/mcp?{}", "q".repeat(1000))), 431, "MCP_MAX_HEADER_BYTES").await;
    over(&small, echo().header("cookie", &"c".repeat(1000)), 431, "MCP_MAX_HEADER_BYTES").await;
}

/// A body of one byte a second holds nothing up for long.
#[tokio::test(start_paused = true)]
async fn a_body_that_drips_is_given_up_on() {
    let world = environments_with(1, |config| config.requests.body_time = Duration::from_secs(5));
    let started = tokio::time::Instant::now();
    let drops = futures::stream::unfold(0_u32, async |n| {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Some((Ok(http_body::Frame::data(bytes::Bytes::from_static(b" "))), n + 1))
    });
    let request = echo().request().map(|_| -> Body { StreamBody::new(drops).boxed_unsync() });
    let reply = Reply::of(world.at(0).handle(request).await);
    let (status, _, body) = refused(reply).await;
    assert_eq!(status, 408);
    assert!(body.to_string().contains("MCP_BODY_SECONDS"), "{body}");
    assert!(started.elapsed() < Duration::from_secs(6));
}

fn user(name: &str) -> Principal {
    Principal::new("https://issuer.example", name)
}

/// The requests of one caller do not count against another's limit, and a permit is free when its response was sent.
#[tokio::test(start_paused = true)]
async fn a_caller_has_so_many_requests_at_a_time() {
    let world = environments_with(1, |config| config.requests.per_principal = 2);
    let (ada, bob) = (user("ada"), user("bob"));
    let listen =
        || stateless("subscriptions/listen", json!({ "notifications": { "toolsListChanged": true } }));
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = listen().from(&ada).send(world.at(0)).await;
        assert_eq!(stream.message().await["method"], "notifications/subscriptions/acknowledged");
        held.push(stream);
    }
    for post in [echo(), initialize_request("2025-11-25", json!({})), listen()] {
        let reply = post.from(&ada).send(world.at(0)).await;
        assert_eq!(reply.header("retry-after"), Some("1"));
        let (status, code, body) = refused(reply).await;
        assert_eq!((status, code), (429, -32600));
        assert!(body.to_string().contains("MCP_REQUESTS_PER_PRINCIPAL"), "{body}");
    }
    assert_eq!(text(echo().from(&bob).send(world.at(0)).await).await, "hi");
    assert_eq!(text(echo().send(world.at(0)).await).await, "hi");
    held.pop();
    assert_eq!(text(echo().from(&ada).send(world.at(0)).await).await, "hi");
    assert_eq!(text(echo().from(&ada).send(world.at(0)).await).await, "hi", "an answer gives its place back");
}

/// The requests of all callers together have a limit, too.
#[tokio::test(start_paused = true)]
async fn a_process_has_so_many_requests_at_a_time() {
    let world = environments_with(1, |config| config.requests.per_process = 2);
    let listen =
        || stateless("subscriptions/listen", json!({ "notifications": { "toolsListChanged": true } }));
    let mut held = Vec::new();
    for name in ["ada", "bob"] {
        let mut stream = listen().from(&user(name)).send(world.at(0)).await;
        assert_eq!(stream.message().await["method"], "notifications/subscriptions/acknowledged");
        held.push(stream);
    }
    let reply = echo().from(&user("eve")).send(world.at(0)).await;
    assert_eq!(reply.header("retry-after"), Some("1"));
    let (status, code, body) = refused(reply).await;
    assert_eq!((status, code), (503, -32600));
    assert!(body.to_string().contains("MCP_REQUESTS_PER_PROCESS"), "{body}");
    held.pop();
    assert_eq!(text(echo().from(&user("eve")).send(world.at(0)).await).await, "hi");
}

/// The permit is held by the response, not the call: a client that leaves frees it.
#[tokio::test(start_paused = true)]
async fn a_request_that_is_dropped_frees_its_permit() {
    let world = environments_with(1, |config| config.requests.per_principal = 1);
    for _ in 0..3 {
        let waiting = call("slow", json!({})).send(world.at(0));
        assert!(tokio::time::timeout(Duration::from_millis(10), waiting).await.is_err());
    }
    assert_eq!(text(echo().send(world.at(0)).await).await, "hi");
}

/// Bodies keep their length: holding a permit does not turn a response into a stream.
#[tokio::test(start_paused = true)]
async fn a_response_still_has_its_content_length() {
    let world = environment();
    let response = world.at(0).handle(echo().request()).await;
    assert!(http_body::Body::size_hint(response.body()).exact().is_some());
}
