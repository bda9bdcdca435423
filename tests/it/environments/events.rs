//! One deployment, several environments: streams here, events and ends there.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use mcp_lambda_server::{
    Event, StoreError,
    events::{
        Appended, EventKey, EventLog, LoggedEvent, NewEvent, NewestEvents, NewestLimits, Scope, ScopeEnd,
    },
};
use serde_json::{Value, json};
use test_support::{
    World, environments, environments_with, result,
    session::{Client, MIDDLE, NEWEST, buffered, identified, opening, rest},
};

/// The counterpart of `subscriptions/listen`: an event of one environment reaches the sessions of every other.
#[tokio::test(start_paused = true)]
async fn an_event_published_on_one_node_reaches_the_get_streams_of_all() {
    let world = environments(3);
    let mut streams = Vec::new();
    for at in 0..3 {
        let client = Client::open(world.at(at), NEWEST).await;
        streams.push(client.listening(world.at((at + 1) % 3)).await);
    }
    for server in &world.servers {
        server.events().publish(Event::ToolsListChanged).await.expect("published");
    }
    for stream in &mut streams {
        for _ in 0..3 {
            assert_eq!(stream.message().await["method"], "notifications/tools/list_changed");
        }
        assert!(stream.is_waiting());
    }
}

/// Updates of a resource that a session subscribed to on one environment are sent on its stream on another.
#[tokio::test(start_paused = true)]
async fn a_subscription_made_on_one_node_counts_on_the_stream_of_another() {
    let world = environments(3);
    let client = Client::open(world.at(0), NEWEST).await;
    let mut stream = client.listening(world.at(0)).await;
    for (node, method, is_told) in [(1, "subscribe", true), (2, "unsubscribe", false), (0, "subscribe", true)]
    {
        let request = client.request(1, &format!("resources/{method}"), json!({ "uri": "test://one" }));
        assert_eq!(result(request.send(world.at(node)).await).await, json!({}));
        let change = client.call(2, "change", json!({ "what": "uri", "uri": "test://one" }));
        assert_eq!(change.send(world.at(2)).await.status, 200);
        world.at(1).events().publish(Event::PromptsListChanged).await.expect("published");
        let first = stream.message().await;
        assert_eq!(first["params"]["uri"] == "test://one", is_told, "{first}");
        if is_told {
            assert_eq!(stream.message().await["method"], "notifications/prompts/list_changed");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_log_level_set_on_one_node_holds_on_the_stream_of_another() {
    let world = environments(2);
    let client = Client::open(world.at(0), NEWEST).await;
    let mut stream = client.listening(world.at(0)).await;
    let set = client.request(1, "logging/setLevel", json!({ "level": "alert" })).send(world.at(1)).await;
    assert_eq!(set.status, 200);
    assert_eq!(client.call(2, "change", json!({ "what": "log" })).send(world.at(1)).await.status, 200);
    world.at(1).events().publish(Event::ToolsListChanged).await.expect("published");
    assert_eq!(stream.message().await["method"], "notifications/tools/list_changed");
}

/// "The server MUST send each of its JSON-RPC messages on only one of the connected streams".
#[tokio::test(start_paused = true)]
async fn a_client_with_get_streams_on_two_environments_gets_each_message_on_the_newest_alone() {
    let world = environments(2);
    let client = Client::open(world.at(0), NEWEST).await;
    let mut old = client.listening(world.at(0)).await;
    world.at(0).events().publish(Event::ToolsListChanged).await.expect("published");
    assert_eq!(old.message().await["method"], "notifications/tools/list_changed");
    let mut new = client.listening(world.at(1)).await;
    for _ in 0..3 {
        world.at(0).events().publish(Event::PromptsListChanged).await.expect("published");
    }
    for _ in 0..3 {
        assert_eq!(new.message().await["method"], "notifications/prompts/list_changed");
    }
    assert!(new.is_waiting());
    assert!(rest(&mut old).await.is_empty(), "the old one sends nothing more, until its time is over");
}

/// Even a stream that events keep busy ends.
#[tokio::test(start_paused = true)]
async fn a_session_deleted_on_one_node_ends_its_stream_on_another() {
    let world = environments(2);
    for is_busy in [false, true] {
        let client = Client::open(world.at(0), NEWEST).await;
        let mut stream = client.listening(world.at(1)).await;
        assert_eq!(client.end().send(world.at(0)).await.status, 204);
        let start = tokio::time::Instant::now();
        if is_busy {
            world.at(0).events().publish(Event::ToolsListChanged).await.expect("published");
        }
        assert!(rest(&mut stream).await.is_empty());
        let limit = if is_busy { 3 } else { 13 };
        assert!(start.elapsed() < Duration::from_secs(limit), "{:?}", start.elapsed());
    }
    let client = Client::open(world.at(0), NEWEST).await;
    let mut stream = client.listening(world.at(0)).await;
    assert_eq!(client.end().send(world.at(0)).await.status, 204);
    let start = tokio::time::Instant::now();
    assert!(rest(&mut stream).await.is_empty());
    assert_eq!(start.elapsed(), Duration::ZERO, "on the node itself at once");
}

/// A session that expires ends its stream, without a DELETE.
#[tokio::test(start_paused = true)]
async fn a_session_that_runs_out_ends_its_stream() {
    let world = environments(2);
    let client = Client::open(world.at(0), MIDDLE).await;
    let mut stream = client.listening(world.at(1)).await;
    world.clock.advance(Duration::from_secs(25 * 60 * 60));
    assert!(rest(&mut stream).await.is_empty());
}

/// A slow or late stream reads the log instead of the broadcast: no event is lost and none is sent twice.
#[tokio::test(start_paused = true)]
async fn a_stream_that_lags_behind_the_broadcast_misses_nothing() {
    let world = environments(2);
    let client = Client::open(world.at(0), NEWEST).await;
    let subscribe = client.request(1, "resources/subscribe", json!({ "uri": "test://lag" }));
    assert_eq!(subscribe.send(world.at(0)).await.status, 200);
    let mut stream = client.listening(world.at(0)).await;
    // Another listener keeps the tail of this node running past what one that does not read can hold.
    let other = Client::open(world.at(0), NEWEST).await;
    let _busy = other.listening(world.at(0)).await;
    for at in 0..1_000 {
        publish(&world, at).await;
        if at % 100 == 0 {
            tokio::time::sleep(Duration::from_secs(3)).await;
        }
    }
    for at in 0..1_000 {
        assert_eq!(uri(&stream.message().await), format!("test://lag/{at}"));
    }
    assert!(stream.is_waiting());
}

async fn publish(world: &World, at: usize) {
    let event = Event::ResourceUpdated { uri: format!("test://lag/{at}") };
    world.at(1).events().publish(event).await.expect("published");
}

fn uri(message: &Value) -> &str {
    message["params"]["uri"].as_str().unwrap_or_else(|| panic!("no update: {message}"))
}

/// A delivery that SNS repeats, to whichever node, is one event.
#[tokio::test(start_paused = true)]
async fn one_source_id_is_received_once_however_often_it_is_delivered() {
    let world = environments(2);
    let client = Client::open(world.at(0), NEWEST).await;
    let mut stream = client.listening(world.at(0)).await;
    let now = world.clock.now();
    let event = NewEvent::new(Event::ToolsListChanged, now, now.plus(Duration::from_secs(600)))
        .with_source_id(Some("sns-1".into()));
    for _ in 0..3 {
        world.stores.events.append(&Scope::Global, &event).await.expect("appended");
    }
    world.at(1).events().publish(Event::PromptsListChanged).await.expect("published");
    assert_eq!(stream.message().await["method"], "notifications/tools/list_changed");
    assert_eq!(stream.message().await["method"], "notifications/prompts/list_changed");
}

/// Many callers of many nodes count in one state, and none is lost.
#[tokio::test]
async fn state_updated_on_several_nodes_at_once_loses_no_update() {
    let world = environments(4);
    let client = Client::open(world.at(0), NEWEST).await;
    let calls = (0..40).map(async |at: usize| {
        test_support::text(client.call(at as u64, "count", json!({})).send(world.at(at % 4)).await).await
    });
    let counts = futures::future::join_all(calls).await;
    let mut counts: Vec<u32> = counts.iter().map(|text| text.parse().expect("a count")).collect();
    counts.sort_unstable();
    assert_eq!(counts, (1..=40).collect::<Vec<_>>());
}

/// A log that takes its time, as one behind a network does.
struct Distant(Arc<dyn EventLog>);

impl Distant {
    async fn travel(&self) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[async_trait]
impl EventLog for Distant {
    async fn append(&self, scope: &Scope, event: &NewEvent) -> Result<Appended, StoreError> {
        self.travel().await;
        self.0.append(scope, event).await
    }

    async fn heads(&self, scopes: &[Scope]) -> Result<Vec<u64>, StoreError> {
        self.travel().await;
        self.0.heads(scopes).await
    }

    async fn ends(&self, scopes: &[Scope]) -> Result<Vec<ScopeEnd>, StoreError> {
        self.travel().await;
        self.0.ends(scopes).await
    }

    async fn read(&self, scope: &Scope, after: u64, limit: usize) -> Result<Vec<LoggedEvent>, StoreError> {
        self.travel().await;
        self.0.read(scope, after, limit).await
    }

    async fn seal_gap(&self, scope: &Scope, after: u64) -> Result<u64, StoreError> {
        self.travel().await;
        self.0.seal_gap(scope, after).await
    }

    async fn event_keys(
        &self,
        scope: &Scope,
        after: Option<&EventKey>,
        limit: usize,
    ) -> Result<Vec<EventKey>, StoreError> {
        self.travel().await;
        self.0.event_keys(scope, after, limit).await
    }

    async fn newest(
        &self,
        scope: &Scope,
        topic: &EventKey,
        limits: NewestLimits,
    ) -> Result<NewestEvents, StoreError> {
        self.travel().await;
        self.0.newest(scope, topic, limits).await
    }
}

fn distant(n: usize) -> World {
    let near = environments_with(1, |_| {});
    let stores = near.stores.clone().with_events(Arc::new(Distant(Arc::clone(&near.stores.events))));
    environments::world(n, |_| {}, |builder| builder.stores(stores.clone()).clock(near.clock.clone()))
}

/// A buffered ingress waits for the log, not for events.
#[tokio::test(start_paused = true)]
async fn a_buffered_get_returns_the_events_of_a_slow_log() {
    let world = distant(2);
    let client = Client::open(world.at(0), NEWEST).await;
    let mut stream = client.listening(world.at(0)).await;
    for event in [Event::ToolsListChanged, Event::PromptsListChanged, Event::ResourcesListChanged] {
        world.at(1).events().publish(event).await.expect("published");
    }
    let (place, first) = identified(&mut stream).await;
    assert_eq!(first["method"], "notifications/tools/list_changed");
    let start = tokio::time::Instant::now();
    let mut poll = client.resume(&place).through(buffered()).send(world.at(1)).await;
    opening(&mut poll, NEWEST).await;
    let methods: Vec<_> =
        rest(&mut poll).await.into_iter().map(|(_, message)| message["method"].clone()).collect();
    assert_eq!(methods, ["notifications/prompts/list_changed", "notifications/resources/list_changed"]);
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
}

/// A streaming one delivers every event too, even when it is cut short in between.
#[tokio::test(start_paused = true)]
async fn a_stream_over_a_distant_log_misses_nothing() {
    let world = distant(2);
    let client = Client::open(world.at(0), NEWEST).await;
    let subscribe = client.request(1, "resources/subscribe", json!({ "uri": "test://lag" }));
    assert_eq!(subscribe.send(world.at(0)).await.status, 200);
    let mut first = client.listen().send(world.at(0)).await;
    let place = opening(&mut first, NEWEST).await.expect("an id");
    drop(first);
    let mut stream = client.resume(&place).send(world.at(0)).await;
    opening(&mut stream, NEWEST).await;
    for at in 0..250 {
        publish(&world, at).await;
    }
    for at in 0..250 {
        assert_eq!(uri(&stream.message().await), format!("test://lag/{at}"));
    }
}
