//! How a reply is kept for a client that comes back: off its way, in few writes, whole before the last byte.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use mcp_lambda_server::{
    StoreError,
    stream::{Part, Replay, StreamKey, StreamStore, StreamTerms},
};
use serde_json::{Value, json};
use test_support::{
    McpRequest, World, environments,
    logs::warnings::{capture, logged},
    refused,
    session::{Client, NEWEST, identified, opening, priming, rest},
    text,
};
use tokio::time::Instant;

const STEPS: usize = 5;
/// How long each write takes here.
const WRITE: Duration = Duration::from_secs(10);
/// On a laptop: from the start of a call until a client that comes back learns that the call broke off.
const OVER: Duration = Duration::from_secs(900 + 15);

/// A store of replies that a test controls.
struct ControlledStore {
    inner: Arc<dyn StreamStore>,
    /// How long a write takes.
    takes: Duration,
    /// Writes that are done; later ones never end, or fail.
    good: AtomicUsize,
    fails: bool,
    largest: usize,
    /// The number of messages of each write that began.
    parts: Arc<Mutex<Vec<usize>>>,
}

impl ControlledStore {
    fn new(world: &World) -> Self {
        Self {
            inner: Arc::clone(&world.stores.streams),
            takes: Duration::ZERO,
            good: AtomicUsize::new(usize::MAX),
            fails: false,
            largest: usize::MAX,
            parts: Arc::default(),
        }
    }

    async fn write(&self, part: &Part) -> Result<(), StoreError> {
        self.parts.lock().expect("no panic").push(part.messages.len());
        let good = self.good.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        match good {
            Ok(_) => tokio::time::sleep(self.takes).await,
            Err(_) if self.fails => return Err(StoreError::Unavailable("made to fail".into())),
            Err(_) => std::future::pending().await,
        }
        Ok(())
    }
}

#[async_trait]
impl StreamStore for ControlledStore {
    fn largest_part(&self) -> usize {
        self.largest
    }

    async fn open(&self, key: &StreamKey, terms: &StreamTerms, part: &Part) -> Result<(), StoreError> {
        self.write(part).await?;
        self.inner.open(key, terms, part).await
    }

    async fn append(&self, key: &StreamKey, terms: &StreamTerms, part: &Part) -> Result<(), StoreError> {
        self.write(part).await?;
        self.inner.append(key, terms, part).await
    }

    async fn read(&self, key: &StreamKey, after: u64) -> Result<Replay, StoreError> {
        self.inner.read(key, after).await
    }
}

/// Environment 0 writes through `controlled`; environment 1 shares its data and writes as usual.
fn environments_with_controlled_store(
    control: impl FnOnce(&mut ControlledStore),
) -> (World, World, Arc<Mutex<Vec<usize>>>) {
    let plain = environments(1);
    let mut store = ControlledStore::new(&plain);
    control(&mut store);
    let parts = Arc::clone(&store.parts);
    let stores = plain.stores.clone().with_streams(Arc::new(store));
    let world =
        environments::world(1, |_| {}, |builder| builder.stores(stores.clone()).clock(plain.clock.clone()));
    (world, plain, parts)
}

/// A call that reports `STEPS` times and answers: `STEPS + 1` messages, each after the test has allowed it.
fn progress(client: &Client) -> McpRequest {
    let params = json!({
        "name": "progress", "arguments": { "steps": STEPS }, "_meta": { "progressToken": 1 },
    });
    client.request(1, "tools/call", params)
}

fn steps(messages: &[(String, Value)]) -> Vec<Option<u64>> {
    messages.iter().map(|(_, message)| message["params"]["progress"].as_f64().map(|at| at as u64)).collect()
}

/// Only the first message waits for a write: before it no client could come back.
#[tokio::test(start_paused = true)]
async fn a_message_reaches_the_client_while_those_before_it_are_still_being_written() {
    let (world, ..) = environments_with_controlled_store(|store| store.takes = WRITE);
    let client = Client::open(world.at(0), NEWEST).await;
    world.allow(1);
    let start = Instant::now();
    let mut reply = progress(&client).send(world.at(0)).await;
    assert_eq!(start.elapsed(), Duration::ZERO, "the head waits for nothing");
    priming(&mut reply).await;
    assert_eq!(start.elapsed(), WRITE);
    for step in 1..=STEPS {
        assert_eq!(steps(&[identified(&mut reply).await]), [Some(step as u64)]);
        world.allow(1);
    }
    assert_eq!(identified(&mut reply).await.1["id"], 1);
    assert_eq!(start.elapsed(), WRITE, "no message but the first has waited");
    assert_eq!(reply.event().await, None);
    assert!(start.elapsed() > WRITE, "the last byte waits until all is stored");
}

