//! The laptop's ingress, over real sockets.

use serde_json::json;
use test_support::{
    McpRequest, World, call, environment,
    session::{self, Client, NEWEST},
    socket::{RunningServer, Socket},
    stateless,
};

async fn reports(world: &World, expected: &[&str]) {
    for report in expected {
        assert_eq!(world.report().await, *report);
    }
}

fn progress() -> McpRequest {
    let params =
        json!({ "name": "progress", "arguments": { "steps": 2 }, "_meta": { "progressToken": "p" } });
    stateless("tools/call", params)
}

async fn ping(socket: &mut Socket, client: &Client) {
    let head = socket.send(&client.request(1, "ping", json!({}))).await;
    assert_eq!(head.status, 200);
    assert_eq!(socket.body(&head).await["result"], json!({}));
}

/// Streaming is real: a message arrives while the tool still works.
#[tokio::test]
async fn the_first_progress_event_arrives_before_the_second_is_sent() {
    let world = environment();
    let listening = RunningServer::start(world.at(0)).await;
    let client = Client::open(world.at(0), NEWEST).await;
    let in_session =
        json!({ "name": "progress", "arguments": { "steps": 2 }, "_meta": { "progressToken": "p" } });
    for post in [progress(), client.request(1, "tools/call", in_session)] {
        let mut socket = listening.connect().await;
        // The tool cannot take its second step before it is allowed one, and that is after the first has arrived.
        world.allow(1);
        let head = socket.send(&post).await;
        assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")));
        assert_eq!(head.header("transfer-encoding"), Some("chunked"));
        assert_eq!(head.header("content-encoding"), None);
        assert_eq!(socket.message().await["params"]["progress"], 1.0);
        world.allow(1);
        assert_eq!(socket.message().await["params"]["progress"], 2.0);
        world.allow(1);
        assert_eq!(socket.message().await["result"]["content"][0]["text"], "done");
        assert_eq!(socket.event().await, None);
    }
}

/// "Closing the SSE response stream = cancellation".
#[tokio::test]
async fn a_stateless_client_that_disconnects_cancels_its_request() {
    let world = environment();
    let listening = RunningServer::start(world.at(0)).await;
    let hum = call("hum", json!({})).meta("io.modelcontextprotocol/logLevel", json!("debug"));
    let mut streaming = listening.connect().await;
    assert_eq!(streaming.send(&hum).await.status, 200);
    assert_eq!(streaming.message().await["method"], "notifications/message");
    reports(&world, &["started"]).await;
    drop(streaming);
    reports(&world, &["dropped"]).await;

    let mut waiting = listening.connect().await;
    let slow = call("slow", json!({}));
    tokio::select! {
        head = waiting.send(&slow) => panic!("nothing was sent yet: {head:?}"),
        () = reports(&world, &["started"]) => {}
    }
    drop(waiting);
    reports(&world, &["dropped"]).await;
}

/// In a session only `notifications/cancelled` cancels.
#[tokio::test]
async fn a_session_client_that_disconnects_cancels_nothing() {
    let world = environment();
    let listening = RunningServer::start(world.at(0)).await;
    let client = Client::open(world.at(0), NEWEST).await;
    reports(&world, &["initialized"]).await;
    let mut streaming = listening.connect().await;
    assert_eq!(streaming.send(&client.call(1, "hum", json!({}))).await.status, 200);
    let place = streaming.event().await.expect("priming").id.expect("a place");
    reports(&world, &["started"]).await;
    drop(streaming);
    // The server has noticed by the time it answers the next request; the call has not ended.
    let mut back = listening.connect().await;
    ping(&mut back, &client).await;
    world.allow(1);
    reports(&world, &["done", "dropped"]).await;
    assert_eq!(back.send(&client.resume(&place)).await.status, 200);
    assert_eq!(back.message().await["params"]["data"], "hm");
    assert_eq!(back.message().await["result"]["content"][0]["text"], "done");
    assert_eq!(back.event().await, None);
}

