//! The limits of the store in memory: nothing that callers store grows without bound.

use std::{sync::Arc, time::Duration};

use mcp_lambda_server::{
    Clock, Event, MemoryStore, Principal, StoreError, Stores,
    events::{EventLog, NewEvent, Scope},
    rmcp::model::{ClientCapabilities, Implementation, InitializeRequestParams},
    session::{
        ClientMessage, InboxKey, SessionClient, SessionId, SessionRecord, SessionStore, SessionVersion,
        StateScope, StateStore,
    },
    store::MemoryLimits,
    stream::{Part, Replay, StreamId, StreamKey, StreamTerms},
    time::Timestamp,
};
use serde_json::{Value, json};
use test_support::{
    environment, environments_with, refused,
    request::initialize_request,
    result,
    session::{Client, NEWEST},
};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// A store with limits, and its clock.
fn limited(sessions_per_principal: usize, bytes: usize) -> (MemoryStore, Clock) {
    let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
    let mut limits = MemoryLimits::default();
    (limits.sessions_per_principal, limits.bytes) = (sessions_per_principal, bytes);
    (MemoryStore::new(clock.clone()).with_limits(limits), clock)
}

fn in_an_hour(clock: &Clock) -> Timestamp {
    clock.now().plus(Duration::from_secs(3_600))
}

/// Opens a session, a second later than the one before, of a client with a name of this length.
async fn open(store: &MemoryStore, clock: &Clock, owner: &Principal, name: usize) -> SessionId {
    clock.advance(Duration::from_secs(1));
    let client = Implementation::new("x".repeat(name), "1");
    let client = InitializeRequestParams::new(ClientCapabilities::default(), client);
    let client = SessionClient::new(&client).expect("a small client");
    let (id, version) = (SessionId::random(), SessionVersion::V2025_11_25);
    let record = SessionRecord::new(id, owner.clone(), version, client, clock.now(), in_an_hour(clock));
    store.create(&record).await.expect("created");
    record.id
}

async fn lives(store: &MemoryStore, id: &SessionId) -> bool {
    store.load(id).await.expect("read").is_some()
}

/// The session that was not used for the longest time ends for a new one of its principal, with all it has.
#[tokio::test]
async fn above_the_sessions_of_a_principal_the_one_ends_that_is_idle_longest() {
    let (store, clock) = limited(3, MIB);
    let (ada, bob) = (Principal::new("issuer", "ada"), Principal::new("issuer", "bob"));
    let of_bob = open(&store, &clock, &bob, 1).await;
    let first = open(&store, &clock, &ada, 1).await;
    let second = open(&store, &clock, &ada, 1).await;
    let scope = StateScope::Session(second.clone());
    store.put_state(&scope, "key", &json!(1), 0, in_an_hour(&clock)).await.expect("written");
    let third = open(&store, &clock, &ada, 1).await;
    clock.advance(Duration::from_secs(1));
    assert!(lives(&store, &first).await, "and is used now");
    let fourth = open(&store, &clock, &ada, 1).await;
    for (id, expected) in [(&of_bob, true), (&first, true), (&second, false), (&third, true), (&fourth, true)]
    {
        assert_eq!(lives(&store, id).await, expected);
    }
    assert!(matches!(store.state(&scope, "key").await, Err(StoreError::NotFound)));
    store.end(&third).await.expect("ended");
    open(&store, &clock, &ada, 1).await;
    assert!(lives(&store, &first).await, "an ended session gives its room back");
}

#[tokio::test]
async fn all_sessions_together_take_no_more_bytes_than_the_limit() {
    let (store, clock) = limited(10_000, MIB);
    let mut opened = Vec::new();
    for number in 0..500 {
        // Each of another principal, of which no session is above its own limit.
        let owner = Principal::new("issuer", &number.to_string());
        opened.push(open(&store, &clock, &owner, 8 * KIB).await);
    }
    let mut living = 0;
    for id in &opened {
        living += usize::from(lives(&store, id).await);
    }
    assert!((90..=MIB / (9 * KIB)).contains(&living), "{living} sessions of 9 KiB in 1 MiB");
    assert!(lives(&store, &opened[499]).await && !lives(&store, &opened[0]).await);

    let newest = &opened[499];
    for number in 0..200 {
        let uri = format!("test://{}/{number}", "x".repeat(2_000));
        store.subscribe(newest, &uri, 1_000).await.expect("subscribed");
    }
    let mut left = 0;
    for id in &opened {
        left += usize::from(lives(&store, id).await);
    }
    assert!(left < living, "subscriptions count as well: {left} of {living}");
    assert!(lives(&store, newest).await);
}

