//! Laws of `EventLog`.

use mcp_lambda_server::{
    Event, Principal, StoreError,
    events::{Appended, EventKey, GlobalEvent, LoggedEvent, NewEvent, NewestLimits, Scope, ScopeEnd},
    rmcp::model::LoggingLevel,
    session::SessionId,
    store::LARGEST_VALUE,
};
use serde_json::json;

use super::Lab;

/// A scope that no other law writes to.
fn scope() -> Scope {
    Scope::Session(SessionId::random())
}

fn event(lab: &Lab, uri: &str, source_id: Option<&str>) -> NewEvent {
    let event = Event::ResourceUpdated { uri: uri.into() };
    NewEvent::new(event, lab.clock.now(), lab.expiry()).with_source_id(source_id.map(Into::into))
}

pub(crate) async fn append(lab: &Lab, scope: &Scope, uri: &str, source_id: Option<&str>) -> Appended {
    lab.stores.events.append(scope, &event(lab, uri, source_id)).await.expect("appended")
}

pub(crate) async fn read(lab: &Lab, scope: &Scope, after: u64, limit: usize) -> Vec<LoggedEvent> {
    lab.stores.events.read(scope, after, limit).await.expect("read")
}

async fn uris(lab: &Lab, scope: &Scope, after: u64, limit: usize) -> Vec<String> {
    let text = |event| match event {
        Event::ResourceUpdated { uri } => uri,
        other => panic!("another event: {other:?}"),
    };
    read(lab, scope, after, limit).await.into_iter().map(|event| text(event.event)).collect()
}

async fn head(lab: &Lab, scope: &Scope) -> u64 {
    lab.stores.events.heads(std::slice::from_ref(scope)).await.expect("read")[0]
}

fn seq(appended: Appended) -> u64 {
    match appended {
        Appended::At(seq) | Appended::Already(seq) => seq,
    }
}

pub(crate) async fn an_append_is_read_at_its_sequence_number_and_they_grow(lab: &Lab) {
    let scope = scope();
    assert_eq!(head(lab, &scope).await, 0);
    let message = Event::Message { level: LoggingLevel::Alert, logger: None, data: json!({ "ü": [1] }) };
    let events = [Event::ToolsListChanged, Event::PromptsListChanged, Event::ResourcesListChanged, message];
    let mut last = 0;
    for written in events {
        let new = NewEvent::new(written.clone(), lab.clock.now(), lab.expiry());
        let Appended::At(seq) = lab.stores.events.append(&scope, &new).await.expect("appended") else {
            panic!("the event has no source id");
        };
        assert!(seq > last);
        let expected = LoggedEvent { seq, event: written, at: lab.clock.now() };
        assert_eq!(read(lab, &scope, last, 10).await, [expected]);
        assert_eq!(head(lab, &scope).await, seq, "the head is the last readable event");
        last = seq;
    }
}

pub(crate) async fn one_source_id_gets_one_sequence_number_in_a_scope(lab: &Lab) {
    let (one, other) = (scope(), scope());
    let first = append(lab, &one, "first", Some("message#1")).await;
    append(lab, &one, "between", None).await;
    let again = append(lab, &one, "again", Some("message#1")).await;
    assert_eq!(again, Appended::Already(seq(first)));
    assert!(matches!(append(lab, &other, "elsewhere", Some("message#1")).await, Appended::At(_)));
    assert_eq!(uris(lab, &one, 0, 10).await, ["first", "between"]);
    assert_eq!(uris(lab, &other, 0, 10).await, ["elsewhere"]);
}

pub(crate) async fn scopes_are_separate_sequences(lab: &Lab) {
    let (one, other) = (scope(), scope());
    for uri in ["1", "2", "3"] {
        append(lab, &one, uri, None).await;
    }
    append(lab, &other, "4", None).await;
    let before = head(lab, &Scope::Global).await;
    append(lab, &Scope::Global, "5", None).await;
    assert_eq!(uris(lab, &one, 0, 10).await, ["1", "2", "3"]);
    assert_eq!(uris(lab, &other, 0, 10).await, ["4"]);
    assert_eq!(uris(lab, &Scope::Global, before, 10).await, ["5"]);
}

pub(crate) async fn a_read_is_in_order_and_within_its_limit(lab: &Lab) {
    let scope = scope();
    let mut expected = Vec::new();
    for number in 0..25 {
        let uri = format!("{number}");
        append(lab, &scope, &uri, None).await;
        expected.push(uri);
    }
    let (mut after, mut seen) = (0, Vec::new());
    loop {
        let page = read(lab, &scope, after, 10).await;
        assert!(page.len() <= 10);
        let Some(last) = page.last() else { break };
        assert!(page.windows(2).all(|pair| pair[0].seq < pair[1].seq));
        seen.extend(uris(lab, &scope, after, 10).await);
        after = last.seq;
    }
    assert_eq!(seen, expected);
    assert_eq!(after, head(lab, &scope).await);
    assert!(read(lab, &scope, u64::MAX, 10).await.is_empty());
}

