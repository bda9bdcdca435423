//! A broken stream, continued on another environment.
//! <https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#resumability-and-redelivery>
//! (read 2026-11-20).

use std::time::Duration;

use serde_json::{Value, json};
use test_support::{
    McpRequest, Reply, World, environments, environments_with, refused,
    session::{Client, MIDDLE, NEWEST, VERSIONS, buffered, identified, opening, priming, rest},
    text,
};

const STEPS: usize = 5;

/// A call that reports `STEPS` times and answers: `STEPS + 1` messages, each after the test has allowed it.
fn progress(client: &Client, id: u64) -> McpRequest {
    let params = json!({
        "name": "progress", "arguments": { "steps": STEPS }, "_meta": { "progressToken": id },
    });
    client.request(id, "tools/call", params)
}

/// Checks that these messages are the whole reply to call `id`, once each and in order.
fn assert_whole(messages: &[(String, Value)], id: u64) {
    let received: Vec<_> =
        messages.iter().map(|(_, message)| message["params"]["progress"].as_f64()).collect();
    let expected: Vec<_> = (1..=STEPS).map(|step| Some(step as f64)).chain([None]).collect();
    assert_eq!(received, expected);
    let (reports, response) = messages.split_at(STEPS);
    assert!(reports.iter().all(|(_, message)| message["params"]["progressToken"] == id));
    assert_eq!(response[0].1["id"], id);
    assert_eq!(response[0].1["result"]["content"][0]["text"], "done");
}

/// Wherever the client is cut off, and whether or not the reply is complete by then.
#[tokio::test(start_paused = true)]
async fn a_reply_cut_off_anywhere_is_resumed_on_another_node_with_exactly_what_was_missed() {
    let world = environments(2);
    for version in VERSIONS {
        let client = Client::open(world.at(0), version).await;
        for (read, allowed_before) in (0..=STEPS).flat_map(|read| [(read, read), (read, STEPS + 1)]) {
            // Without priming there is no position before the first message.
            if version != NEWEST && read == 0 {
                continue;
            }
            world.allow(allowed_before);
            let (mut messages, last) = cut_off(&client, &world, version, read).await;
            let mut resumed = client.resume(&last).send(world.at(1)).await;
            assert_eq!(resumed.status, 200);
            let place = opening(&mut resumed, version).await;
            assert!(place.is_none_or(|place| place == last), "the place it starts from");
            world.allow(STEPS + 1 - allowed_before);
            messages.extend(rest(&mut resumed).await);
            assert_whole(&messages, 1);
        }
    }
}

/// Reads so many messages of a reply, then leaves. Returns them and the last id that was seen.
async fn cut_off(
    client: &Client,
    world: &World,
    version: &str,
    read: usize,
) -> (Vec<(String, Value)>, String) {
    let sending = progress(client, 1).send(world.at(0));
    let mut reply = sending.await;
    let mut last = if version == NEWEST { priming(&mut reply).await } else { String::new() };
    let mut messages = Vec::new();
    for _ in 0..read {
        let (id, message) = identified(&mut reply).await;
        last.clone_from(&id);
        messages.push((id, message));
    }
    (messages, last)
}

#[tokio::test(start_paused = true)]
async fn the_reply_that_is_still_being_written_is_followed_to_its_end() {
    let world = environments(2);
    let client = Client::open(world.at(0), NEWEST).await;
    world.allow(1);
    let (mut messages, last) = cut_off(&client, &world, NEWEST, 1).await;
    let mut resumed = client.resume(&last).send(world.at(1)).await;
    opening(&mut resumed, NEWEST).await;
    for _ in 0..STEPS {
        assert!(resumed.is_waiting(), "nothing comes before it was sent");
        world.allow(1);
        messages.push(identified(&mut resumed).await);
    }
    assert_eq!(resumed.event().await, None, "the response ends the stream");
    assert_whole(&messages, 1);
}