#[tokio::test(start_paused = true)]
async fn messages_during_one_write_go_into_the_next() {
    let (world, plain, parts) = environments_with_controlled_store(|store| store.takes = WRITE);
    let client = Client::open(world.at(0), NEWEST).await;
    world.allow(STEPS + 1);
    let mut reply = progress(&client).send(world.at(0)).await;
    let place = priming(&mut reply).await;
    let seen = rest(&mut reply).await;
    let parts = parts.lock().expect("no panic").clone();
    assert_eq!(parts.iter().sum::<usize>(), STEPS + 1);
    assert!(parts.len() <= 2, "a burst is at most two writes: {parts:?}");
    // After the last byte nothing is left to be written: on Lambda the process may be frozen by then.
    let mut resumed = client.resume(&place).send(plain.at(0)).await;
    opening(&mut resumed, NEWEST).await;
    assert_eq!(rest(&mut resumed).await, seen);
}

/// A store that is slower than a tool holds the tool up; nothing is lost and memory stays bounded.
#[tokio::test(start_paused = true)]
async fn a_flood_is_stored_whole_and_in_order_however_slow_the_store_is() {
    let (world, plain, parts) =
        environments_with_controlled_store(|store| store.takes = Duration::from_secs(1));
    let client = Client::open(world.at(0), NEWEST).await;
    let mut reply = client.call(1, "flood", json!({ "messages": 500 })).send(world.at(0)).await;
    let place = priming(&mut reply).await;
    let seen = rest(&mut reply).await;
    assert_eq!(seen.len(), 501);
    assert!(parts.lock().expect("no panic").len() < 20);
    let mut resumed = client.resume(&place).send(plain.at(0)).await;
    opening(&mut resumed, NEWEST).await;
    assert_eq!(rest(&mut resumed).await, seen);
}

/// An environment is a runtime here: dropping it has the effect of a kill, in the middle of its work.
#[test]
fn after_a_kill_a_client_gets_exactly_what_it_missed_and_an_error_that_the_call_broke_off() {
    for good in 1..=3 {
        for seen in 1..=STEPS {
            killed(good, seen);
        }
    }
}

/// Kills an environment when `seen` messages have been seen and `good` writes have been done, or fewer.
fn killed(good: usize, seen: usize) {
    let (world, plain, _) = environments_with_controlled_store(|store| store.good = AtomicUsize::new(good));
    let environment = runtime();
    let (client, places) = environment.block_on(async {
        let client = Client::open(world.at(0), NEWEST).await;
        world.allow(1);
        let mut reply = progress(&client).send(world.at(0)).await;
        let mut places = vec![priming(&mut reply).await];
        for _ in 0..seen {
            places.push(identified(&mut reply).await.0);
            world.allow(1);
        }
        (client, places)
    });
    drop((environment, world));
    runtime().block_on(async {
        let stored = resumed(&client, &plain, &places[0]).await;
        assert!(!stored.is_empty() && stored.len() <= seen, "{} of {seen} messages", stored.len());
        for (at, place) in places.iter().enumerate() {
            let missed = resumed(&client, &plain, place).await;
            let expected: Vec<_> = (at + 1..=stored.len()).map(|step| Some(step as u64)).collect();
            assert_eq!(steps(&missed), expected, "{good} writes, {seen} seen, back with {at}");
        }
        plain.clock.advance(OVER);
        for (at, place) in places.iter().enumerate() {
            let mut reply = client.resume(place).send(plain.at(0)).await;
            opening(&mut reply, NEWEST).await;
            let mut messages = Vec::new();
            while let Some(event) = reply.event_after_comments().await {
                messages.extend(event.is_message().then(|| (event.id.clone(), event.json())));
            }
            let (id, last) = messages.pop().expect("an end");
            let end = id.expect("an id behind which nothing follows");
            assert_eq!((&last["id"], &last["error"]["code"]), (&json!(1), &json!(-32603)));
            assert_eq!(refused(client.resume(&end).send(plain.at(0)).await).await.0, 405);
            assert!(last["error"]["message"].as_str().expect("a text").contains("may be retried"));
            assert_eq!(messages.len(), stored.len().saturating_sub(at));
        }
    });
}