pub(crate) async fn expired_events_are_absent_and_their_sequence_numbers_are_not_reused(lab: &Lab) {
    let scope = scope();
    append(lab, &scope, "early", None).await;
    let early = append(lab, &scope, "early too", Some("source")).await;
    lab.clock.advance(lab.ttl / 2);
    let late = append(lab, &scope, "late", None).await;
    lab.clock.advance(lab.ttl / 2);
    assert_eq!(uris(lab, &scope, 0, 10).await, ["late"]);
    lab.expire_all();
    assert!(read(lab, &scope, 0, 10).await.is_empty());
    assert!(seq(early) < seq(late));
    assert!(seq(late) < seq(append(lab, &scope, "after all", None).await));
    assert_eq!(uris(lab, &scope, 0, 10).await, ["after all"]);
}

pub(crate) async fn heads_are_in_the_order_of_the_request(lab: &Lab) {
    let (one, empty, other) = (scope(), scope(), scope());
    let first = seq(append(lab, &one, "1", None).await);
    append(lab, &other, "2", None).await;
    let second = seq(append(lab, &other, "3", None).await);
    let heads = lab.stores.events.heads(&[other.clone(), empty, one.clone(), other]).await.expect("read");
    assert_eq!(heads, [second, 0, first, second]);
    assert!(lab.stores.events.heads(&[]).await.expect("read").is_empty());
}

pub(crate) async fn a_reader_that_starts_at_the_end_reads_later_events(lab: &Lab) {
    let (one, empty) = (scope(), scope());
    append(lab, &one, "before", None).await;
    let ends = lab.stores.events.ends(&[one.clone(), empty.clone()]).await.expect("read");
    let head = head(lab, &one).await;
    assert_eq!(ends, [ScopeEnd { head, last_stable: head }, ScopeEnd { head: 0, last_stable: 0 }]);
    append(lab, &one, "after", None).await;
    assert_eq!(uris(lab, &one, ends[0].last_stable, 10).await, ["after"]);
}

pub(crate) async fn sealing_passes_expired_events_and_no_live_one(lab: &Lab) {
    let scope = scope();
    let seal = async |after| lab.stores.events.seal_gap(&scope, after).await.expect("sealed");
    assert_eq!(seal(0).await, 0);
    append(lab, &scope, "early", None).await;
    let early = append(lab, &scope, "early too", None).await;
    assert_eq!(seal(0).await, 0);
    lab.expire_all();
    assert_eq!(seal(0).await, seq(early));
    let late = append(lab, &scope, "late", None).await;
    assert_eq!(seal(0).await, seq(late) - 1);
    assert_eq!(seal(seq(late)).await, seq(late));
}

/// Appends an external event, and returns the result with the event as it is read.
async fn append_external(
    lab: &Lab,
    scope: &Scope,
    source: &str,
    kind: &str,
    number: u64,
) -> (Appended, Event) {
    let event: Event = GlobalEvent::external_event(source, kind, json!(number)).into();
    let new = NewEvent::new(event, lab.clock.now(), lab.expiry());
    let appended = lab.stores.events.append(scope, &new).await.expect("appended");
    let read = read(lab, scope, seq(appended) - 1, 1).await.pop().expect("the event");
    (appended, read.event)
}

async fn newest(lab: &Lab, key: &EventKey, limit: usize) -> Vec<(u64, serde_json::Value)> {
    newest_in(lab, &Scope::Global, key, limit).await
}

async fn newest_in(lab: &Lab, scope: &Scope, key: &EventKey, limit: usize) -> Vec<(u64, serde_json::Value)> {
    let events = lab.stores.events.newest(scope, key, NewestLimits::new(limit, usize::MAX)).await;
    let events = events.expect("read").events;
    let number = |event| match event {
        Event::Global { event: GlobalEvent::ExternalEvent { payload, .. }, .. } => payload,
        other => panic!("another event: {other:?}"),
    };
    events.into_iter().map(|event| (event.seq, number(event.event))).collect()
}

pub(crate) async fn global_events_are_kept_by_event_key_newest_first(lab: &Lab) {
    let name = SessionId::random().to_string();
    let key = EventKey::new(&name, "kind");
    let is_first = |event: &Event| matches!(event, Event::Global { is_first: true, .. });
    let (first, event) = append_external(lab, &Scope::Global, &name, "kind", 1).await;
    assert!(is_first(&event), "the first event of its key");
    let (second, event) = append_external(lab, &Scope::Global, &name, "kind", 2).await;
    assert!(!is_first(&event));
    append_external(lab, &Scope::Global, &name, "other kind", 3).await;
    append_external(lab, &scope(), &name, "kind", 4).await;
    let (first, second) = ((seq(first), json!(1)), (seq(second), json!(2)));
    assert_eq!(
        newest(lab, &key, 10).await,
        [second.clone(), first],
        "events of one session are not kept by key"
    );
    assert_eq!(newest(lab, &key, 1).await, [second]);
    assert!(newest(lab, &EventKey::new(&name, "no kind"), 10).await.is_empty());
    lab.expire_all();
    assert!(newest(lab, &key, 10).await.is_empty());
    lab.expire_all();
    let (_, event) = append_external(lab, &Scope::Global, &name, "kind", 5).await;
    assert!(is_first(&event), "the earlier events have expired");
}

