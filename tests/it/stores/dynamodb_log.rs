//! The event log in DynamoDB when writers die or are slow, which the tests simulate with the items they leave.

use std::time::Duration;

use mcp_lambda_server::{
    Clock, Event,
    dynamodb::{
        DynamoStore, create_tables,
        sdk::{self, types::AttributeValue},
    },
    events::{Appended, EventLog, GlobalEvent, NewEvent, NewestLimits, Scope, ScopeEnd},
    time::Timestamp,
};
use serde_json::json;
use test_support::dynamodb::{client, serve};

struct Lab {
    client: sdk::Client,
    clock: Clock,
}

impl Lab {
    async fn new() -> Self {
        let client = client(&serve().await);
        create_tables(&client, "state", "events").await.expect("tables");
        Self { client, clock: Clock::manual(Timestamp::from_millis(1_800_000_000_000)) }
    }

    /// A store of another process.
    fn store(&self, replicas: usize) -> DynamoStore {
        DynamoStore::new(self.client.clone(), "state", "events", self.clock.clone()).with_replicas(replicas)
    }

    /// Leaves what a writer leaves that dies as soon as it has a sequence number.
    async fn die(&self) {
        self.client
            .update_item()
            .table_name("events")
            .key("pk", AttributeValue::S("HEAD#global".into()))
            .key("sk", AttributeValue::S("HEAD".into()))
            .update_expression("SET moved = :now ADD v :one")
            .expression_attribute_values(":now", AttributeValue::N(self.clock.now().as_millis().to_string()))
            .expression_attribute_values(":one", AttributeValue::N("1".into()))
            .send()
            .await
            .expect("counted");
    }

    async fn append(&self, store: &DynamoStore, number: u64, source_id: Option<&str>) -> Appended {
        let at = self.clock.now();
        let event = GlobalEvent::external_event("lab", "number", json!(number)).into();
        let event = NewEvent::new(event, at, at.plus(Duration::from_secs(3600)))
            .with_source_id(source_id.map(Into::into));
        store.append(&Scope::Global, &event).await.expect("appended")
    }
}

async fn read(store: &DynamoStore, after: u64) -> Vec<(u64, serde_json::Value)> {
    let events = store.read(&Scope::Global, after, 100).await.expect("read");
    let number = |event| match event {
        Event::Global { event: GlobalEvent::ExternalEvent { payload, .. }, .. } => payload,
        other => panic!("another event: {other:?}"),
    };
    events.into_iter().map(|event| (event.seq, number(event.event))).collect()
}

async fn end(store: &DynamoStore) -> ScopeEnd {
    store.ends(&[Scope::Global]).await.expect("read")[0]
}

#[tokio::test]
async fn a_read_stops_at_a_gap_that_a_writer_may_still_fill() {
    let lab = Lab::new().await;
    for replicas in [1, 3] {
        let store = lab.store(replicas);
        let before = end(&store).await.head;
        lab.append(&store, 1, None).await;
        lab.die().await;
        lab.append(&store, 3, None).await;
        lab.clock.advance(Duration::from_secs(14));
        assert_eq!(read(&store, before).await, [(before + 1, json!(1))]);
        assert_eq!(
            end(&store).await,
            ScopeEnd { head: before + 3, last_stable: before + 1 },
            "a subscription starts before it"
        );
        lab.clock.advance(Duration::from_secs(1));
        assert_eq!(read(&store, before).await.len(), 2, "no writer takes 15 s");
        assert_eq!(end(&store).await, ScopeEnd { head: before + 3, last_stable: before + 3 });
    }
}

#[tokio::test]
async fn a_sealed_position_is_never_written() {
    let lab = Lab::new().await;
    for replicas in [1, 3] {
        let (store, other) = (lab.store(replicas), lab.store(replicas));
        let before = end(&store).await.head;
        lab.die().await;
        lab.append(&store, 2, None).await;
        assert!(read(&store, before).await.is_empty());
        assert_eq!(store.seal_gap(&Scope::Global, before).await.expect("sealed"), before + 1);
        assert_eq!(read(&store, before + 1).await, [(before + 2, json!(2))]);
        // Another reader, with another replica, gets the same result.
        assert_eq!(other.seal_gap(&Scope::Global, before).await.expect("sealed"), before + 1);
        assert_eq!(read(&other, before).await, [(before + 2, json!(2))]);
        // The writer is alive after all: its position holds a tombstone.
        let late = lab
            .client
            .put_item()
            .table_name("events")
            .item("pk", AttributeValue::S("LOG#global".into()))
            .item("sk", AttributeValue::S(format!("{:020}", before + 1)))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await;
        late.expect_err("sealed");
    }
}

