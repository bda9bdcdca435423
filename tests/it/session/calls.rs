//! A call at work: clients that leave, cancel, read slowly or not at all; handlers that panic, spam or never answer.

use std::time::Duration;

use mcp_lambda_server::session::{InboxKey, SessionId};
use serde_json::{Value, json};
use test_support::{
    Reply, World, environment, environments, environments_with, refused,
    session::{Client, MIDDLE, NEWEST, OLDEST, VERSIONS, buffered, front, opening, priming, rest},
    text,
};
use tokio::time::Instant;

async fn reports(world: &World, expected: &[&str]) {
    for report in expected {
        assert_eq!(world.report().await, *report);
    }
}

/// "Disconnection SHOULD NOT be interpreted as the client cancelling its request."
#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_cancels_nothing_and_can_come_back_for_the_rest() {
    let world = environments(2);
    let client = Client::open(world.at(0), NEWEST).await;
    let params = json!({ "name": "progress", "arguments": { "steps": 3 }, "_meta": { "progressToken": 1 } });
    world.allow(1);
    let mut reply = client.request(1, "tools/call", params).send(world.at(0)).await;
    let place = priming(&mut reply).await;
    assert_eq!(reply.message().await["params"]["progress"], 1.0);
    drop(reply);
    world.allow(3);
    let mut resumed = client.resume(&place).send(world.at(1)).await;
    opening(&mut resumed, NEWEST).await;
    assert_eq!(rest(&mut resumed).await.len(), 4);
}