/// A client that is cut off again and again, each time elsewhere, misses no message and receives none twice.
#[tokio::test(start_paused = true)]
async fn a_reply_can_be_resumed_from_each_of_its_messages() {
    let world = environments(3);
    let client = Client::open(world.at(0), NEWEST).await;
    world.allow(STEPS + 1);
    let (mut messages, mut last) = cut_off(&client, &world, NEWEST, 0).await;
    while messages.len() <= STEPS {
        let mut resumed = client.resume(&last).send(world.at(messages.len() % 3)).await;
        opening(&mut resumed, NEWEST).await;
        let (id, message) = identified(&mut resumed).await;
        last.clone_from(&id);
        messages.push((id, message));
    }
    assert_whole(&messages, 1);
    assert_eq!(refused(client.resume(&last).send(world.at(2)).await).await.0, 405, "it is over for good");
}

/// "The server MUST NOT replay messages that would have been delivered on a different stream."
#[tokio::test(start_paused = true)]
async fn a_replay_holds_nothing_of_another_stream() {
    let world = environments(2);
    let client = Client::open(world.at(0), NEWEST).await;
    let listening = client.listening(world.at(0)).await;
    world.allow(2 * (STEPS + 1));
    let (mut one, mut two) =
        (progress(&client, 1).send(world.at(0)).await, progress(&client, 2).send(world.at(1)).await);
    let places = [priming(&mut one).await, priming(&mut two).await];
    assert_eq!(client.call(3, "change", json!({ "what": "tools" })).send(world.at(0)).await.status, 200);
    drop((one, two, listening));
    for (place, id) in places.iter().zip([1, 2]) {
        let mut resumed = client.resume(place).send(world.at(1)).await;
        opening(&mut resumed, NEWEST).await;
        assert_whole(&rest(&mut resumed).await, id);
    }
}

/// The stream of another session cannot be distinguished from one that does not exist.
#[tokio::test(start_paused = true)]
async fn a_stream_of_another_session_cannot_be_resumed() {
    let world = environments(2);
    let (hers, theirs) = (Client::open(world.at(0), NEWEST).await, Client::open(world.at(0), NEWEST).await);
    world.allow(STEPS + 1);
    let (_, place) = cut_off(&hers, &world, NEWEST, 2).await;
    let never = format!("{}.2", "0".repeat(32));
    for server in &world.servers {
        let (stolen, unknown) =
            (theirs.resume(&place).send(server).await, theirs.resume(&never).send(server).await);
        let ((status, code, stolen), (_, _, unknown)) = (refused(stolen).await, refused(unknown).await);
        assert_eq!((status, code), (405, -32000));
        assert_eq!(stolen.to_string().replace(&place, "*"), unknown.to_string().replace(&never, "*"));
    }
}

#[tokio::test]
async fn an_unknown_or_malformed_last_event_id_is_refused_with_405() {
    let world = environments(1);
    let client = Client::open(world.at(0), NEWEST).await;
    let token = "0123456789abcdef0123456789abcdef";
    let many = "9".repeat(40);
    let tag = &client.id[..8];
    let bad = [
        "",
        "1",
        "log",
        "log.",
        "log.1",
        "log.1.",
        "log.1.1",
        "log.0.0.0",
        "log.0123abcd.0.0",
        "log.0123abc.0.0.0",
        "log.0123ABCD.0.0.0",
        "log.0123abcd.0.0.0",
        &format!("log.{tag}.-1.0.0"),
        &format!("log.{tag}.+1.0.0"),
        &format!("log.{tag}.1.2.3.4"),
        &format!("log.{tag}.1-0.2.3"),
        &format!("log.{tag}.1-3.2.3"),
        &format!("log.{tag}.1-01.2.3"),
        &format!("log.{tag}.1-+1.2.3"),
        &format!("log.{tag}.1-.2.3"),
        &format!("log.{tag}.a.b.c"),
        "LOG.1.1.1",
        &format!("log.{tag}.{many}.0.0"),
        token,
        &format!("{token}."),
        &format!("{token}.x"),
        &format!("{token}.1.1"),
        &format!("{token}.{many}"),
        &format!("{}.1", token.to_uppercase()),
        &format!("{token}.1"),
        &format!("{token}.end"),
        &format!("log.{tag}.0.0.0"),
        "../../etc.1",
    ];
    for id in bad {
        let (status, code, body) = refused(client.resume(id).send(world.at(0)).await).await;
        assert_eq!((status, code), (405, -32000), "{id:?}");
        assert_eq!(body.get("id"), None);
    }
    let twice = client.resume("log.0").and_header("last-event-id", b"log.0").send(world.at(0)).await;
    assert_eq!(refused(twice).await.0, 400);
}