/// On a laptop: the streams end gracefully, then the server returns.
#[tokio::test]
async fn a_server_that_stops_ends_its_streams_gracefully_and_returns() {
    let world = environment();
    let listening = RunningServer::start(world.at(0)).await;
    let client = Client::open(world.at(0), NEWEST).await;
    reports(&world, &["initialized"]).await;
    let (mut listen, mut get, mut idle) =
        (listening.connect().await, listening.connect().await, listening.connect().await);
    let params = json!({ "notifications": { "toolsListChanged": true } });
    assert_eq!(listen.send(&stateless("subscriptions/listen", params)).await.status, 200);
    assert_eq!(listen.message().await["method"], "notifications/subscriptions/acknowledged");
    assert_eq!(get.send(&client.listen()).await.status, 200);
    assert!(get.event().await.expect("an opening").retry.is_some());
    ping(&mut idle, &client).await;
    // A request that is open when the server is asked to stop is finished.
    let mut working = listening.connect().await;
    let slow = client.call(7, "hum", json!({}));
    assert_eq!(working.send(&slow).await.status, 200);
    assert_eq!(working.message().await["params"]["data"], "hm");
    reports(&world, &["started"]).await;

    listening.server.stop();
    let closing = listen.message().await;
    assert_eq!((&closing["id"], &closing["result"]["resultType"]), (&json!(1), &json!("complete")));
    assert_eq!(listen.event().await, None);
    let mut received = Vec::new();
    while let Some(event) = get.event().await {
        received.push(event);
    }
    assert!(received.last().is_some_and(|event| event.retry.is_some()), "{received:?}");
    assert!(idle.is_closed().await, "a connection that only waits is closed");
    world.allow(1);
    assert_eq!(working.message().await["id"], 7);
    assert_eq!(working.event().await, None);
    let address = listening.address.clone();
    listening.ended().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "the port is closed");
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let world = environment();
    let listening = RunningServer::start(world.at(0)).await;
    let mut socket = listening.connect().await;
    let head = socket.send(&test_support::request::initialize_request(NEWEST, json!({}))).await;
    let id = head.header("mcp-session-id").expect("a session").to_owned();
    assert_eq!(socket.body(&head).await["result"]["protocolVersion"], NEWEST);
    let client = Client { id, version: NEWEST, principal: None };
    assert_eq!(socket.send(&client.notification("notifications/initialized", json!({}))).await.status, 202);
    for at in 0..20 {
        ping(&mut socket, &client).await;
        let head = socket.send(&client.call(at, "log", json!({ "level": "error" }))).await;
        assert_eq!(head.status, 200);
        while socket.event().await.is_some() {}
        let head = socket.send(&call("echo", json!({ "message": at.to_string() }))).await;
        assert_eq!(socket.body(&head).await["result"]["content"][0]["text"], at.to_string());
    }
}

#[tokio::test]
async fn a_flood_of_headers_is_431_and_the_server_lives_on() {
    let world = environment();
    let listening = RunningServer::start(world.at(0)).await;
    let many: String = (0..2_000).map(|at| format!("x-{at}: y\r\n")).collect();
    for flood in [many, format!("x: {}\r\n", "y".repeat(1_000_000))] {
        let mut socket = listening.connect().await;
        // The server may close while we still write; its answer is what counts.
        let head = format!("POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\n{flood}");
        socket.write_some(head.as_bytes()).await;
        assert_eq!(socket.head().await.status, 431);
    }
    let client = Client::open(world.at(0), NEWEST).await;
    ping(&mut listening.connect().await, &client).await;
}

#[tokio::test]
async fn what_is_not_http_is_400_and_the_server_lives_on() {
    let world = environment();
    let listening = RunningServer::start(world.at(0)).await;
    for bytes in [
        &b"nonsense\r\n\r\n"[..],
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
        b"POST /mcp HTTP/1.1\r\n: x\r\n\r\n",
    ] {
        let mut socket = listening.connect().await;
        socket.write(bytes).await;
        let answer = socket.rest().await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{}: {answer}", bytes.escape_ascii());
    }
    let client = Client::open(world.at(0), NEWEST).await;
    ping(&mut listening.connect().await, &client).await;
}

/// Time is virtual: nothing else waits in this test, so the clock jumps to the end of the server's patience.
#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_finish_its_head_is_dropped() {
    let world = environment();
    let listening = RunningServer::start(world.at(0)).await;
    let start = tokio::time::Instant::now();
    let mut socket = listening.connect().await;
    socket.write(b"POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\n").await;
    let answer = socket.rest().await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(start.elapsed().as_secs() <= 10, "{:?}", start.elapsed());
}

/// A body that is announced and never comes is 408 when the request's time is up.
#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_finish_its_body_gets_408() {
    let world = test_support::environments_with(1, |config| {
        config.request_timeout = std::time::Duration::from_secs(5);
    });
    let listening = RunningServer::start(world.at(0)).await;
    let mut socket = listening.connect().await;
    let message = session::request(1, "ping", json!({})).to_string();
    let head = "POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n";
    socket.write(format!("{head}{message}").as_bytes()).await;
    assert_eq!(socket.head().await.status, 408);
}