#[tokio::test]
async fn a_writer_whose_next_position_is_sealed_is_assigned_another() {
    let lab = Lab::new().await;
    let store = lab.store(1);
    for (seq, source_id) in [(1, None), (3, Some("one source"))] {
        // A tombstone at the position that the writer is assigned next.
        lab.client
            .put_item()
            .table_name("events")
            .item("pk", AttributeValue::S("LOG#global".into()))
            .item("sk", AttributeValue::S(format!("{seq:020}")))
            .item("seq", AttributeValue::N(seq.to_string()))
            .item("written", AttributeValue::N(lab.clock.now().as_millis().to_string()))
            .send()
            .await
            .expect("sealed");
        assert_eq!(lab.append(&store, seq, source_id).await, Appended::At(seq + 1));
        assert_eq!(read(&store, seq - 1).await, [(seq + 1, json!(seq))]);
    }
    assert_eq!(lab.append(&store, 3, Some("one source")).await, Appended::Already(4));
}

#[tokio::test]
async fn gaps_at_the_end_are_sealed_too() {
    let lab = Lab::new().await;
    let store = lab.store(1);
    lab.append(&store, 1, None).await;
    for _ in 0..3 {
        lab.die().await;
    }
    assert_eq!(store.heads(&[Scope::Global]).await.expect("read"), [4]);
    assert_eq!(end(&store).await, ScopeEnd { head: 4, last_stable: 1 });
    assert_eq!(store.seal_gap(&Scope::Global, 1).await.expect("sealed"), 4);
    assert_eq!(end(&store).await, ScopeEnd { head: 4, last_stable: 4 });
    assert_eq!(lab.append(&store, 5, None).await, Appended::At(5));
}

#[tokio::test]
async fn every_replica_of_the_log_holds_every_event() {
    let lab = Lab::new().await;
    let writer = lab.store(4);
    for number in 1..=20 {
        let source = format!("source {number}");
        lab.append(&writer, number, Some(&source).filter(|_| number % 2 == 0).map(String::as_str)).await;
    }
    let expected: Vec<_> = (1..=20).map(|number| (number, json!(number))).collect();
    for _ in 0..16 {
        let reader = lab.store(4);
        assert_eq!(read(&reader, 0).await, expected);
        assert_eq!(reader.heads(&[Scope::Global]).await.expect("read"), [20]);
    }
}

#[tokio::test]
async fn a_delivery_that_is_repeated_a_day_later_is_a_duplicate() {
    let lab = Lab::new().await;
    let store = lab.store(1);
    assert_eq!(lab.append(&store, 1, Some("slow")).await, Appended::At(1));
    lab.clock.advance(Duration::from_secs(23 * 60 * 60));
    assert_eq!(lab.append(&store, 1, Some("slow")).await, Appended::Already(1));
}

/// A delivery that was not acknowledged is repeated. Its writer may have died before it had a sequence number, before it
/// wrote the event, or before it responded.
#[tokio::test]
async fn a_repeated_delivery_is_one_event_wherever_its_writer_died() {
    let lab = Lab::new().await;
    let store = lab.store(1);
    lab.die().await;
    assert_eq!(lab.append(&store, 1, Some("a sequence number and no event")).await, Appended::At(2));
    assert_eq!(lab.append(&store, 2, Some("an event and no response")).await, Appended::At(3));
    for (number, source, seq) in
        [(1, "a sequence number and no event", 2), (2, "an event and no response", 3)]
    {
        assert_eq!(lab.append(&lab.store(1), number, Some(source)).await, Appended::Already(seq));
    }
    assert_eq!(store.seal_gap(&Scope::Global, 0).await.expect("sealed"), 1);
    assert_eq!(read(&store, 1).await, [(2, json!(1)), (3, json!(2))]);
    let key = GlobalEvent::external_event("lab", "number", json!(0)).key();
    let kept =
        store.newest(&Scope::Global, &key, NewestLimits::new(10, usize::MAX)).await.expect("read").events;
    assert_eq!(kept.iter().map(|event| event.seq).collect::<Vec<_>>(), [3, 2], "by event key as well");
}
