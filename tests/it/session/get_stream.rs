//! The GET stream: events that belong to no request.
//! <https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#listening-for-messages-from-the-server>
//! (read 2026-11-20).

use std::time::Duration;

use mcp_lambda_server::{Event, Principal};
use serde_json::json;
use test_support::{
    environment, environments, environments_with, refused, result,
    session::{Client, MIDDLE, NEWEST, OLDEST, VERSIONS, buffered, front, identified, opening, rest},
};

async fn change(client: &Client, what: &str, server: &mcp_lambda_server::Server) {
    let params = json!({ "what": what, "uri": what });
    assert_eq!(client.call(1, "change", params).send(server).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_get_with_a_session_is_an_event_stream_of_what_changes() {
    let world = environment();
    for version in VERSIONS {
        let client = Client::open(world.at(0), version).await;
        let mut stream = client.listen().send(world.at(0)).await;
        assert_eq!(stream.status, 200);
        assert_eq!(stream.header("content-type"), Some("text/event-stream"));
        assert_eq!(stream.header("cache-control"), Some("no-cache, no-transform"));
        assert_eq!(stream.header("x-accel-buffering"), Some("no"));
        opening(&mut stream, version).await;
        for (what, method) in [
            ("tools", "notifications/tools/list_changed"),
            ("prompts", "notifications/prompts/list_changed"),
            ("resources", "notifications/resources/list_changed"),
        ] {
            change(&client, what, world.at(0)).await;
            assert_eq!(stream.message().await, json!({ "jsonrpc": "2.0", "method": method }));
        }
        change(&client, "log", world.at(0)).await;
        assert_eq!(stream.message().await["params"], json!({ "level": "error", "data": "to all" }));
    }
}

#[tokio::test]
async fn with_streams_off_a_get_is_405_and_nothing_promises_changes() {
    let world = environments_with(1, |config| config.streams.enabled = false);
    let client = Client::open(world.at(0), NEWEST).await;
    let without = (client.listen().without("mcp-session-id"), "POST, OPTIONS");
    let with =
        [client.listen(), client.resume("log.00000000.0.0.0")].map(|get| (get, "POST, DELETE, OPTIONS"));
    for (get, allowed) in with.into_iter().chain([without]) {
        let reply = get.send(world.at(0)).await;
        assert_eq!(reply.header("allow"), Some(allowed));
        assert_eq!(reply.status, 405);
    }
    let initialize = test_support::request::initialize_request(NEWEST, json!({})).send(world.at(0)).await;
    let capabilities = result(initialize).await["capabilities"].clone();
    assert_eq!(capabilities["tools"], json!({}));
    assert_eq!(capabilities["prompts"], json!({}));
    assert_eq!(capabilities["resources"], json!({}));
    assert!(capabilities["logging"].is_object(), "messages of a call still flow on its reply");
    let subscribe = client.request(1, "resources/subscribe", json!({ "uri": "test://one" }));
    let (status, code, _) = refused(subscribe.send(world.at(0)).await).await;
    assert_eq!((status, code), (200, -32601), "no stream could deliver an update");
}

/// A priming event promises that the stream can be resumed: without streams there is none.
#[tokio::test]
async fn with_streams_off_a_reply_still_streams_but_promises_no_resuming() {
    let world = environments_with(1, |config| config.streams.enabled = false);
    let client = Client::open(world.at(0), NEWEST).await;
    let mut reply = client.call(1, "log", json!({ "level": "error" })).send(world.at(0)).await;
    assert!(reply.event_after_comments().await.expect("a message").is_message(), "no priming");
    let done = reply.message().await;
    assert_eq!(done["id"], 1);
    // A tool that asks to close the connection is ignored: the client could not come back.
    world.allow(1);
    let reply = client.call(2, "disconnect", json!({})).send(world.at(0)).await;
    assert_eq!(test_support::text(reply).await, "answered later");
}

#[tokio::test]
async fn a_get_that_does_not_accept_event_streams_is_406() {
    let world = environment();
    let client = Client::open(world.at(0), NEWEST).await;
    for accept in ["application/json", "text/html", "text/event-stream;q=0"] {
        let (status, _, _) = refused(client.listen().header("accept", accept).send(world.at(0)).await).await;
        assert_eq!(status, 406, "{accept}");
    }
    for accept in ["text/event-stream", "text/*", "*/*", "application/json, text/event-stream;q=0.5"] {
        assert_eq!(client.listen().header("accept", accept).send(world.at(0)).await.status, 200, "{accept}");
    }
    assert_eq!(client.listen().without("accept").send(world.at(0)).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn every_stream_sends_retry_and_only_2025_11_25_is_primed() {
    let world = environments_with(1, |config| {
        config.streams.lifetime = Some(Duration::from_secs(30));
        config.streams.retry = Duration::from_millis(4321);
    });
    for version in VERSIONS {
        let client = Client::open(world.at(0), version).await;
        let mut stream = client.listen().send(world.at(0)).await;
        let mut received = Vec::new();
        while let Some(event) = stream.event_after_comments().await {
            received.push(event);
        }
        let retries: Vec<_> = received.iter().map(|event| event.retry.as_deref()).collect();
        let primings = received.iter().filter(|event| event.data.as_deref() == Some("")).count();
        if version == NEWEST {
            assert_eq!((&retries[..], primings), (&[Some("4321"), None, Some("4321")][..], 1));
        } else {
            assert_eq!((&retries[..], primings), (&[Some("4321"), Some("4321")][..], 0), "{version}");
        }
        // The reply to a POST is primed the same way.
        let mut reply = client.call(1, "log", json!({ "level": "error" })).send(world.at(0)).await;
        let first = reply.event_after_comments().await.expect("an event");
        assert_eq!(first.data.as_deref() == Some(""), version == NEWEST, "{version}");
        assert!(first.id.is_some(), "every event of a reply has an id");
    }
}

#[tokio::test(start_paused = true)]
async fn a_quiet_stream_is_kept_alive_and_ends_itself_in_time() {
    let world = environments_with(1, |config| {
        config.streams.keep_alive = Duration::from_secs(10);
        config.streams.lifetime = Some(Duration::from_secs(35));
    });
    let client = Client::open(world.at(0), NEWEST).await;
    let start = tokio::time::Instant::now();
    let mut stream = client.listening(world.at(0)).await;
    let mut comments = Vec::new();
    while let Some(event) = stream.event().await {
        comments.push((start.elapsed().as_secs(), event.is_comment()));
    }
    assert_eq!(comments, [(10, true), (20, true), (30, true), (35, false)]);
}

/// The deadline of the ingress comes first: on Lambda a stream must not be cut off inside a message.
#[tokio::test(start_paused = true)]
async fn a_stream_ends_before_the_deadline_of_its_ingress() {
    let world = environment();
    let client = Client::open(world.at(0), NEWEST).await;
    let start = tokio::time::Instant::now();
    let mut stream = client.listen().through(front(Duration::from_secs(20))).send(world.at(0)).await;
    opening(&mut stream, NEWEST).await;
    assert_eq!(stream.event_after_comments().await.expect("the end").retry.as_deref(), Some("1000"));
    assert_eq!(stream.event().await, None);
    assert!((1..20).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_ends_its_streams_gracefully() {
    let world = environment();
    let client = Client::open(world.at(0), NEWEST).await;
    let mut stream = client.listening(world.at(0)).await;
    world.at(0).stop();
    assert_eq!(stream.event_after_comments().await.expect("the end").retry.as_deref(), Some("1000"));
    assert_eq!(stream.event().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_message_goes_to_the_newest_get_stream_of_a_client_and_to_no_other() {
    let world = environment();
    let client = Client::open(world.at(0), NEWEST).await;
    let mut old = client.listening(world.at(0)).await;
    change(&client, "tools", world.at(0)).await;
    assert_eq!(old.message().await["method"], "notifications/tools/list_changed");
    let mut new = client.listening(world.at(0)).await;
    change(&client, "prompts", world.at(0)).await;
    assert_eq!(new.message().await["method"], "notifications/prompts/list_changed");
    // A reply is a stream of the client too: what belongs to no request does not go there.
    let reply = client.call(2, "change", json!({ "what": "tools" })).send(world.at(0)).await;
    assert!(!reply.is_stream(), "a change alone opens no stream");
    assert_eq!(new.message().await["method"], "notifications/tools/list_changed");
    assert!(rest(&mut old).await.is_empty(), "the old one sends nothing more, until its time is over");
}

#[tokio::test(start_paused = true)]
async fn updates_are_sent_of_subscribed_resources_only() {
    let world = environment();
    let (one, two) = (Client::open(world.at(0), NEWEST).await, Client::open(world.at(0), MIDDLE).await);
    let subscribe = async |client: &Client, method: &str, uri: &str| {
        let reply = client.request(1, method, json!({ "uri": uri })).send(world.at(0)).await;
        assert_eq!(result(reply).await, json!({}));
    };
    let mut streams = [one.listening(world.at(0)).await, two.listening(world.at(0)).await];
    subscribe(&one, "resources/subscribe", "test://one").await;
    subscribe(&two, "resources/subscribe", "test://two").await;
    subscribe(&two, "resources/subscribe", "test://one").await;
    subscribe(&two, "resources/unsubscribe", "test://one").await;
    for uri in ["test://nobody", "test://one", "test://two", "test://oneself"] {
        change(&one, uri, world.at(0)).await;
    }
    change(&one, "tools", world.at(0)).await;
    for (stream, uri) in streams.iter_mut().zip(["test://one", "test://two"]) {
        let updated = json!({ "jsonrpc": "2.0", "method": "notifications/resources/updated", "params": { "uri": uri } });
        assert_eq!(stream.message().await, updated);
        assert_eq!(
            stream.message().await["method"],
            "notifications/tools/list_changed",
            "and nothing in between"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_log_level_of_a_session_filters_its_get_stream() {
    let world = environment();
    let (quiet, all) = (Client::open(world.at(0), NEWEST).await, Client::open(world.at(0), NEWEST).await);
    let mut streams = [quiet.listening(world.at(0)).await, all.listening(world.at(0)).await];
    let set = quiet.request(1, "logging/setLevel", json!({ "level": "critical" })).send(world.at(0)).await;
    assert_eq!(set.status, 200);
    change(&quiet, "log", world.at(0)).await;
    change(&quiet, "tools", world.at(0)).await;
    assert_eq!(
        streams[0].message().await["method"],
        "notifications/tools/list_changed",
        "no error below critical"
    );
    assert_eq!(streams[1].message().await["params"]["data"], "to all");
}

/// An event for one session reaches no other.
#[tokio::test(start_paused = true)]
async fn an_event_for_one_session_reaches_no_other() {
    let world = environment();
    let (one, other) = (Client::open(world.at(0), NEWEST).await, Client::open(world.at(0), NEWEST).await);
    let mut hers = one.listening(world.at(0)).await;
    let mut theirs = other.listening(world.at(0)).await;
    assert_eq!(one.call(1, "tell_session", json!({})).send(world.at(0)).await.status, 200);
    world.at(0).events().publish(Event::ToolsListChanged).await.expect("published");
    assert_eq!(
        hers.message().await["params"],
        json!({ "level": "error", "data": "to one", "logger": "own" })
    );
    assert_eq!(hers.message().await["method"], "notifications/tools/list_changed");
    assert_eq!(theirs.message().await["method"], "notifications/tools/list_changed");
}

#[tokio::test(start_paused = true)]
async fn a_caller_holds_no_more_streams_than_it_may() {
    let world = environments_with(2, |config| config.streams.per_principal = 2);
    let alice = Some(Principal::new("i", "alice"));
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(Client::open_as(world.at(0), NEWEST, alice.clone()).await);
    }
    let first = clients[0].listening(world.at(0)).await;
    let mut second = clients[1].listening(world.at(1)).await;
    let refusal = clients[2].listen().send(world.at(1)).await;
    assert_eq!(refusal.header("retry-after"), Some("1"));
    let (status, code, _) = refused(refusal).await;
    assert_eq!((status, code), (429, -32000));
    // A refused stream replaces nothing.
    let (status, _, _) = refused(clients[1].listen().send(world.at(1)).await).await;
    assert_eq!(status, 429);
    world.at(0).events().publish(Event::ToolsListChanged).await.expect("published");
    assert_eq!(second.message().await["method"], "notifications/tools/list_changed");
    // What is over is not worth another try: that comes first, and to a client with room and to one without alike.
    let over =
        Client { id: "0123456789abcdef0123456789abcdef".into(), version: OLDEST, principal: alice.clone() };
    assert_eq!(refused(over.listen().send(world.at(0)).await).await.0, 404);
    let other = Client::open_as(world.at(0), OLDEST, Some(Principal::new("i", "other"))).await;
    assert_eq!(other.listen().send(world.at(0)).await.status, 200, "another caller has its own");
    drop(first);
    tokio::task::yield_now().await;
    assert_eq!(
        clients[2].listen().send(world.at(1)).await.status,
        200,
        "a stream that was left is free again"
    );
}

/// A buffered ingress gets the events of the log, at once, and the position to come back to.
#[tokio::test(start_paused = true)]
async fn a_buffered_get_returns_the_stored_events_and_ends() {
    let world = environment();
    let client = Client::open(world.at(0), NEWEST).await;
    let mut stream = client.listening(world.at(0)).await;
    for what in ["tools", "prompts", "resources"] {
        change(&client, what, world.at(0)).await;
    }
    let (place, _) = identified(&mut stream).await;
    let start = tokio::time::Instant::now();
    let mut poll = client.resume(&place).through(buffered()).send(world.at(0)).await;
    opening(&mut poll, NEWEST).await;
    let methods: Vec<_> =
        rest(&mut poll).await.into_iter().map(|(_, message)| message["method"].clone()).collect();
    assert_eq!(methods, ["notifications/prompts/list_changed", "notifications/resources/list_changed"]);
    let mut fresh = client.listen().through(buffered()).send(world.at(0)).await;
    opening(&mut fresh, NEWEST).await;
    assert!(rest(&mut fresh).await.is_empty(), "from now on there is nothing");
    assert_eq!(start.elapsed(), Duration::ZERO);
}

/// java-sdk#524, mcp_dart#126: two GET streams of one session that end each other bring their client back for ever. Here
/// both stay open, and each message is on one of them.
#[tokio::test(start_paused = true)]
async fn two_get_streams_of_a_session_do_not_end_each_other() {
    for version in VERSIONS {
        let world = environments(2);
        let client = Client::open(world.at(0), version).await;
        let start = tokio::time::Instant::now();
        let mut streams = [client.listening(world.at(0)).await, client.listening(world.at(1)).await];
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_secs(20)).await;
            change(&client, "tools", world.at(0)).await;
            assert_eq!(streams[1].message().await["method"], "notifications/tools/list_changed");
            assert!(streams[1].is_waiting(), "{version}: the newer one is open");
        }
        assert!(rest(&mut streams[0]).await.is_empty(), "{version}: no message twice");
        assert_eq!(start.elapsed().as_secs(), 300, "{version}: the older one was open for its whole time");
    }
}

/// The client has closed its newer stream: the older one, on whichever environment, gets the messages.
#[tokio::test(start_paused = true)]
async fn the_older_get_stream_takes_over_when_the_newer_one_is_left() {
    for newer in [0, 1] {
        let world = environments(2);
        let client = Client::open(world.at(0), NEWEST).await;
        let mut older = client.listening(world.at(0)).await;
        let mut left = client.listening(world.at(newer)).await;
        change(&client, "tools", world.at(0)).await;
        assert_eq!(left.message().await["method"], "notifications/tools/list_changed");
        let passed_by = older.event_after_comments().await.expect("the position behind it");
        assert_eq!(
            passed_by.data.as_deref(),
            Some(""),
            "no message, but its id: a resume does not repeat it"
        );
        drop(left);
        tokio::time::sleep(Duration::from_secs(1)).await;
        change(&client, "prompts", world.at(1)).await;
        assert_eq!(older.message().await["method"], "notifications/prompts/list_changed");
        let mut resumed = client.resume(&passed_by.id.expect("an id")).send(world.at(1)).await;
        opening(&mut resumed, NEWEST).await;
        assert_eq!(resumed.message().await["method"], "notifications/prompts/list_changed");
    }
}
