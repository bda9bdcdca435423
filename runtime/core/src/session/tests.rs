//! `State::update` loses no change, whichever writers come between its read and its write. A session ends those of its owner alone.

use std::{sync::Arc, time::Duration};

use proptest::prelude::*;

use super::{
    Handles, Session, SessionClient, SessionRecord, SessionStore, SessionVersion, State, StateError,
};
use crate::{
    auth::Principal,
    error::StoreError,
    ids::SessionId,
    store::MemoryStore,
    time::{Clock, Timestamp},
};

fn state() -> State {
    let clock = Clock::manual(Timestamp::from_millis(0));
    let store = Arc::new(MemoryStore::new(clock.clone()));
    Handles::new(Principal::anonymous(), store, clock, Duration::from_secs(1)).create().1
}

/// Runs a future to its end on a thread and a paused clock of its own, because an update that loses sleeps before its
/// next try, and other updates run inside its closure.
fn run<T: Send>(work: impl Future<Output = T> + Send) -> T {
    let alone = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime").block_on(work)
    };
    std::thread::scope(|scope| scope.spawn(alone).join().expect("no panic"))
}

/// An update with other updates that interrupt its tries: the first one its first try, and so on.
#[derive(Debug, Clone)]
struct Update {
    interruptions: Vec<Update>,
}

fn update() -> impl Strategy<Value = Update> {
    let leaf = Just(Update { interruptions: Vec::new() });
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop::collection::vec(inner, 0..4).prop_map(|interruptions| Update { interruptions })
    })
}

/// Appends a unique number to the list, and stores in `returned` the list that each update returned, by its number.
fn apply(state: &State, update: &Update, returned: &mut Vec<Vec<u32>>) {
    let own = u32::try_from(returned.len()).expect("few");
    returned.push(Vec::new());
    let mut interruptions = update.interruptions.iter();
    let list = run(state.update("list", |list: Option<Vec<u32>>| {
        if let Some(faster) = interruptions.next() {
            apply(state, faster, returned);
        }
        let mut list = list.unwrap_or_default();
        list.push(own);
        list
    }));
    returned[own as usize] = list.expect("updated");
}

proptest! {
    #[test]
    fn no_update_is_lost_and_each_sees_all_earlier_ones(updates in prop::collection::vec(update(), 1..4)) {
        let state = state();
        let mut returned = Vec::new();
        for update in &updates {
            apply(&state, update, &mut returned);
        }
        let list: Vec<u32> = run(state.get("list")).expect("read").expect("there");
        let mut sorted = list.clone();
        sorted.sort_unstable();
        prop_assert_eq!(sorted, (0..u32::try_from(returned.len()).expect("few")).collect::<Vec<_>>());
        for (own, list_then) in returned.iter().enumerate() {
            prop_assert_eq!(list_then.last().map(|last| *last as usize), Some(own));
            prop_assert!(list.starts_with(list_then), "{:?} was overwritten by {:?}", list_then, list);
        }
    }
}

#[test]
fn an_update_that_loses_every_try_is_a_conflict() {
    let state = state();
    let mut tries = 0;
    let outcome = run(state.update("key", |seen: Option<u32>| {
        tries += 1;
        run(state.set("key", &tries)).expect("set");
        seen.unwrap_or_default()
    }));
    assert!(matches!(outcome, Err(StateError::Store(StoreError::Conflict))), "{outcome:?}");
    assert!(tries > 10, "it gives up after several tries: {tries}");
}

#[test]
fn a_value_of_another_type_is_a_type_error_and_is_kept() {
    let state = state();
    run(state.set("key", &"text")).expect("set");
    for outcome in
        [run(state.get::<u32>("key")).map(drop), run(state.update("key", |_: Option<u32>| 1)).map(drop)]
    {
        let Err(StateError::Type { key, .. }) = outcome else { panic!("{outcome:?}") };
        assert_eq!(key, "key");
    }
    assert_eq!(run(state.get::<String>("key")).expect("read").as_deref(), Some("text"));
    run(state.remove("key")).expect("removed");
    assert_eq!(run(state.update("key", |seen: Option<u32>| seen.unwrap_or(7))).expect("updated"), 7);
}

#[test]
fn a_handle_is_empty_for_every_principal_but_its_creator() {
    let clock = Clock::manual(Timestamp::from_millis(0));
    let store = Arc::new(MemoryStore::new(clock.clone()));
    let handles = |name| {
        Handles::new(
            Principal::new("issuer", name),
            Arc::clone(&store) as _,
            clock.clone(),
            Duration::from_secs(1),
        )
    };
    let (handle, state) = handles("alice").create();
    run(state.set("key", &1)).expect("set");
    assert_eq!(run(handles("alice").open(&handle).get::<u32>("key")).expect("read"), Some(1));
    assert_eq!(run(handles("eve").open(&handle).get::<u32>("key")).expect("read"), None);
    assert_eq!(run(handles("alice").open("never").get::<u32>("key")).expect("read"), None);
    clock.advance(Duration::from_secs(1));
    assert_eq!(run(state.get::<u32>("key")).expect("read"), None, "the state of a handle expires");
}

/// Creates the record of a session in a store.
async fn record(store: &MemoryStore, owner: &Principal) -> Arc<SessionRecord> {
    let (created, expires) = (Timestamp::from_millis(0), Timestamp::from_millis(60_000));
    let version = SessionVersion::V2025_11_25;
    let id = SessionId::random();
    let record = SessionRecord::new(id, owner.clone(), version, SessionClient::default(), created, expires);
    store.create(&record).await.expect("created");
    Arc::new(record)
}

#[tokio::test]
async fn a_session_ends_other_ones_of_its_owner_alone() {
    let clock = Clock::manual(Timestamp::from_millis(0));
    let store = Arc::new(MemoryStore::new(clock.clone()));
    let (alice, eve, anonymous) =
        (Principal::new("i", "alice"), Principal::new("i", "eve"), Principal::anonymous());
    let of = |record: &Arc<SessionRecord>| {
        Session::new(Arc::clone(record), store.clone(), store.clone(), clock.clone(), Duration::from_secs(60))
    };
    let (first, second) = (record(&store, &alice).await, record(&store, &alice).await);
    let (hers, one, other) =
        (record(&store, &eve).await, record(&store, &anonymous).await, record(&store, &anonymous).await);
    for (session, id, ended) in [
        (&first, &second.id, true),
        (&first, &second.id, false),
        (&first, &first.id, false),
        (&first, &hers.id, false),
        (&one, &other.id, false),
    ] {
        assert_eq!(of(session).end_sibling(id).await.expect("it answers"), ended);
    }
    for (record, lives) in [(&first, true), (&second, false), (&hers, true), (&other, true)] {
        assert_eq!(store.load(&record.id).await.expect("it answers").is_some(), lives);
    }
}
