//! The connections of the local host: clients that do not read, send slowly, stay idle or are too many, and what becomes
//! of the rest of a body that was refused.

use std::time::Duration;

use mcp_lambda_server::Ingress;
use serde_json::json;
use test_support::{
    McpRequest, call, environment, environments_with, refused,
    session::{Client, NEWEST, front},
    socket::{RunningServer, Socket},
    stateless, text,
};
use tokio::time::{Instant, sleep};

fn echo(text: &str) -> McpRequest {
    call("echo", json!({ "message": text }))
}

fn listen() -> McpRequest {
    stateless("subscriptions/listen", json!({ "notifications": { "toolsListChanged": true } }))
}

async fn serves(socket: &mut Socket) {
    let head = socket.send(&echo("hi")).await;
    assert_eq!(head.status, 200);
    assert_eq!(socket.body(&head).await["result"]["content"][0]["text"], "hi");
}

/// Longer than the pools of common clients keep a connection: a request of theirs never meets a close.
#[tokio::test(start_paused = true)]
async fn an_idle_connection_stays_open_for_two_minutes() {
    let world = environment();
    let listening = RunningServer::start(world.at(0)).await;
    let mut socket = listening.connect().await;
    for _ in 0..3 {
        serves(&mut socket).await;
        sleep(Duration::from_secs(115)).await;
    }
    let since = Instant::now();
    assert!(socket.is_closed().await);
    assert!(since.elapsed() <= Duration::from_secs(6), "{:?}", since.elapsed());
}

/// A large answer that its client never reads ends, with everything that it holds.
#[tokio::test]
async fn an_answer_that_its_client_does_not_read_is_given_up_and_its_permit_is_free() {
    let world = environments_with(1, |config| {
        config.requests.per_principal = 1;
        config.connections.write_time = Duration::from_secs(1);
    });
    let listening = RunningServer::start(world.at(0)).await;
    let mut deaf = listening.connect_with_buffer(4096).await;
    deaf.write_request(&echo(&"x".repeat(5_000_000))).await;
    assert!(deaf.is_readable().await, "an answer has begun to arrive");
    let mut other = listening.connect().await;
    assert_eq!(other.send(&echo("hi")).await.status, 429, "the answer that its client has not read counts");
    let since = Instant::now();
    loop {
        let mut other = listening.connect().await;
        if other.send(&echo("hi")).await.status == 200 {
            break;
        }
        assert!(since.elapsed() < Duration::from_secs(10), "the permit is still held");
        sleep(Duration::from_millis(50)).await;
    }
}

/// 128 streams whose sockets are never read held every place for longer than any deadline. The deadline of a stream counts
/// for its connection, even if its client takes a byte now and then.
#[allow(deprecated, reason = "log messages are what a stream of a session can be filled with")]
#[tokio::test]
async fn a_stream_that_its_client_does_not_read_gives_its_place_back_at_its_deadline() {
    let world = environments_with(1, |config| {
        config.streams.lifetime = Some(Duration::from_secs(1));
        config.streams.per_principal = 1;
    });
    let listening = RunningServer::start(world.at(0)).await;
    let client = Client::open(world.at(0), NEWEST).await;
    let mut deaf = listening.connect_with_buffer(4096).await;
    deaf.write_request(&client.listen()).await;
    assert!(deaf.is_readable().await, "the stream has opened");
    let padding = "x".repeat(100_000);
    for _ in 0..80 {
        let event = mcp_lambda_server::Event::Message {
            level: rmcp::model::LoggingLevel::Error,
            logger: None,
            data: json!(padding),
        };
        world.at(0).events().publish(event).await.expect("published");
    }
    let since = Instant::now();
    loop {
        let mut other = listening.connect().await;
        if other.send(&client.listen()).await.status == 200 {
            break;
        }
        assert!(since.elapsed() < Duration::from_secs(20), "the place is still held");
        sleep(Duration::from_millis(100)).await;
    }
}

/// A connection whose request has not arrived ends for a new one; one that serves a request does not.
#[tokio::test]
async fn connections_without_a_request_make_room_and_others_are_not_cut_off() {
    let world = environments_with(1, |config| config.connections.limit = 3);
    let listening = RunningServer::start(world.at(0)).await;
    let (mut idle, mut slow) = (listening.connect().await, listening.connect().await);
    serves(&mut idle).await;
    slow.write(b"POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{")
        .await;
    let mut streams = Vec::new();
    for _ in 0..3 {
        let mut stream = listening.connect().await;
        assert_eq!(stream.send(&listen()).await.status, 200);
        streams.push(stream);
    }
    assert!(idle.is_closed().await);
    assert!(slow.is_closed().await);
    let mut refused = listening.connect().await;
    let head = refused.send(&echo("hi")).await;
    assert_eq!((head.status, head.header("retry-after")), (503, Some("1")));
    assert!(refused.body(&head).await.to_string().contains("MCP_CONNECTIONS"));
    assert!(refused.is_closed().await);
    for mut stream in streams {
        assert_eq!(stream.message().await["method"], "notifications/subscriptions/acknowledged");
    }
    // Their places are free once the server has noticed.
    for _ in 0..1000 {
        let mut socket = listening.connect().await;
        if socket.send(&echo("hi")).await.status == 200 {
            return;
        }
        sleep(Duration::from_millis(5)).await;
    }
    panic!("no place has become free");
}