/// Handles are made by any call. Those that expire first go; the values of a session are refused.
#[tokio::test]
async fn state_takes_no_more_bytes_than_the_limit() {
    let (store, clock) = limited(100, MIB);
    let handle = |number: usize| StateScope::Handle { owner: "ada".into(), handle: number.to_string() };
    let value = json!("x".repeat(100 * KIB));
    for number in 0..50 {
        clock.advance(Duration::from_secs(1));
        store.put_state(&handle(number), "key", &value, 0, in_an_hour(&clock)).await.expect("written");
    }
    let mut living = Vec::new();
    for number in 0..50 {
        if store.state(&handle(number), "key").await.expect("read").is_some() {
            living.push(number);
        }
    }
    assert!((8..=10).contains(&living.len()) && living.contains(&49) && living.is_sorted(), "{living:?}");
    assert_eq!(living.last().zip(living.first()).map(|(last, first)| last - first + 1), Some(living.len()));

    let scope = StateScope::Session(open(&store, &clock, &Principal::anonymous(), 1).await);
    let mut written = 0;
    let refused = loop {
        let key = written.to_string();
        match store.put_state(&scope, &key, &value, 0, in_an_hour(&clock)).await {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(written, 10, "of 100 KiB in 1 MiB");
    assert!(refused.to_string().contains("MCP_MEMORY_MB"), "{refused}");
    store.remove_state(&scope, "0").await.expect("removed");
    store.put_state(&scope, "again", &value, 0, in_an_hour(&clock)).await.expect("there is room again");
}

#[tokio::test]
async fn a_session_or_a_handle_has_a_thousand_values() {
    let (store, clock) = limited(100, 64 * MIB);
    let session = StateScope::Session(open(&store, &clock, &Principal::anonymous(), 1).await);
    let handle = StateScope::Handle { owner: "ada".into(), handle: "one".into() };
    for scope in [session, handle] {
        let put = async |key: usize, rev| {
            store.put_state(&scope, &key.to_string(), &json!(key), rev, in_an_hour(&clock)).await
        };
        for key in 0..1_000 {
            put(key, 0).await.expect("written");
        }
        assert!(matches!(put(1_000, 0).await, Err(StoreError::Full { limit: 1_000, .. })));
        put(0, 1).await.expect("one that is there can change");
    }
}

/// A reply that was removed cannot be resumed; a call goes on.
#[tokio::test]
async fn stored_replies_take_no_more_bytes_than_the_limit_and_the_oldest_complete_ones_go_first() {
    // Here alone: the log has methods of the same names.
    use mcp_lambda_server::stream::StreamStore;

    let (store, clock) = limited(100, MIB);
    let session = open(&store, &clock, &Principal::anonymous(), 1).await;
    let store: Arc<dyn StreamStore> = Arc::new(store);
    let written = async |is_complete: bool| {
        clock.advance(Duration::from_secs(1));
        let key = StreamKey { session: session.clone(), stream: StreamId::random() };
        let terms = StreamTerms::new(None, in_an_hour(&clock), in_an_hour(&clock));
        let message = vec![b'x'; 100 * KIB].into();
        store.open(&key, &terms, &Part::new(1, vec![message], is_complete)).await.expect("stored");
        (key, terms)
    };
    let is_there = async |key: &StreamKey| store.read(key, 0).await.expect("read") != Replay::Unknown;
    let (running, terms) = written(false).await;
    let mut complete = Vec::new();
    for _ in 0..50 {
        complete.push(written(true).await.0);
        let mut kept = 0;
        for key in &complete {
            kept += usize::from(is_there(key).await);
        }
        assert!(kept <= 9, "{kept} of 100 KiB beside the one that runs, within a MiB");
        assert!(kept >= 8 || kept == complete.len(), "{kept}: room is made for one, not for all");
        assert!(is_there(complete.last().expect("one")).await, "the newest one stays");
    }
    assert!(is_there(&running).await, "one that is complete goes before one that is not");
    // One reply may be larger than the limit: what a response may have is limited elsewhere.
    let rest = Part::new(2, vec![vec![b'x'; 2 * MIB].into()], true);
    store.append(&running, &terms, &rest).await.expect("stored");
    assert!(is_there(&running).await);
    for key in &complete {
        assert!(!is_there(key).await);
    }
    written(true).await;
    assert!(!is_there(&running).await);
}

#[tokio::test]
async fn the_log_takes_no_more_bytes_and_events_than_its_limits() {
    let (store, clock) = limited(100, MIB);
    let append = async |scope: &Scope, size: usize| {
        clock.advance(Duration::from_millis(1));
        let event = Event::ResourceUpdated { uri: "x".repeat(size) };
        let event = NewEvent::new(event, clock.now(), in_an_hour(&clock));
        store.append(scope, &event).await.expect("appended");
    };
    let numbers = async |scope: &Scope| {
        let events = store.read(scope, 0, usize::MAX).await.expect("read");
        events.into_iter().map(|event| event.seq).collect::<Vec<_>>()
    };
    let other = Scope::Principal(Principal::new("issuer", "ada"));
    append(&other, 300 * KIB).await;
    for _ in 0..20 {
        append(&Scope::Global, 100 * KIB).await;
    }
    let kept = numbers(&Scope::Global).await;
    assert!(
        (6..=7).contains(&kept.len()) && kept.last() == Some(&20),
        "the newest, beside 300 KiB: {kept:?}"
    );
    assert_eq!(numbers(&other).await, [1]);
    for _ in 0..4 {
        append(&other, 390 * KIB - 100).await;
    }
    assert!(numbers(&other).await.len() <= 2);

    let (store, clock) = limited(100, 64 * MIB);
    for number in 0..10_010_u64 {
        let event = Event::ResourceUpdated { uri: "test://one".into() };
        let event = NewEvent::new(event, clock.now(), in_an_hour(&clock));
        store
            .append(&Scope::Global, &event.with_source_id(Some(number.to_string())))
            .await
            .expect("appended");
    }
    let kept = store.read(&Scope::Global, 0, usize::MAX).await.expect("read");
    assert_eq!((kept.len(), kept[0].seq), (10_000, 11));
}

/// 100 calls of `initialize` with 6 MB each held 643 MB for a day, and each later call of a session read them again.
#[tokio::test]
async fn a_session_keeps_of_initialize_only_what_is_used_and_at_most_16_kib() {
    let world = environment();
    let with = |path: &'static str, size: usize| {
        initialize_request(NEWEST, json!({})).edit(|message| {
            *message.pointer_mut("/params").expect("parameters") = match path {
                "unknown" => json!({ "unknown": "x".repeat(size) }),
                "icons" => json!({
                    "clientInfo": { "name": "n", "version": "1", "icons": [{ "src": "x".repeat(size) }] },
                }),
                "name" => json!({ "clientInfo": { "name": "x".repeat(size), "version": "1" } }),
                _ => json!({ "capabilities": { "experimental": { "x": { "y": "x".repeat(size) } } } }),
            };
            let defaults = json!({
                "protocolVersion": NEWEST, "capabilities": {}, "clientInfo": { "name": "n", "version": "1" },
            });
            for (name, value) in defaults.as_object().expect("an object") {
                message["params"].as_object_mut().expect("an object").entry(name).or_insert(value.clone());
            }
        })
    };
    for (path, size) in [("unknown", MIB), ("icons", MIB), ("name", 15 * KIB), ("capabilities", 15 * KIB)] {
        result(with(path, size).send(world.at(0)).await).await;
    }
    for path in ["name", "capabilities"] {
        let reply = with(path, 17 * KIB).send(world.at(0)).await;
        assert_eq!(reply.header("mcp-session-id"), None);
        let (status, code, body) = refused(reply).await;
        assert_eq!((status, code), (200, -32602));
        let message = body["error"]["message"].as_str().expect("a text");
        assert!(message.contains("a session keeps at most 16384"), "{message}");
    }
    let stored = world.stores.sessions.list(&Principal::anonymous(), 100).await.expect("listed");
    assert_eq!(stored.len(), 4);
    assert!(stored.iter().all(|record| record.client.to_json().len() <= SessionClient::LARGEST));
}

#[tokio::test]
async fn a_subscription_above_the_limits_is_refused_with_the_name_of_the_variable() {
    let world = environments_with(1, |config| config.sessions.subscriptions = 2);
    let client = Client::open(world.at(0), NEWEST).await;
    let subscribe = async |uri: &str| {
        client.request(1, "resources/subscribe", json!({ "uri": uri })).send(world.at(0)).await
    };
    for uri in ["test://one", "test://two", "test://one"] {
        assert_eq!(result(subscribe(uri).await).await, json!({}));
    }
    let text = |body: &Value| body["error"]["message"].as_str().expect("a text").to_owned();
    let (status, code, body) = refused(subscribe("test://three").await).await;
    assert_eq!((status, code), (200, -32602));
    assert!(text(&body).contains("MCP_SUBSCRIPTIONS_PER_SESSION"), "{body}");
    let long = format!("test://{}", "x".repeat(2_048));
    let (status, code, body) = refused(subscribe(&long).await).await;
    assert_eq!((status, code), (200, -32602));
    assert!(text(&body).contains("2055 bytes") && text(&body).contains("2048"), "{body}");
}

/// The limits of the configuration reach the store that a server makes for itself.
#[test]
fn the_limits_are_those_of_the_configuration() {
    let mut config = mcp_lambda_server::Config::default();
    (config.sessions.per_principal, config.memory) = (7, 5 * MIB);
    let limits = MemoryLimits::of(&config);
    assert_eq!((limits.sessions_per_principal, limits.bytes), (7, 5 * MIB));
    let _ = Stores::in_memory(&config, Clock::system());
}

async fn put(store: &MemoryStore, session: &SessionId, message: &ClientMessage) {
    Stores::of(store.clone()).inbox.put(session, message).await.expect("put");
}

/// A message for the calls of a session, with a body of this length.
fn stop(clock: &Clock, body: usize) -> ClientMessage {
    ClientMessage::new(InboxKey::Session, "ended", vec![b'x'; body].into(), in_an_hour(clock))
}

async fn messages(store: &MemoryStore, session: &SessionId) -> usize {
    Stores::of(store.clone()).inbox.read(session, &[InboxKey::Session]).await.expect("read").len()
}

/// Each DELETE of a session leaves a message for its calls. A client that opens and ends sessions must not fill memory.
#[tokio::test]
async fn a_message_of_a_session_that_has_ended_is_kept_for_seconds() {
    let (store, clock) = limited(3, MIB);
    let ended = SessionId::random();
    put(&store, &ended, &stop(&clock, 0)).await;
    clock.advance(Duration::from_secs(19));
    assert_eq!(messages(&store, &ended).await, 1, "its calls poll every two seconds");
    clock.advance(Duration::from_secs(2));
    assert_eq!(messages(&store, &ended).await, 0);
}

#[tokio::test]
async fn the_messages_of_all_sessions_have_a_limit_of_bytes_and_the_oldest_go() {
    let (store, clock) = limited(1_000, MIB);
    let mut sessions = Vec::new();
    for _ in 0..40 {
        let session = open(&store, &clock, &Principal::new("issuer", "ada"), 1).await;
        put(&store, &session, &stop(&clock, 64 * KIB)).await;
        sessions.push(session);
    }
    let mut kept = 0;
    for session in &sessions {
        kept += messages(&store, session).await;
    }
    assert!((10..=15).contains(&kept), "{kept} of 64 KiB in 1 MiB");
    assert_eq!((messages(&store, &sessions[0]).await, messages(&store, &sessions[39]).await), (0, 1));
    let ended: Vec<_> = (0..3_000).map(|_| SessionId::random()).collect();
    for session in &ended {
        put(&store, session, &stop(&clock, 0)).await;
    }
    let mut of_ended = 0;
    for session in &ended {
        of_ended += messages(&store, session).await;
    }
    assert!(of_ended < 1_500, "{of_ended} inboxes of 768 bytes in 1 MiB");
    assert_eq!(messages(&store, &ended[2_999]).await, 1);
}
