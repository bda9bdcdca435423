//! Global events: which streams receive them, in which form, and what that costs.

#![allow(deprecated, reason = "logging levels are tested until they are gone")]

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
    events::{
        Appended, EventFilter, EventKey, EventLog, GlobalEvent, Lifecycle, LoggedEvent, NewEvent,
        NewestEvents, NewestLimits, PublishError, Publisher, Scope, ScopeEnd, SessionChange, ToolStatus,
        TopicMessage,
    },
    session::SessionId,
};
use serde_json::{Value, json};
use test_support::{
    World, environments, environments_with, refused, result,
    session::{Client, NEWEST, buffered, opening, rest},
    stateless,
};

fn deployment(n: usize) -> World {
    environments_with(n, |config| config.events.enabled = Some(true))
}

fn happened(number: u64) -> GlobalEvent {
    GlobalEvent::external_event("aws.ec2", "state_change", json!(number))
}

const TOPIC: &str = "event://aws.ec2/state_change";

/// Row by row of what is documented, as it stands on the wire.
#[test]
fn every_event_has_its_documented_form() {
    let time = "2025-06-18T14:30:00.000Z";
    let forms = [
        (
            GlobalEvent::system_health("db", "degraded", json!({ "lag": 3 })),
            json!({ "type": "system_health", "component": "db", "status": "degraded", "details": { "lag": 3 } }),
            "event://system_health/db",
        ),
        (
            GlobalEvent::tool_execution("resize", Some("s"), ToolStatus::Failed { error: "no".into() }),
            json!({
                "type": "tool_execution", "tool_name": "resize", "session_id": "s",
                "status": { "failed": { "error": "no" } },
            }),
            "event://tool_execution/resize",
        ),
        (
            GlobalEvent::session_update("s", SessionChange::Expired, Some(json!(1))),
            json!({ "type": "session_update", "session_id": "s", "event_type": "expired", "data": 1 }),
            "event://session_update/expired",
        ),
        (
            GlobalEvent::monitoring_update("EC2", "us-east-1", "c", json!({})),
            json!({
                "type": "monitoring_update", "resource_type": "EC2", "region": "us-east-1",
                "correlation_id": "c", "data": {},
            }),
            "event://monitoring_update/EC2",
        ),
        (
            GlobalEvent::external_event("a b", "c/d", json!("text")),
            json!({ "type": "external_event", "source": "a b", "event_type": "c/d", "payload": "text" }),
            "event://a%20b/c%2Fd",
        ),
        (
            GlobalEvent::server_lifecycle(Lifecycle::Error { message: "m".into() }, "i"),
            json!({ "type": "server_lifecycle", "event": { "error": { "message": "m" } }, "instance_id": "i" }),
            "event://server_lifecycle/error",
        ),
    ];
    for (event, mut form, uri) in forms {
        assert_eq!(serde_json::to_value(&event).expect("JSON"), form);
        assert_eq!(event.key().uri(), uri);
        assert_eq!(EventKey::parse(uri), Some(event.key()));
        form["timestamp"] = json!("2025-06-18T16:30:00+02:00");
        let read: GlobalEvent = serde_json::from_value(form.clone()).expect("an event");
        form["timestamp"] = json!(time);
        assert_eq!(serde_json::to_value(&read).expect("JSON"), form);
        form["timestamp"] = json!("yesterday");
        assert!(serde_json::from_value::<GlobalEvent>(form).is_err());
    }
    for uri in [
        "event://",
        "event://a",
        "test://a/b",
        "event://a/b/c",
        "event://a/b?c",
        "event://!/a",
        "event://a/!b",
    ] {
        assert_eq!(EventKey::parse(uri), None, "{uri}");
    }
}

/// What concerns one session is no one else's business, and no resource.
#[tokio::test(start_paused = true)]
async fn an_event_of_one_session_reaches_that_session_alone() {
    let world = deployment(3);
    let (one, other) = (Client::open(world.at(0), NEWEST).await, Client::open(world.at(0), NEWEST).await);
    let (mut his, mut hers) = (one.listening(world.at(1)).await, other.listening(world.at(2)).await);
    let events = world.at(0).events();
    let mine = GlobalEvent::session_update(&one.id, SessionChange::Updated, None);
    events.broadcast_global_event(mine).await.expect("published");
    let tool = GlobalEvent::tool_execution("t", Some(&one.id), ToolStatus::Completed);
    events.broadcast_global_event(tool).await.expect("published");
    events.broadcast_global_event(happened(1)).await.expect("published");
    let mut received = Vec::new();
    for _ in 0..4 {
        received.push(his.message().await);
    }
    let types: Vec<_> =
        received.iter().filter_map(|message| message["params"]["data"]["type"].as_str()).collect();
    assert_eq!(types.len(), 3);
    assert!(types.contains(&"session_update") && types.contains(&"tool_execution"));
    assert_eq!(hers.message().await["params"]["data"]["type"], "external_event");
    assert_eq!(hers.message().await["method"], "notifications/resources/list_changed");
    assert!(hers.is_waiting());
    let listed =
        result(stateless("resources/list", json!({ "cursor": "page-2" })).send(world.at(0)).await).await;
    let uris: Vec<_> =
        listed["resources"].as_array().expect("a list").iter().map(|one| &one["uri"]).collect();
    assert_eq!(uris, ["test://two", TOPIC], "behind the handler's own");
    let none = GlobalEvent::session_update("somebody", SessionChange::Updated, None);
    assert!(matches!(events.broadcast_global_event(none).await, Err(PublishError::UnknownSession(_))));
}