/// The GET stream is replayed from the log, by its own ids.
#[tokio::test(start_paused = true)]
async fn a_get_stream_is_resumed_on_another_node_from_any_of_its_events() {
    let world = environments(2);
    for version in VERSIONS {
        let client = Client::open(world.at(0), version).await;
        for uri in ["test://own", "test://all"] {
            let subscribe = client.request(1, "resources/subscribe", json!({ "uri": uri }));
            assert_eq!(subscribe.send(world.at(0)).await.status, 200);
        }
        let mut stream = client.listening(world.at(0)).await;
        publish(&client, &world).await;
        let mut heard = Vec::new();
        for _ in 0..6 {
            heard.push(identified(&mut stream).await);
        }
        drop(stream);
        for at in 0..heard.len() {
            let mut resumed = client.resume(&heard[at].0).send(world.at(1)).await;
            opening(&mut resumed, version).await;
            let mut again = Vec::new();
            for _ in &heard[at + 1..] {
                again.push(identified(&mut resumed).await);
            }
            assert!(resumed.is_waiting(), "and nothing twice");
            for scope in ["test://own/", "test://all/"] {
                assert_eq!(uris(&again, scope), uris(&heard[at + 1..], scope), "after {}", heard[at].0);
            }
        }
    }
}

/// Six events on two environments: in the session's own scope and in the global one, each a sequence of its own.
async fn publish(client: &Client, world: &World) {
    for at in 0..3 {
        let uri = |scope: &str| json!({ "uri": format!("test://{scope}/{at}") });
        assert_eq!(client.call(1, "tell_session", uri("own")).send(world.at(at % 2)).await.status, 200);
        assert_eq!(client.call(1, "change", uri("all")).send(world.at(0)).await.status, 200);
    }
}

fn uris<'a>(heard: &'a [(String, Value)], scope: &str) -> Vec<&'a str> {
    let all = heard.iter().map(|(_, message)| message["params"]["uri"].as_str().expect("an update"));
    all.filter(|uri| uri.starts_with(scope)).collect()
}

/// A position that the log has not reached does not exist: the stream continues from now.
#[tokio::test(start_paused = true)]
async fn a_position_ahead_of_the_log_continues_from_now() {
    let world = environments(1);
    let client = Client::open(world.at(0), NEWEST).await;
    let id = |position: &str| format!("log.{}.{position}", &client.id[..8]);
    drop(client.listening(world.at(0)).await);
    let ahead = id(&format!("{0}.{0}.{0}-2", u64::MAX));
    let mut stream = client.resume(&ahead).send(world.at(0)).await;
    assert_eq!(opening(&mut stream, NEWEST).await, Some(id("0.0.0")));
    assert_eq!(client.call(1, "change", json!({ "what": "tools" })).send(world.at(0)).await.status, 200);
    assert_eq!(identified(&mut stream).await.0, id("1.0.0"));
}

/// SEP-1699: the connection closes, the call goes on, and the client polls for the rest wherever it likes.
#[tokio::test(start_paused = true)]
async fn a_tool_may_close_the_connection_and_be_polled_for() {
    let world = environments(2);
    let client = Client::open(world.at(0), NEWEST).await;
    let mut reply = client.call(1, "disconnect", json!({})).send(world.at(0)).await;
    let place = priming(&mut reply).await;
    assert_eq!(reply.event_after_comments().await.expect("when to come back").retry.as_deref(), Some("1000"));
    assert_eq!(reply.event().await, None);
    let mut early = client.resume(&place).through(buffered()).send(world.at(1)).await;
    opening(&mut early, NEWEST).await;
    assert_eq!(early.event_after_comments().await.expect("not yet").retry.as_deref(), Some("1000"));
    assert_eq!(early.event().await, None);
    world.allow(1);
    let resumed = client.resume(&place).send(world.at(1)).await;
    assert_eq!(text(resumed).await, "answered later");
}