/// The scope of a principal has its own log and its own event keys. Principals whose keys look alike are kept apart.
pub(crate) async fn events_of_one_principal_are_kept_apart_from_those_of_others(lab: &Lab) {
    let name = SessionId::random().to_string();
    let key = EventKey::new(&name, "kind");
    let subjects = ["a", "a#1", "a#=b", "A", "ü", "", &"long".repeat(500)];
    let scopes: Vec<_> =
        subjects.iter().map(|subject| Scope::Principal(Principal::new(&name, subject))).collect();
    for (number, scope) in (0..).zip(&scopes) {
        let (appended, event) = append_external(lab, scope, &name, "kind", number).await;
        assert_eq!(appended, Appended::At(1), "{scope:?}");
        assert!(
            matches!(event, Event::Global { is_first: true, .. }),
            "the first event of its key, for this principal"
        );
        assert_eq!(append(lab, scope, "again", Some("source")).await, Appended::At(2));
        assert_eq!(append(lab, scope, "again", Some("source")).await, Appended::Already(2));
    }
    append_external(lab, &Scope::Global, &name, "kind", 99).await;
    for (number, scope) in (0..).zip(&scopes) {
        assert_eq!(newest_in(lab, scope, &key, 10).await, [(1, json!(number))]);
        let listed = lab.stores.events.event_keys(scope, None, 10).await.expect("listed");
        assert_eq!(listed, std::slice::from_ref(&key));
        assert_eq!(head(lab, scope).await, 2);
    }
    let global: Vec<_> = newest(lab, &key, 10).await.into_iter().map(|(_, number)| number).collect();
    assert_eq!(global, [json!(99)]);
    lab.expire_all();
    assert!(newest_in(lab, &scopes[0], &key, 10).await.is_empty());
}

pub(crate) async fn event_keys_are_listed_page_by_page_while_they_have_events(lab: &Lab) {
    let name = SessionId::random().to_string();
    let mut expected = Vec::new();
    for kind in ["a", "b", "c/d e", "ü"] {
        append_external(lab, &Scope::Global, &name, kind, 1).await;
        append_external(lab, &Scope::Global, &name, kind, 2).await;
        expected.push(EventKey::new(&name, kind));
    }
    let (mut after, mut listed) = (None, Vec::new());
    loop {
        let page = lab.stores.events.event_keys(&Scope::Global, after.as_ref(), 3).await.expect("listed");
        assert!(page.len() <= 3);
        let Some(last) = page.last() else { break };
        after = Some(last.clone());
        listed.extend(page.into_iter().filter(|key| key.source() == name));
    }
    listed.sort();
    expected.sort();
    assert_eq!(listed, expected);
    lab.expire_all();
    lab.expire_all();
    let listed = lab.stores.events.event_keys(&Scope::Global, None, 1_000).await.expect("listed");
    assert!(listed.iter().all(|key| key.source() != name));
}

/// As for values: what DynamoDB does not take is refused by every store.
pub(crate) async fn an_event_above_the_largest_is_refused(lab: &Lab) {
    let scope = scope();
    let append = async |length: usize| {
        let event = Event::ResourceUpdated { uri: "x".repeat(length) };
        let event = NewEvent::new(event, lab.clock.now(), lab.expiry());
        lab.stores.events.append(&scope, &event).await
    };
    assert!(matches!(append(LARGEST_VALUE).await, Err(StoreError::TooLarge { limit: LARGEST_VALUE, .. })));
    assert!(append(LARGEST_VALUE - 100).await.is_ok());
}

/// A page of DynamoDB has 1 MB, and a resource has more: the read goes on, or says that it was cut.
pub(crate) async fn the_newest_events_are_read_past_a_page_or_said_to_be_cut(lab: &Lab) {
    let name = SessionId::random().to_string();
    let key = EventKey::new(&name, "kind");
    for _ in 0..8 {
        let event = GlobalEvent::external_event(&name, "kind", json!("x".repeat(300 * 1024)));
        let event = NewEvent::new(event.into(), lab.clock.now(), lab.expiry());
        lab.stores.events.append(&Scope::Global, &event).await.expect("appended");
    }
    let read = async |events, bytes| {
        let limits = NewestLimits::new(events, bytes);
        let newest = lab.stores.events.newest(&Scope::Global, &key, limits).await.expect("read");
        assert!(newest.bytes <= bytes || newest.events.len() == 1);
        assert!(newest.events.is_sorted_by(|one, next| one.seq > next.seq));
        (newest.events.len(), newest.is_cut)
    };
    assert_eq!(read(100, usize::MAX).await, (8, false), "eight are three pages");
    assert_eq!(read(8, usize::MAX).await, (8, false));
    assert_eq!(read(7, usize::MAX).await, (7, true));
    assert_eq!(read(100, 1024 * 1024).await, (3, true));
    assert_eq!(read(100, 1024).await, (1, true), "the newest is there whatever its size");
}