/// Not even before the first byte of the reply.
#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_before_the_first_byte_cancels_nothing() {
    let world = environment();
    let client = Client::open(world.at(0), NEWEST).await;
    {
        let sending = client.call(1, "slow", json!({})).send(world.at(0));
        tokio::select! {
            _ = sending => panic!("nothing was sent yet"),
            () = reports(&world, &["initialized", "started"]) => {}
        }
    }
    world.allow(1);
    reports(&world, &["done", "dropped"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_notification_cancels_and_no_response_follows() {
    for version in VERSIONS {
        let world = environment();
        let client = Client::open(world.at(0), version).await;
        let cancelling = async {
            reports(&world, &["initialized", "started"]).await;
            assert_eq!(client.cancel("one").send(world.at(0)).await.status, 202);
        };
        let (reply, ()) = tokio::join!(client.call("one", "slow", json!({})).send(world.at(0)), cancelling);
        assert_eq!(reply.status, 200);
        assert!(reply.messages().await.is_empty());
        reports(&world, &["cancelled", "dropped"]).await;
    }
}

/// Ids keep their type: 1 and "1" are two requests.
#[tokio::test(start_paused = true)]
async fn a_cancellation_of_another_request_cancels_nothing() {
    let world = environment();
    let client = Client::open(world.at(0), NEWEST).await;
    let other = Client::open(world.at(0), NEWEST).await;
    let cancelling = async {
        reports(&world, &["initialized", "initialized", "started"]).await;
        for post in [client.cancel("1"), client.cancel(2), other.cancel(1)] {
            assert_eq!(post.send(world.at(0)).await.status, 202);
        }
        tokio::time::sleep(Duration::from_secs(10)).await;
        world.allow(1);
    };
    let (reply, ()) = tokio::join!(client.call(1, "slow", json!({})).send(world.at(0)), cancelling);
    assert_eq!(text(reply).await, "done");
}

/// A client that reads only JSON gets no event stream, not even an empty one.
#[tokio::test(start_paused = true)]
async fn a_cancelled_call_of_a_client_that_reads_only_json_is_202() {
    let world = environment();
    let client = Client::open(world.at(0), NEWEST).await;
    let call = client.call(1, "slow", json!({})).header("accept", "application/json");
    let cancelling = async {
        reports(&world, &["initialized", "started"]).await;
        client.cancel(1).send(world.at(0)).await
    };
    let (reply, _) = tokio::join!(call.send(world.at(0)), cancelling);
    assert_eq!(reply.status, 202);
    assert!(reply.bytes().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_only_json_gets_the_response_alone_and_cannot_be_asked() {
    let world = environment();
    let client = Client::open(world.at(0), NEWEST).await;
    let call = |tool: &str, arguments| client.call(1, tool, arguments).header("accept", "application/json");
    let logged = call("log_all", json!({})).send(world.at(0)).await;
    assert!(!logged.is_stream());
    assert_eq!(text(logged).await, "logged");
    for what in ["roots", "sampling", "elicitation"] {
        let asked = text(call("ask", json!({ "what": what })).send(world.at(0)).await).await;
        assert!(asked.contains("does not accept an event stream"), "{asked}");
    }
}

#[tokio::test]
async fn a_client_that_reads_only_events_gets_every_response_as_one() {
    let world = environment();
    let client = Client::open(world.at(0), NEWEST).await;
    for post in [client.request(1, "ping", json!({})), client.call(1, "echo", json!({ "message": "hi" }))] {
        let mut reply = post.header("accept", "text/event-stream").send(world.at(0)).await;
        assert!(reply.is_stream());
        priming(&mut reply).await;
        assert_eq!(reply.message().await["id"], 1);
        assert_eq!(reply.event().await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_past_its_deadline_is_an_error_and_its_handler_is_cancelled() {
    let world = environment();
    let client = Client::open(world.at(0), NEWEST).await;
    let call = client.call(7, "slow", json!({})).through(front(Duration::from_secs(5)));
    let (status, code, body) = refused(call.send(world.at(0)).await).await;
    assert_eq!((status, code, &body["id"]), (200, -32603, &json!(7)));
    assert!(body["error"]["message"].as_str().is_some_and(|text| text.contains("5 s")), "{body}");
    reports(&world, &["initialized", "started", "cancelled", "dropped"]).await;
    assert_eq!(client.request(1, "ping", json!({})).send(world.at(0)).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_never_answers_is_kept_alive_then_stopped() {
    let world = environments_with(1, |config| config.request_timeout = Duration::from_secs(30));
    let client = Client::open(world.at(0), NEWEST).await;
    let start = Instant::now();
    let mut reply = client.call(7, "deaf", json!({})).send(world.at(0)).await;
    assert_eq!(start.elapsed().as_secs(), 12, "the first sign of life opens the stream");
    let mut received = Vec::new();
    while let Some(event) = reply.event().await {
        received.push((start.elapsed().as_secs(), event));
    }
    let seconds: Vec<_> = received.iter().map(|(second, _)| *second).collect();
    assert_eq!(seconds, [12, 12, 24, 30], "priming, two keep-alives, the error");
    let last = received.pop().expect("the error").1.json();
    assert_eq!((&last["id"], &last["error"]["code"]), (&json!(7), &json!(-32603)));
    reports(&world, &["initialized", "started", "dropped"]).await;
}

/// A handler that talks without end still has one.
#[tokio::test(start_paused = true)]
async fn a_handler_that_never_stops_logging_is_cancelled_at_its_deadline() {
    let world = environment();
    let client = Client::open(world.at(0), NEWEST).await;
    let quiet = client.request(1, "logging/setLevel", json!({ "level": "error" }));
    assert_eq!(quiet.send(world.at(0)).await.status, 200);
    // Virtual time stands still while a task is busy, so the test moves it.
    let moving = async {
        reports(&world, &["initialized", "started"]).await;
        loop {
            tokio::time::advance(Duration::from_millis(100)).await;
            tokio::task::yield_now().await;
        }
    };
    let call = client.call(2, "spam", json!({})).through(front(Duration::from_secs(5)));
    let reply = tokio::select! { reply = call.send(world.at(0)) => reply, () = moving => unreachable!() };
    assert_eq!(refused(reply).await.1, -32603);
}

#[tokio::test]
async fn a_panic_is_an_internal_error_before_and_after_the_first_message_and_the_server_lives_on() {
    let world = environment();
    for version in VERSIONS {
        let client = Client::open(world.at(0), version).await;
        for _ in 0..3 {
            let (status, code, body) =
                refused(client.call(1, "panic", json!({})).send(world.at(0)).await).await;
            assert_eq!((status, code, &body["id"]), (200, -32603, &json!(1)));
            assert!(!body.to_string().contains("as asked"), "the text of a panic is not for clients");
            let mut later = client.call(2, "panic_later", json!({})).send(world.at(0)).await.messages().await;
            let last = later.pop().expect("an error");
            assert_eq!((&last["id"], &last["error"]["code"]), (&json!(2), &json!(-32603)));
            assert_eq!(later[0]["params"]["data"], "before");
            assert_eq!(
                text(client.call(3, "echo", json!({ "message": "on" })).send(world.at(0)).await).await,
                "on"
            );
        }
    }
}

/// A client that stays and does not read holds a call up until its deadline, and loses nothing.
#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_holds_nothing_up_for_longer_than_the_deadline() {
    let world = environment();
    let client = Client::open(world.at(0), NEWEST).await;
    let call = client.call(1, "flood", json!({ "messages": 200 })).through(front(Duration::from_secs(5)));
    let mut idle: Reply = call.send(world.at(0)).await;
    let place = priming(&mut idle).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let mut resumed = client.resume(&place).send(world.at(0)).await;
    opening(&mut resumed, NEWEST).await;
    let stored = rest(&mut resumed).await;
    let (_, last) = stored.last().expect("a response");
    assert_eq!(last["id"], 1, "the reply was written to its end");
    let seen = rest(&mut idle).await;
    assert!(stored.starts_with(&seen), "what the client does read in the end is the beginning of the same");
}

/// A slow reader that does read gets everything.
#[tokio::test(start_paused = true)]
async fn a_slow_client_gets_every_message_in_order() {
    let world = environment();
    let client = Client::open(world.at(0), OLDEST).await;
    let mut reply = client.call(1, "flood", json!({ "messages": 200 })).send(world.at(0)).await;
    for at in 1..=200 {
        if at % 20 == 0 {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(reply.message().await["params"]["data"], at.to_string());
    }
    assert_eq!(reply.message().await["result"]["content"][0]["text"], "flooded");
}

/// An ingress that needs whole bodies gets the same events, and no request of the server can be sent through it.
#[tokio::test(start_paused = true)]
async fn a_buffered_ingress_gets_the_whole_reply_at_once() {
    let world = environments_with(1, |config| config.streams.keep_alive = Duration::from_secs(1));
    for version in [NEWEST, MIDDLE] {
        let client = Client::open(world.at(0), version).await;
        let whole = client.call(1, "log_all", json!({})).through(buffered()).send(world.at(0)).await;
        assert!(whole.is_stream());
        let messages = whole.messages().await;
        assert_eq!(messages.len(), 9);
        assert_eq!(messages[8]["id"], 1);
        let plain =
            client.call(2, "echo", json!({ "message": "hi" })).through(buffered()).send(world.at(0)).await;
        assert!(!plain.is_stream());
        let asked =
            client.call(3, "ask", json!({ "what": "roots" })).through(buffered()).send(world.at(0)).await;
        assert!(text(asked).await.starts_with("refused: "));
        let slow = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            world.allow(1);
        };
        let (slow, ()) =
            tokio::join!(client.call(4, "slow", json!({})).through(buffered()).send(world.at(0)), slow);
        assert!(!slow.is_stream(), "keep-alives are for connections that stay open");
        let body: Value = slow.json().await;
        assert_eq!(body["id"], 4);
    }
}

/// A call that its client has left runs on, and counts as a request of its caller until it ends.
#[tokio::test(start_paused = true)]
async fn a_call_whose_client_has_left_counts_until_it_ends() {
    let world = environments_with(1, |config| config.requests.per_principal = 2);
    let client = Client::open(world.at(0), NEWEST).await;
    let leave = async |id: u64| {
        let sending = client.call(id, "slow", json!({})).send(world.at(0));
        tokio::select! {
            _ = sending => panic!("nothing was sent yet"),
            () = reports(&world, &["started"]) => {}
        }
    };
    reports(&world, &["initialized"]).await;
    leave(1).await;
    leave(2).await;
    let ping = client.request(3, "ping", json!({}));
    let (status, _, _) = refused(ping.send(world.at(0)).await).await;
    assert_eq!(status, 429, "both calls run on");
    world.allow(1);
    reports(&world, &["done", "dropped"]).await;
    tokio::task::yield_now().await;
    assert_eq!(client.request(4, "ping", json!({})).send(world.at(0)).await.status, 200);
}

/// DELETE ends the calls of the session too, wherever they run, with or without their clients.
#[tokio::test(start_paused = true)]
async fn the_end_of_a_session_stops_its_calls_on_every_environment() {
    for (running, deleted_on) in [(0, 0), (0, 1)] {
        let world = environments(2);
        let client = Client::open(world.at(0), NEWEST).await;
        let other = Client::open(world.at(0), NEWEST).await;
        let ending = async {
            reports(&world, &["initialized", "initialized", "started", "started"]).await;
            assert_eq!(client.end().send(world.at(deleted_on)).await.status, 204);
        };
        let start = Instant::now();
        let calls = async {
            tokio::join!(
                client.call(1, "slow", json!({})).send(world.at(running)),
                client.call(2, "slow", json!({})).send(world.at(running)),
            )
        };
        let ((one, two), ()) = tokio::join!(calls, ending);
        for (reply, id) in [(one, 1), (two, 2)] {
            let (status, code, body) = refused(reply).await;
            assert_eq!((status, code, &body["id"]), (200, -32001, &json!(id)));
        }
        assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
        let mut stopped = Vec::new();
        for _ in 0..4 {
            stopped.push(world.report().await);
        }
        stopped.sort();
        assert_eq!(stopped, ["cancelled", "cancelled", "dropped", "dropped"]);
        world.allow(1);
        let text = text(other.call(3, "slow", json!({})).send(world.at(running)).await).await;
        assert_eq!(text, "done", "the calls of other sessions go on");
    }
}

/// A cancellation that nothing waited for is of no concern to a later call with the same id. A second one is.
#[tokio::test(start_paused = true)]
async fn a_cancellation_from_before_a_call_does_not_cancel_it() {
    for (sent_to, id) in [(0, json!(1)), (1, json!(1)), (1, json!("x".repeat(10_000)))] {
        let world = environments(2);
        let client = Client::open(world.at(0), NEWEST).await;
        reports(&world, &["initialized"]).await;
        assert_eq!(client.cancel(id.clone()).send(world.at(sent_to)).await.status, 202);
        world.clock.advance(Duration::from_millis(1));
        let allowing = async {
            reports(&world, &["started"]).await;
            tokio::time::sleep(Duration::from_secs(10)).await;
            world.allow(1);
        };
        let call = client.call(id.clone(), "slow", json!({})).send(world.at(0));
        let (reply, ()) = tokio::join!(call, allowing);
        assert_eq!(text(reply).await, "done", "cancelled on environment {sent_to} before it began");
        reports(&world, &["done", "dropped"]).await;
        assert_eq!(client.cancel(id.clone()).send(world.at(sent_to)).await.status, 202);
        world.clock.advance(Duration::from_millis(1));
        let cancelling = async {
            reports(&world, &["started"]).await;
            world.clock.advance(Duration::from_millis(1));
            assert_eq!(client.cancel(id.clone()).send(world.at(sent_to)).await.status, 202);
        };
        let (reply, ()) =
            tokio::join!(client.call(id.clone(), "slow", json!({})).send(world.at(0)), cancelling);
        assert!(reply.messages().await.is_empty(), "cancelled while it ran");
    }
}

/// A stored cancellation is small, and a client stores a thousand of them at most.
#[tokio::test(start_paused = true)]
async fn stored_cancellations_are_small_and_few() {
    let world = environment();
    let client = Client::open(world.at(0), NEWEST).await;
    let session: SessionId = client.id.parse().expect("an id");
    let stored = async |id: u64| {
        let key = InboxKey::Request(id.to_string());
        world.stores.inbox.read(&session, &[key]).await.expect("read")
    };
    for id in 0..1_500 {
        let params = json!({ "requestId": id, "reason": "because ".repeat(100) });
        let cancel = client.notification("notifications/cancelled", params);
        assert_eq!(cancel.send(world.at(0)).await.status, 202);
    }
    assert!(stored(0).await.is_empty() && stored(499).await.is_empty(), "the oldest were dropped");
    for id in [500, 1_499] {
        let messages = stored(id).await;
        assert_eq!(messages.len(), 1);
        assert!(messages[0].body.len() < 200, "{:?}", messages[0].body);
    }
    world.clock.advance(Duration::from_secs(61));
    assert!(stored(1_499).await.is_empty(), "a minute is longer than a running call needs");
}