/// 2025-06-18: "The server SHOULD NOT close the SSE stream before sending the JSON-RPC response".
#[tokio::test(start_paused = true)]
async fn before_2025_11_25_a_tool_cannot_close_the_connection() {
    let world = environments(1);
    let client = Client::open(world.at(0), MIDDLE).await;
    world.allow(1);
    assert_eq!(text(client.call(1, "disconnect", json!({})).send(world.at(0)).await).await, "answered later");
}

/// A reply is kept for a quarter of an hour after the last moment in which it could have been written.
#[tokio::test(start_paused = true)]
async fn a_reply_can_be_replayed_for_a_while_and_then_is_unknown() {
    let world = environments_with(2, |config| config.request_timeout = Duration::from_secs(7200));
    let client = Client::open(world.at(0), NEWEST).await;
    world.allow(1);
    let (_, place) = cut_off(&client, &world, NEWEST, 1).await;
    // A long silence in the middle of a long call loses nothing.
    world.clock.advance(Duration::from_secs(7000));
    tokio::time::sleep(Duration::from_secs(7000)).await;
    world.allow(STEPS);
    tokio::time::sleep(Duration::from_secs(10)).await;
    world.clock.advance(Duration::from_secs(1000));
    let mut resumed = client.resume(&place).send(world.at(1)).await;
    opening(&mut resumed, NEWEST).await;
    assert_eq!(rest(&mut resumed).await.len(), STEPS);
    world.clock.advance(Duration::from_secs(200));
    let (status, code, _) = refused(client.resume(&place).send(world.at(1)).await).await;
    assert_eq!((status, code), (405, -32000));
}

#[tokio::test(start_paused = true)]
async fn following_a_reply_counts_as_a_stream_and_reading_a_finished_one_does_not() {
    let world = environments_with(2, |config| config.streams.per_principal = 1);
    let client = Client::open(world.at(0), NEWEST).await;
    let (_, place) = cut_off(&client, &world, NEWEST, 0).await;
    let mut following = client.resume(&place).send(world.at(1)).await;
    opening(&mut following, NEWEST).await;
    assert_eq!(refused(client.resume(&place).send(world.at(0)).await).await.0, 429);
    assert_eq!(refused(client.listen().send(world.at(0)).await).await.0, 429);
    world.allow(STEPS + 1);
    assert_whole(&rest(&mut following).await, 1);
    let _listening = client.listening(world.at(0)).await;
    let mut finished = client.resume(&place).send(world.at(1)).await;
    opening(&mut finished, NEWEST).await;
    assert_whole(&rest(&mut finished).await, 1);
}

/// A session that ends takes its replies along, and ends the streams that replay them.
#[tokio::test(start_paused = true)]
async fn the_end_of_a_session_ends_a_resumed_stream() {
    let world = environments(2);
    let client = Client::open(world.at(0), NEWEST).await;
    let (_, place) = cut_off(&client, &world, NEWEST, 0).await;
    let mut following: Reply = client.resume(&place).send(world.at(1)).await;
    opening(&mut following, NEWEST).await;
    assert_eq!(client.end().send(world.at(0)).await.status, 204);
    assert!(rest(&mut following).await.is_empty());
    assert_eq!(refused(client.resume(&place).send(world.at(1)).await).await.0, 404);
}

