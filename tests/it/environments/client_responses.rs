//! What a tool asks its client is answered to whichever environment the client reaches.
//! <https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#sending-messages-to-the-server>
//! (read 2026-11-20).

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};
use test_support::{
    Reply, World, environments,
    session::{Client, NEWEST, VERSIONS, identified, opening, rest},
};

/// A call that asks, and what it asked.
async fn asking(client: &Client, world: &World, id: u64, what: &str) -> (Reply, Value) {
    let mut reply = client.call(id, "ask", json!({ "what": what })).send(world.at(0)).await;
    let asked = reply.message().await;
    (reply, asked)
}

async fn answer_text(reply: &mut Reply) -> String {
    let response = reply.message().await;
    response["result"]["content"][0]["text"]
        .as_str()
        .unwrap_or_else(|| panic!("no text: {response}"))
        .to_owned()
}

fn roots(uri: &str) -> Value {
    json!({ "roots": [{ "uri": uri }] })
}

#[tokio::test(start_paused = true)]
async fn an_answer_posted_to_another_node_reaches_the_call_that_asked() {
    let world = environments(3);
    for version in VERSIONS {
        let client = Client::open(world.at(1), version).await;
        let message =
            json!({ "role": "assistant", "model": "m", "content": { "type": "text", "text": "because" } });
        let form = json!({ "action": "accept", "content": { "name": "Ada" } });
        for (what, method, answer, heard) in [
            ("roots", "roots/list", roots("file:///a"), "file:///a"),
            ("sampling", "sampling/createMessage", message, "because"),
            ("elicitation", "elicitation/create", form, "Ada"),
        ] {
            let (mut reply, asked) = asking(&client, &world, 1, what).await;
            assert_eq!(asked["method"], method);
            assert_eq!(asked["jsonrpc"], "2.0");
            let accepted = client.answer(&asked, answer).send(world.at(2)).await;
            assert_eq!(accepted.status, 202);
            assert!(accepted.bytes().await.is_empty());
            let text = answer_text(&mut reply).await;
            assert!(text.contains(heard), "{text}");
            assert_eq!(reply.event().await, None);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_posted_to_another_node_is_the_tool_s_error() {
    let world = environments(2);
    let client = Client::open(world.at(0), NEWEST).await;
    for what in ["roots", "sampling", "elicitation"] {
        let (mut reply, asked) = asking(&client, &world, 1, what).await;
        assert_eq!(client.refuse(&asked, -1, "the user declined").send(world.at(1)).await.status, 202);
        let text = answer_text(&mut reply).await;
        assert!(text.starts_with("refused: ") && text.contains("the user declined"), "{text}");
    }
    let (mut reply, asked) = asking(&client, &world, 1, "elicitation").await;
    let declined = client.answer(&asked, json!({ "action": "decline" })).send(world.at(1)).await;
    assert_eq!(declined.status, 202);
    assert_eq!(answer_text(&mut reply).await, "\"decline\" null");
}

/// An answer that fits no question is the tool's error too, not its silence.
#[tokio::test(start_paused = true)]
async fn an_answer_of_the_wrong_shape_does_not_hang_the_call() {
    let world = environments(2);
    let client = Client::open(world.at(0), NEWEST).await;
    for (what, answer) in
        [("sampling", roots("file:///a")), ("roots", json!({ "roots": 7 })), ("roots", json!([]))]
    {
        let (mut reply, asked) = asking(&client, &world, 1, what).await;
        assert_eq!(client.answer(&asked, answer).send(world.at(1)).await.status, 202);
        let text = answer_text(&mut reply).await;
        assert!(text.starts_with("refused: "), "{text}");
    }
}

/// Peers of two calls count 0, 1, 2 each; on the wire an id is the only one of its session.
#[tokio::test(start_paused = true)]
async fn ids_of_requests_to_the_client_are_unique_in_a_session_across_calls_and_nodes() {
    let world = environments(2);
    let client = Client::open(world.at(0), NEWEST).await;
    let mut ids = BTreeSet::new();
    let mut tokens = BTreeSet::new();
    let mut calls = Vec::new();
    for at in 0..4_u64 {
        let node = world.at(usize::from(at % 2 == 1));
        let mut reply = client.call(at, "ask_twice", json!({})).send(node).await;
        let (one, two) = (reply.message().await, reply.message().await);
        for asked in [&one, &two] {
            let id = asked["id"].as_str().expect("a string");
            assert!(id.bytes().all(|byte| (0x21..=0x7e).contains(&byte)), "{id:?}");
            assert!(ids.insert(id.to_owned()), "{id} was there");
            let token = asked["params"]["_meta"]["progressToken"].to_string();
            assert!(tokens.insert(token.clone()), "{token} was there");
        }
        calls.push((reply, one, two));
    }
    // Answered from the last question to the first, each on the node that did not ask.
    for (at, (_, one, two)) in calls.iter().enumerate().rev() {
        let other = world.at(usize::from(at % 2 == 0));
        assert_eq!(client.answer(two, roots(&format!("two-{at}"))).send(other).await.status, 202);
        assert_eq!(client.answer(one, roots(&format!("one-{at}"))).send(other).await.status, 202);
    }
    for (at, (reply, ..)) in calls.iter_mut().enumerate() {
        assert_eq!(answer_text(reply).await, format!("one-{at},two-{at}"));
    }
}

/// The answer that comes twice, as from a client that missed the 202, counts once.
#[tokio::test(start_paused = true)]
async fn an_answer_sent_twice_counts_once() {
    let world = environments(2);
    let client = Client::open(world.at(0), NEWEST).await;
    let mut reply = client.call(1, "ask_twice", json!({})).send(world.at(0)).await;
    let (one, two) = (reply.message().await, reply.message().await);
    for (server, uri) in world.servers.iter().zip(["first", "again"]) {
        assert_eq!(client.answer(&one, roots(uri)).send(server).await.status, 202);
    }
    assert_eq!(client.answer(&two, roots("other")).send(world.at(1)).await.status, 202);
    assert_eq!(answer_text(&mut reply).await, "first,other");
    let late = client.answer(&one, roots("too late")).send(world.at(1)).await;
    assert_eq!(late.status, 202);
}

/// "Event injection through a shared queue": an answer counts only in the session that was asked.
#[tokio::test(start_paused = true)]
async fn a_response_from_another_session_reaches_no_call() {
    let world = environments(2);
    let (client, thief) = (Client::open(world.at(0), NEWEST).await, Client::open(world.at(0), NEWEST).await);
    let (mut reply, asked) = asking(&client, &world, 1, "roots").await;
    for server in &world.servers {
        assert_eq!(thief.answer(&asked, roots("file:///forged")).send(server).await.status, 202);
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(client.answer(&asked, roots("file:///true")).send(world.at(1)).await.status, 202);
    assert_eq!(answer_text(&mut reply).await, "file:///true");
}

/// The question that a client lost with its connection is replayed, and its answer still counts.
#[tokio::test(start_paused = true)]
async fn a_question_survives_the_connection_it_was_asked_on() {
    let world = environments(3);
    let client = Client::open(world.at(0), NEWEST).await;
    let mut reply = client.call(1, "ask", json!({ "what": "roots" })).send(world.at(0)).await;
    let place = test_support::session::priming(&mut reply).await;
    drop(reply);
    let mut resumed = client.resume(&place).send(world.at(1)).await;
    opening(&mut resumed, NEWEST).await;
    let (_, asked) = identified(&mut resumed).await;
    assert_eq!(client.answer(&asked, roots("file:///back")).send(world.at(2)).await.status, 202);
    assert_eq!(answer_text(&mut resumed).await, "file:///back");
}

/// Progress of the client, sent to another node, reaches the call that waits: it waits on.
#[tokio::test(start_paused = true)]
async fn progress_of_the_client_posted_to_another_node_keeps_the_question_open() {
    let world = environments(2);
    let client = Client::open(world.at(0), NEWEST).await;
    let mut reply = client.call(1, "ask_patiently", json!({ "seconds": 10 })).send(world.at(0)).await;
    let asked = reply.message().await;
    for step in 1..=3 {
        tokio::time::sleep(Duration::from_secs(7)).await;
        let token = &asked["params"]["_meta"]["progressToken"];
        let params = json!({ "progressToken": token, "progress": step });
        let progress = client.notification("notifications/progress", params).send(world.at(1)).await;
        assert_eq!(progress.status, 202);
    }
    tokio::time::sleep(Duration::from_secs(7)).await;
    assert_eq!(client.answer(&asked, roots("file:///a")).send(world.at(1)).await.status, 202);
    assert_eq!(answer_text(&mut reply).await, "1 roots");
}

/// A question that is taken back names the id it was asked under.
#[tokio::test(start_paused = true)]
async fn a_request_without_a_response_is_cancelled_under_its_own_id() {
    let world = environments(1);
    let client = Client::open(world.at(0), NEWEST).await;
    let mut reply = client.call(1, "ask_patiently", json!({ "seconds": 10 })).send(world.at(0)).await;
    let asked = reply.message().await;
    let cancelled = reply.message().await;
    assert_eq!(cancelled["method"], "notifications/cancelled");
    assert_eq!(cancelled["params"]["requestId"], asked["id"]);
    assert!(answer_text(&mut reply).await.contains("Timeout"));
}

/// A cancellation reaches its call on whichever environment runs it.
#[tokio::test(start_paused = true)]
async fn a_cancellation_posted_to_another_node_cancels_the_call() {
    let world = environments(3);
    let client = Client::open(world.at(0), NEWEST).await;
    let cancelling = async {
        for report in ["initialized", "started"] {
            assert_eq!(world.report().await, report);
        }
        assert_eq!(client.cancel(1).send(world.at(2)).await.status, 202);
    };
    let start = tokio::time::Instant::now();
    let (mut reply, ()) = tokio::join!(client.call(1, "slow", json!({})).send(world.at(0)), cancelling);
    assert!(rest(&mut reply).await.is_empty(), "no response may follow");
    assert_eq!(world.report().await, "cancelled");
    assert_eq!(world.report().await, "dropped");
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    let (mut asking, _) = asking(&client, &world, 2, "roots").await;
    assert_eq!(client.cancel(2).send(world.at(1)).await.status, 202);
    assert!(rest(&mut asking).await.is_empty(), "not even one that waits for an answer");
}