/// The messages for a client that comes back with `place`, until there are no more for now.
async fn resumed(client: &Client, world: &World, place: &str) -> Vec<(String, Value)> {
    let mut reply = client.resume(place).through(test_support::session::buffered()).send(world.at(0)).await;
    assert_eq!(opening(&mut reply, NEWEST).await.as_deref(), Some(place));
    rest(&mut reply).await
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// A client that follows a reply also learns that its call ran out of time.
#[tokio::test(start_paused = true)]
async fn a_client_that_waits_for_a_killed_call_gets_an_error_when_the_call_must_be_over() {
    let (world, plain, _) = environments_with_controlled_store(|store| store.good = AtomicUsize::new(1));
    let client = Client::open(world.at(0), NEWEST).await;
    world.allow(1);
    let mut reply = progress(&client).send(world.at(0)).await;
    let place = priming(&mut reply).await;
    let mut following = client.resume(&place).send(plain.at(0)).await;
    opening(&mut following, NEWEST).await;
    assert_eq!(steps(&[identified(&mut following).await]), [Some(1)]);
    plain.clock.advance(OVER);
    let last = following.message().await;
    assert_eq!((&last["id"], &last["error"]["code"]), (&json!(1), &json!(-32603)));
    assert_eq!(following.event().await, None);
}

/// The call has begun and may have had effects: its answer is worth more than the way back to it.
#[tokio::test(start_paused = true)]
async fn a_store_that_fails_costs_the_way_back_and_not_the_call() {
    capture();
    for good in 0..=2 {
        let (world, plain, _) = environments_with_controlled_store(|store| {
            store.good = AtomicUsize::new(good);
            store.fails = true;
        });
        let client = Client::open(world.at(0), NEWEST).await;
        world.allow(1);
        let mut reply = progress(&client).send(world.at(0)).await;
        let mut messages = Vec::new();
        while let Some(event) = reply.event_after_comments().await {
            if event.is_message() {
                messages.push((event.id.clone(), event.json()));
                // Time for a write, its failure and another try.
                tokio::time::sleep(Duration::from_secs(5)).await;
                world.allow(1);
            } else {
                assert!(good > 0, "no place to come back to is promised: {event:?}");
            }
        }
        assert_eq!(messages.len(), STEPS + 1, "the client gets every message");
        let ids: Vec<_> = messages.iter().filter_map(|(id, _)| id.clone()).collect();
        // The message that could not be written may have been sent with its id by then; the next ones have none.
        assert!((good..=good + 1).contains(&ids.len()), "{good} writes, {ids:?}");
        assert!(messages[..ids.len()].iter().all(|(id, _)| id.is_some()), "{messages:?}");
        let log = logged().join("\n");
        assert!(log.contains("made to fail") && log.contains("cannot resume it"), "{log}");
        if let Some(place) = ids.first() {
            plain.clock.advance(OVER);
            let mut resumed = client.resume(place).send(plain.at(0)).await;
            opening(&mut resumed, NEWEST).await;
            let messages = resumed.messages().await;
            assert_eq!(messages.len(), good, "what was stored after the first, and the error: {messages:?}");
        }
    }
}

/// SEP-1699 closes the connection because the client can come back: without a way back it stays open.
#[tokio::test(start_paused = true)]
async fn a_tool_cannot_send_a_client_away_that_could_not_come_back() {
    let (world, ..) = environments_with_controlled_store(|store| {
        store.good = AtomicUsize::new(0);
        store.fails = true;
    });
    let client = Client::open(world.at(0), NEWEST).await;
    world.allow(1);
    assert_eq!(text(client.call(1, "disconnect", json!({})).send(world.at(0)).await).await, "answered later");
}

/// DynamoDB takes 400 KB; an answer may be larger.
#[tokio::test(start_paused = true)]
async fn a_response_too_large_to_be_stored_reaches_the_client_and_is_replayed_as_an_error() {
    let (world, plain, _) = environments_with_controlled_store(|store| store.largest = 1_000);
    let client = Client::open(world.at(0), NEWEST).await;
    let call = client.call(1, "big", json!({ "bytes": 5_000 })).header("accept", "text/event-stream");
    let mut reply = call.send(world.at(0)).await;
    let place = priming(&mut reply).await;
    let whole = identified(&mut reply).await.1;
    assert_eq!(whole["result"]["content"][0]["text"], "x".repeat(5_000));
    assert_eq!(reply.event().await, None);
    let mut resumed = client.resume(&place).send(plain.at(0)).await;
    opening(&mut resumed, NEWEST).await;
    let (_, error) = identified(&mut resumed).await;
    assert_eq!((&error["id"], &error["error"]["code"]), (&json!(1), &json!(-32603)));
    assert!(error["error"]["message"].as_str().expect("a text").contains("too large"));
    assert_eq!(resumed.event().await, None);
}