/// A session's level is its own, and a filter in the URL is the stream's.
#[tokio::test(start_paused = true)]
async fn a_stream_gets_the_events_that_its_level_and_its_filter_let_through() {
    let world = deployment(2);
    let quiet = Client::open(world.at(0), NEWEST).await;
    let set = quiet.request(1, "logging/setLevel", json!({ "level": "error" })).send(world.at(1)).await;
    assert_eq!(set.status, 200);
    let mut errors = quiet.listening(world.at(0)).await;
    let mut streams = Vec::new();
    for query in [
        "event_types=system_health",
        "source_filter=aws.*",
        "event_types=a,state_change&source_filter=aws.ec2",
    ] {
        let client = Client::open(world.at(0), NEWEST).await;
        let mut stream = client.listen().path(&format!("/mcp?{query}")).send(world.at(0)).await;
        opening(&mut stream, NEWEST).await;
        streams.push(stream);
    }
    let events = world.at(1).events();
    for event in [
        GlobalEvent::system_health("db", "healthy", Value::Null),
        happened(1),
        GlobalEvent::external_event("aws.s3", "put", Value::Null),
        GlobalEvent::system_health("db", "critical", Value::Null),
    ] {
        events.broadcast_global_event(event).await.expect("published");
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    for client in &world.servers {
        client.stop();
    }
    let mut heard = Vec::new();
    for stream in [&mut errors].into_iter().chain(&mut streams) {
        let messages = rest(stream).await.into_iter().map(|(_, message)| message);
        let messages = messages.filter(|message| message["method"] == "notifications/message");
        heard.push(messages.map(|message| message["params"]["logger"].clone()).collect::<Vec<_>>());
    }
    assert_eq!(heard[0], ["system_health"], "the critical one");
    assert_eq!(heard[1], ["system_health", "system_health"]);
    assert_eq!(heard[2], ["aws.ec2", "aws.s3"]);
    assert_eq!(heard[3], ["aws.ec2"]);
}

/// A buffered ingress gets the events so far, and the position to come back to.
#[tokio::test(start_paused = true)]
async fn a_buffered_get_is_a_snapshot_of_the_events_since() {
    let world = deployment(2);
    let client = Client::open(world.at(0), NEWEST).await;
    let mut first = client.listen().through(buffered()).send(world.at(0)).await;
    let place = opening(&mut first, NEWEST).await.expect("a place");
    assert!(rest(&mut first).await.is_empty());
    for number in 1..=3 {
        world.at(1).events().broadcast_global_event(happened(number)).await.expect("published");
    }
    let mut second = client.resume(&place).through(buffered()).send(world.at(1)).await;
    opening(&mut second, NEWEST).await;
    let rest = rest(&mut second).await;
    let payloads: Vec<_> = rest
        .iter()
        .filter(|(_, message)| message["method"] == "notifications/message")
        .map(|(_, message)| &message["params"]["data"]["payload"])
        .collect();
    assert_eq!(payloads, [1, 2, 3]);
    assert_eq!(rest.last().expect("messages").0, format!("log.{}.3.0.0", &client.id[..8]));
}

/// Code listens as clients do.
#[tokio::test(start_paused = true)]
async fn code_that_subscribes_gets_the_events_of_its_filter_and_is_counted() {
    let world = deployment(2);
    let events = world.at(0).events();
    assert_eq!(events.subscriber_count(), 0);
    let session = SessionId::random();
    let filter = EventFilter::default().session(session.clone());
    let mut all = events.subscribe(filter).await.expect("subscribed");
    let filter = EventFilter::default().source("tool_execution");
    let mut tools = events.subscribe(filter).await.expect("subscribed");
    assert_eq!(events.subscriber_count(), 2);
    assert_eq!(world.at(1).events().subscriber_count(), 0, "each process has its own");
    let received = [happened(1), GlobalEvent::tool_execution("t", None, ToolStatus::Started)];
    for event in &received {
        world.at(1).events().broadcast_global_event(event.clone()).await.expect("published");
    }
    let at = world.clock.now();
    for event in received.clone() {
        assert_eq!(all.next().await.expect("read"), event.at(at));
    }
    assert_eq!(tools.next().await.expect("read"), received[1].clone().at(at));
    let own = GlobalEvent::session_update(session.as_str(), SessionChange::Created, None);
    world.at(1).events().broadcast_global_event(own.clone()).await.expect("published");
    assert_eq!(all.next().await.expect("read"), own.at(at));
    drop((all, tools));
    assert_eq!(events.subscriber_count(), 0);
}

#[derive(Default)]
struct Recorder(Mutex<Vec<TopicMessage>>);

#[async_trait]
impl Publisher for Recorder {
    async fn publish(&self, message: &TopicMessage) -> Result<String, PublishError> {
        let mut announced = self.0.lock().expect("not poisoned");
        announced.push(message.clone());
        if message.message.contains("refuse me") {
            return Err(PublishError::Topic("the topic is gone".into()));
        }
        Ok(format!("message {}", announced.len()))
    }
}

/// The log comes first: an event that the SNS topic refuses still reaches this deployment's streams.
#[tokio::test(start_paused = true)]
async fn an_announcement_goes_to_the_log_and_then_to_the_topic() {
    let recorder = Arc::new(Recorder::default());
    let topic = Arc::clone(&recorder);
    let world = environments::world(
        1,
        |config| config.events.enabled = Some(true),
        move |builder| builder.publisher(Arc::clone(&topic) as Arc<dyn Publisher>),
    );
    let events = world.at(0).events();
    let mut heard = events.subscribe(EventFilter::default()).await.expect("subscribed");
    let announced = events.publish_to_topic(happened(1), Some("work 7")).await.expect("announced");
    assert_eq!((announced.appended, announced.message_id.as_deref()), (Appended::At(1), Some("message 1")));
    let refused = GlobalEvent::external_event("x", "refuse me", Value::Null);
    events.publish_to_topic(refused.clone(), None).await.expect_err("refused");
    let at = world.clock.now();
    assert_eq!(heard.next().await.expect("read"), happened(1).at(at));
    assert_eq!(heard.next().await.expect("read"), refused.at(at));
    let recorded = recorder.0.lock().expect("not poisoned");
    let first = &recorded[0];
    assert_eq!((first.event_type, first.subject.as_str()), ("external_event", TOPIC));
    assert_eq!((first.correlation_id.as_str(), first.timestamp.clone()), ("work 7", at.to_rfc3339()));
    assert_eq!(serde_json::from_str::<GlobalEvent>(&first.message).expect("an event"), happened(1).at(at));
    assert_eq!(recorded[1].correlation_id, recorded[1].id);
    assert_ne!(recorded[0].id, recorded[1].id);
}

/// Events are sent while streams are on; with streams off none are promised, and past events can still be read.
#[tokio::test(start_paused = true)]
async fn switched_off_streams_are_not_promised_and_what_happened_can_be_read() {
    let world = environments_with(1, |config| {
        config.events.enabled = Some(true);
        config.streams.enabled = false;
    });
    world.at(0).events().broadcast_global_event(happened(1)).await.expect("published");
    let discovered = result(stateless("server/discover", json!({})).send(world.at(0)).await).await;
    for family in ["tools", "prompts", "resources"] {
        assert_eq!(discovered["capabilities"][family], json!({}), "{family}");
    }
    let (status, code, _) =
        refused(stateless("subscriptions/listen", json!({ "notifications": {} })).send(world.at(0)).await)
            .await;
    assert_eq!((status, code), (404, -32601));
    let client = Client::open(world.at(0), NEWEST).await;
    assert_eq!(client.listen().send(world.at(0)).await.status, 405);
    let read = stateless("resources/read", json!({ "uri": TOPIC })).send(world.at(0)).await;
    let text = result(read).await["contents"][0]["text"].as_str().expect("text").to_owned();
    assert!(text.contains(r#""payload":1"#), "{text}");
}

/// The limit of streams of a process counts the streams of all callers.
#[tokio::test(start_paused = true)]
async fn a_full_process_takes_no_more_streams_until_one_ends() {
    let world = environments_with(2, |config| config.streams.per_process = 2);
    let listen =
        || stateless("subscriptions/listen", json!({ "notifications": { "toolsListChanged": true } }));
    let first = listen().send(world.at(0)).await;
    let _second = listen().send(world.at(0)).await;
    let third = listen().send(world.at(0)).await;
    assert_eq!((third.status.as_u16(), third.header("retry-after")), (503, Some("1")));
    assert_eq!(listen().send(world.at(1)).await.status, 200, "another process has room");
    drop(first);
    assert_eq!(listen().send(world.at(0)).await.status, 200);
}

/// A log that counts what is asked of it.
struct Counted {
    log: Arc<dyn EventLog>,
    polls: AtomicUsize,
    reads: AtomicUsize,
}

#[async_trait]
impl EventLog for Counted {
    async fn append(&self, scope: &Scope, event: &NewEvent) -> Result<Appended, StoreError> {
        self.log.append(scope, event).await
    }

    async fn heads(&self, scopes: &[Scope]) -> Result<Vec<u64>, StoreError> {
        self.polls.fetch_add(1, Ordering::SeqCst);
        self.log.heads(scopes).await
    }

    async fn ends(&self, scopes: &[Scope]) -> Result<Vec<ScopeEnd>, StoreError> {
        self.log.ends(scopes).await
    }

    async fn read(&self, scope: &Scope, after: u64, limit: usize) -> Result<Vec<LoggedEvent>, StoreError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.log.read(scope, after, limit).await
    }

    async fn seal_gap(&self, scope: &Scope, after: u64) -> Result<u64, StoreError> {
        self.log.seal_gap(scope, after).await
    }

    async fn event_keys(
        &self,
        scope: &Scope,
        after: Option<&EventKey>,
        limit: usize,
    ) -> Result<Vec<EventKey>, StoreError> {
        self.log.event_keys(scope, after, limit).await
    }

    async fn newest(
        &self,
        scope: &Scope,
        topic: &EventKey,
        limits: NewestLimits,
    ) -> Result<NewestEvents, StoreError> {
        self.log.newest(scope, topic, limits).await
    }
}

/// A Managed Instance with 64 requests at once.
#[tokio::test(start_paused = true)]
async fn sixty_four_streams_of_one_environment_share_one_tail() {
    let near = environments_with(1, |_| {});
    let counted =
        Arc::new(Counted { log: Arc::clone(&near.stores.events), polls: 0.into(), reads: 0.into() });
    let stores = near.stores.clone().with_events(Arc::clone(&counted) as _);
    let world = environments::world(
        1,
        |config| {
            config.events.enabled = Some(true);
            config.streams.per_principal = 64;
        },
        |builder| builder.stores(stores.clone()).clock(near.clock.clone()),
    );
    let listen = || {
        stateless("subscriptions/listen", json!({ "notifications": { "resourceSubscriptions": [TOPIC] } }))
    };
    let mut streams = Vec::new();
    for _ in 0..32 {
        let mut stream = listen().send(world.at(0)).await;
        assert_eq!(stream.message().await["method"], "notifications/subscriptions/acknowledged");
        streams.push(stream);
        let client = Client::open(world.at(0), NEWEST).await;
        streams.push(client.listening(world.at(0)).await);
    }
    assert_eq!(world.at(0).events().subscriber_count(), 64);
    counted.polls.store(0, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let polls = counted.polls.swap(0, Ordering::SeqCst);
    assert!((30..=60).contains(&polls), "{polls} polls in an idle minute, with any number of streams");
    assert_eq!(counted.reads.swap(0, Ordering::SeqCst), 0, "and nothing is read");
    world.at(0).events().broadcast_global_event(happened(1)).await.expect("published");
    for (at, stream) in streams.iter_mut().enumerate() {
        let expected = if at % 2 == 0 { "notifications/resources/updated" } else { "notifications/message" };
        assert_eq!(stream.message().await["method"], expected);
    }
    assert_eq!(counted.reads.load(Ordering::SeqCst), 1, "one read for all of them");
}

/// A resource of large events is cut where one response ends, and says so: its newest events are there.
#[tokio::test]
async fn a_resource_that_leaves_events_out_says_that_there_are_older_ones() {
    let world = deployment(1);
    let mut sizes = Vec::new();
    for (count, size, has_older) in [(3, 300 * 1024, Value::Null), (5, 300 * 1024, json!(true))] {
        let source = format!("lab.{count}");
        for _ in 0..count {
            let event = GlobalEvent::external_event(&source, "big", json!("x".repeat(size)));
            world.at(0).events().broadcast_global_event(event).await.expect("published");
        }
        let read = stateless("resources/read", json!({ "uri": format!("event://{source}/big") }));
        let read = result(read.send(world.at(0)).await).await;
        let text = read["contents"][0]["text"].as_str().expect("text").to_owned();
        let content: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(content["has_older"], has_older, "of {count} events");
        assert_eq!(content["events"][0]["event"]["source"], source);
        sizes.push((content["events"].as_array().expect("events").len(), text.len() < 1024 * 1024));
    }
    assert_eq!(sizes, [(3, true), (3, true)]);
}