/// Each refusal before the body is read leaves the connection usable: 403, 404, 405, 406, 413, 415 and 431 with a body of
/// megabytes, then a request.
#[tokio::test]
async fn a_request_that_is_refused_before_its_body_is_read_does_not_cost_the_connection() {
    let world = environment();
    let listening = RunningServer::start(world.at(0)).await;
    let mut socket = listening.connect().await;
    let large = || echo(&"x".repeat(6_400_000));
    for (request, status) in [
        (large(), 413),
        (large().header("origin", "https://elsewhere.example"), 403),
        (large().path("/elsewhere"), 404),
        (McpRequest { method: http::Method::PUT, ..large() }, 405),
        (large().header("accept", "text/html"), 406),
        (large().header("content-type", "text/plain"), 415),
        (large().header("cookie", &"c".repeat(70_000)), 431),
    ] {
        let head = socket.send(&request).await;
        assert_eq!((head.status, head.header("connection")), (status, None));
        socket.skip_body(&head).await;
        serves(&mut socket).await;
    }
}

/// What is too much to be read away is refused in order: the response says that the connection closes, and is not lost to
/// a reset while its client still sends.
#[tokio::test]
async fn a_body_too_large_to_be_read_away_is_answered_and_the_connection_closes_in_order() {
    let world = environment();
    let listening = RunningServer::start(world.at(0)).await;
    let mut socket = listening.connect().await;
    let head = socket.send(&echo(&"x".repeat(40_000_000))).await;
    assert_eq!((head.status, head.header("connection")), (413, Some("close")));
    socket.skip_body(&head).await;
    assert!(socket.is_closed().await);
}

/// A client that waits for `100 Continue` is refused at once, and its connection closes: its body may come or not.
#[tokio::test]
async fn a_client_that_waits_to_be_asked_for_its_body_is_refused_at_once() {
    let world = environment();
    let listening = RunningServer::start(world.at(0)).await;
    let mut socket = listening.connect().await;
    socket
        .write(b"POST /elsewhere HTTP/1.1\r\nhost: 127.0.0.1\r\nexpect: 100-continue\r\ncontent-length: 1000\r\n\r\n")
        .await;
    let head = socket.head().await;
    assert_eq!((head.status, head.header("connection")), (404, Some("close")));
}

/// SIGTERM cut long calls without a last message: they are answered as interrupted before the process ends.
#[tokio::test]
async fn a_call_that_does_not_end_in_time_is_answered_as_interrupted_when_the_server_stops() {
    let world = environments_with(1, |config| config.connections.stop_time = Duration::from_secs(2));
    let listening = RunningServer::start(world.at(0)).await;
    let client = Client::open(world.at(0), NEWEST).await;
    assert_eq!(world.report().await, "initialized");
    let (mut one, mut two) = (listening.connect().await, listening.connect().await);
    one.write_request(&client.call(7, "slow", json!({}))).await;
    assert_eq!(world.report().await, "started");
    two.write_request(&call("slow", json!({}))).await;
    assert_eq!(world.report().await, "started");
    let since = Instant::now();
    listening.server.stop();
    for socket in [&mut one, &mut two] {
        let head = socket.head().await;
        assert_eq!(head.status, 200);
        let message = match head.header("content-length") {
            Some(_) => socket.body(&head).await,
            None => socket.message().await,
        };
        assert_eq!(message["error"]["code"], -32603, "{message}");
        assert!(message["error"]["message"].as_str().is_some_and(|text| text.contains("interrupted")));
    }
    listening.ended().await;
    assert!(since.elapsed() < Duration::from_secs(3), "{:?}", since.elapsed());
}

/// A burst of connections waits in the backlog; none is refused by the kernel.
#[tokio::test]
async fn five_hundred_connections_at_once_are_all_served() {
    let world = environments_with(1, |config| config.requests.per_principal = 1000);
    let listening = RunningServer::start(world.at(0)).await;
    let mut sockets = futures::future::join_all((0..500).map(|_| listening.connect())).await;
    futures::future::join_all(sockets.iter_mut().map(serves)).await;
}

/// A caller of a front that tells the client's address.
fn from(request: McpRequest, address: &str) -> McpRequest {
    let ingress: Ingress = front(Duration::from_secs(30)).with_client(address.parse().expect("an address"));
    request.extension(ingress)
}