/// typescript-sdk#2068: a new session that sends an old-looking id gets events from before it existed. An id means
/// something to the session that was given it, and reaches back to its first stream at most.
#[tokio::test(start_paused = true)]
async fn an_event_id_never_reaches_back_before_its_session_or_into_another_one() {
    let world = environments(2);
    let old = Client::open(world.at(0), NEWEST).await;
    let mut stream = old.listening(world.at(0)).await;
    let change = async |client: &Client, what: &str| {
        assert_eq!(client.call(1, "change", json!({ "what": what })).send(world.at(1)).await.status, 200);
    };
    change(&old, "tools").await;
    let (given, _) = identified(&mut stream).await;
    change(&old, "prompts").await;
    let new = Client::open(world.at(1), NEWEST).await;
    let own = |position: &str| format!("log.{}.{position}", &new.id[..8]);
    for (at, server) in world.servers.iter().enumerate() {
        for forged in [given.clone(), own("0.0.0"), own("1.0.0"), own("1-2.0.0"), "log.0.0.0".into()] {
            let (status, code, _) = refused(new.resume(&forged).send(server).await).await;
            assert_eq!((status, code), (405, -32000), "{forged} on environment {at}");
        }
        // A session that has had a stream has no ids from before that either, and a refused one takes nothing over.
        let mut listening = new.listening(server).await;
        for forged in [given.clone(), own("0.0.0"), own("1.0.0"), own("1-2.0.0")] {
            assert_eq!(refused(new.resume(&forged).send(world.at(1 - at)).await).await.0, 405, "{forged}");
        }
        change(&new, "resources").await;
        let (id, message) = identified(&mut listening).await;
        assert_eq!(message["method"], "notifications/resources/list_changed");
        assert_eq!(id, own(&format!("{}.0.0", 3 + at)));
    }
}

/// typescript-sdk#2615, python-sdk#2393: a client that resumes what is over got an empty stream once a second, for ever.
#[tokio::test(start_paused = true)]
async fn a_reply_that_is_over_is_refused_with_405_however_it_ended() {
    let world = environments(2);
    let client = Client::open(world.at(0), NEWEST).await;
    let over = async |place: &str, why: &str| {
        for server in &world.servers {
            let reply = client.resume(place).send(server).await;
            assert_eq!(reply.header("allow"), Some("POST, DELETE, OPTIONS"), "{why}");
            let (status, code, _) = refused(reply).await;
            assert_eq!((status, code), (405, -32000), "{why}");
        }
    };
    // Answered, and answered with an error.
    for (id, tool) in [(1, "log"), (2, "panic_later")] {
        let mut reply = client.call(id, tool, json!({ "level": "error" })).send(world.at(0)).await;
        let messages = rest(&mut reply).await;
        over(&messages.last().expect("a response").0, tool).await;
        // The client learns the outcome, if it has missed it.
        let before = &messages[messages.len() - 2].0;
        let mut resumed = client.resume(before).send(world.at(1)).await;
        opening(&mut resumed, NEWEST).await;
        assert_eq!(rest(&mut resumed).await, messages[messages.len() - 1..]);
    }
    // Cancelled after a message: no response follows, on the reply or on a resume of it.
    world.allow(1);
    let mut reply = progress(&client, 3).send(world.at(0)).await;
    let place = priming(&mut reply).await;
    let (last, _) = identified(&mut reply).await;
    let mut following = client.resume(&last).send(world.at(1)).await;
    opening(&mut following, NEWEST).await;
    assert_eq!(client.cancel(3).send(world.at(1)).await.status, 202);
    assert!(rest(&mut reply).await.is_empty());
    assert!(rest(&mut following).await.is_empty());
    over(&last, "cancelled").await;
    let mut resumed = client.resume(&place).send(world.at(1)).await;
    opening(&mut resumed, NEWEST).await;
    assert_eq!(rest(&mut resumed).await.len(), 1, "what was sent before can be read again");
}

/// A call that is cancelled before it has sent anything ends without an event id: there is nothing to come back for.
#[tokio::test(start_paused = true)]
async fn a_call_cancelled_before_its_first_message_leaves_nothing_to_resume() {
    let world = environments(2);
    let client = Client::open(world.at(0), NEWEST).await;
    let cancelling = async {
        for report in ["initialized", "started"] {
            assert_eq!(world.report().await, report);
        }
        assert_eq!(client.cancel(1).send(world.at(1)).await.status, 202);
    };
    let (mut reply, ()) = tokio::join!(client.call(1, "slow", json!({})).send(world.at(0)), cancelling);
    assert!(reply.is_stream());
    assert!(reply.event_after_comments().await.is_none(), "no id and no message");
}