/// Anonymous callers are not one person: one client cannot take the places of all others.
#[tokio::test(start_paused = true)]
async fn one_anonymous_client_cannot_shut_out_the_others() {
    let world = environments_with(1, |config| {
        config.streams.per_principal = 2;
        config.requests.per_principal = 3;
    });
    let mut held = Vec::new();
    for _ in 0..2 {
        let reply = from(listen(), "192.0.2.1").send(world.at(0)).await;
        assert_eq!(reply.status, 200);
        held.push(reply);
    }
    assert_eq!(from(listen(), "192.0.2.1").send(world.at(0)).await.status, 429);
    let mut other = from(listen(), "192.0.2.2").send(world.at(0)).await;
    assert_eq!(other.status, 200);
    assert_eq!(other.message().await["method"], "notifications/subscriptions/acknowledged");
    // An invented session gains nothing where there are no sessions.
    let mut open = 0;
    for n in 0..100 {
        let invented = format!("{n:032x}");
        let reply = from(listen().header("mcp-session-id", &invented), "192.0.2.1").send(world.at(0)).await;
        open += usize::from(reply.status == 200);
        held.push(reply);
    }
    assert_eq!(open, 0, "a stream of 2026-07-28 has no session");
    assert_eq!(text(from(echo("hi"), "192.0.2.2").send(world.at(0)).await).await, "hi");
}

/// Each session of an address has the streams of one caller; all of them together eight times as many.
#[tokio::test(start_paused = true)]
async fn the_sessions_of_one_anonymous_address_have_eight_times_the_streams_of_one() {
    let world = environments_with(1, |config| {
        config.streams.per_principal = 1;
        config.requests.per_principal = 10;
    });
    let mut held = Vec::new();
    for n in 0..9 {
        let client = Client::open(world.at(0), NEWEST).await;
        let reply = from(client.listen(), "192.0.2.1").send(world.at(0)).await;
        assert_eq!(reply.status, if n < 8 { 200 } else { 429 }, "session {n}");
        held.push(reply);
    }
    let client = Client::open(world.at(0), NEWEST).await;
    assert_eq!(from(client.listen(), "192.0.2.2").send(world.at(0)).await.status, 200);
}

/// The address of a client is that of its connection. A proxy that is trusted names it at the end of `X-Forwarded-For`; what a
/// client writes there itself is not believed.
#[tokio::test]
async fn a_forwarded_address_counts_only_from_a_trusted_proxy() {
    for (trusted, expected) in [(true, [200, 200, 429]), (false, [200, 429, 429])] {
        let world = environments_with(1, |config| {
            config.streams.per_principal = 1;
            if trusted {
                config.connections.trusted_proxies = vec![[127, 0, 0, 1].into()];
            }
        });
        let listening = RunningServer::start(world.at(0)).await;
        let mut held = Vec::new();
        for (forwarded, status) in
            ["192.0.2.1", "192.0.2.2", "203.0.113.9, 192.0.2.2"].into_iter().zip(expected)
        {
            let mut socket = listening.connect().await;
            let head = socket.send(&listen().header("x-forwarded-for", forwarded)).await;
            assert_eq!(head.status, status, "{forwarded}, trusted: {trusted}");
            held.push(socket);
        }
    }
}

/// Bytes of bodies are counted from their arrival until their response has ended, by caller and by process.
#[tokio::test(start_paused = true)]
async fn bytes_of_bodies_are_limited_by_caller_and_by_process() {
    let world = environments_with(1, |config| {
        config.max_body = 10_000;
        config.requests.body_bytes_per_principal = 20_000;
        config.requests.body_bytes_per_process = 32_000;
    });
    let slow = || call("slow", json!({ "padding": "x".repeat(9_000) }));
    let mut waiting = Vec::new();
    for address in ["192.0.2.1", "192.0.2.1", "192.0.2.2"] {
        let mut reply = Box::pin(from(slow(), address).send(world.at(0)));
        assert!(futures::poll!(&mut reply).is_pending());
        assert_eq!(world.report().await, "started");
        waiting.push(reply);
    }
    for (address, status, variable) in
        [("192.0.2.1", 429, "MCP_BODY_BYTES_PER_PRINCIPAL"), ("192.0.2.2", 503, "MCP_BODY_BYTES_PER_PROCESS")]
    {
        let large = call("echo", json!({ "message": "x".repeat(if status == 429 { 2_000 } else { 9_000 }) }));
        let reply = from(large, address).send(world.at(0)).await;
        assert_eq!(reply.header("retry-after"), Some("1"));
        let (found, code, body) = refused(reply).await;
        assert_eq!((found, code), (status, -32600), "{body}");
        assert!(body.to_string().contains(variable), "{body}");
    }
    waiting.clear();
    assert_eq!(text(from(echo("hi"), "192.0.2.1").send(world.at(0)).await).await, "hi");
}
