//! `State::update` loses nobody's change, whoever writes between its read and its write.

use std::{sync::Arc, time::Duration};

use proptest::prelude::*;

use super::{Handles, State, StateError};
use crate::{
    auth::Principal,
    error::StoreError,
    store::MemoryStore,
    time::{Clock, Timestamp},
};

fn state() -> State {
    let clock = Clock::manual(Timestamp(0));
    let store = Arc::new(MemoryStore::new(clock.clone()));
    Handles::new(Principal::anonymous(), store, clock, Duration::from_secs(1)).create().1
}

/// Does it, on a thread and a paused clock of its own: an update that loses steps back, and others come in between.
fn now<T: Send>(work: impl Future<Output = T> + Send) -> T {
    let alone = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime").block_on(work)
    };
    std::thread::scope(|scope| scope.spawn(alone).join().expect("no panic"))
}

/// An update into whose tries others come in between: the first into its first try, and so on.
#[derive(Debug, Clone)]
struct Update {
    between: Vec<Update>,
}

fn update() -> impl Strategy<Value = Update> {
    let leaf = Just(Update { between: Vec::new() });
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop::collection::vec(inner, 0..4).prop_map(|between| Update { between })
    })
}

/// Appends a number of its own to the list, and returns the numbers given so far with what each update returned.
fn apply(state: &State, update: &Update, given: &mut Vec<Vec<u32>>) {
    let own = u32::try_from(given.len()).expect("few");
    given.push(Vec::new());
    let mut between = update.between.iter();
    let list = now(state.update("list", |list: Option<Vec<u32>>| {
        if let Some(faster) = between.next() {
            apply(state, faster, given);
        }
        let mut list = list.unwrap_or_default();
        list.push(own);
        list
    }));
    given[own as usize] = list.expect("updated");
}

proptest! {
    #[test]
    fn no_update_is_lost_and_each_saw_all_before_it(updates in prop::collection::vec(update(), 1..4)) {
        let state = state();
        let mut given = Vec::new();
        for update in &updates {
            apply(&state, update, &mut given);
        }
        let list: Vec<u32> = now(state.get("list")).expect("read").expect("there");
        let mut sorted = list.clone();
        sorted.sort_unstable();
        prop_assert_eq!(sorted, (0..u32::try_from(given.len()).expect("few")).collect::<Vec<_>>());
        for (own, returned) in given.iter().enumerate() {
            prop_assert_eq!(returned.last().map(|last| *last as usize), Some(own));
            prop_assert!(list.starts_with(returned), "{:?} was overwritten by {:?}", returned, list);
        }
    }
}

#[test]
fn an_update_that_always_loses_gives_up() {
    let state = state();
    let mut tries = 0;
    let outcome = now(state.update("key", |seen: Option<u32>| {
        tries += 1;
        now(state.set("key", &tries)).expect("set");
        seen.unwrap_or_default()
    }));
    assert!(matches!(outcome, Err(StateError::Store(StoreError::Conflict))), "{outcome:?}");
    assert!(tries > 10, "not at once: {tries}");
}

#[test]
fn a_value_of_another_type_is_a_type_error_and_stays() {
    let state = state();
    now(state.set("key", &"text")).expect("set");
    for outcome in
        [now(state.get::<u32>("key")).map(drop), now(state.update("key", |_: Option<u32>| 1)).map(drop)]
    {
        let Err(StateError::Type { key, .. }) = outcome else { panic!("{outcome:?}") };
        assert_eq!(key, "key");
    }
    assert_eq!(now(state.get::<String>("key")).expect("read").as_deref(), Some("text"));
    now(state.remove("key")).expect("removed");
    assert_eq!(now(state.update("key", |seen: Option<u32>| seen.unwrap_or(7))).expect("updated"), 7);
}

#[test]
fn a_handle_is_empty_for_everybody_but_its_maker() {
    let clock = Clock::manual(Timestamp(0));
    let store = Arc::new(MemoryStore::new(clock.clone()));
    let handles = |name| {
        Handles::new(
            Principal::new("issuer", name),
            Arc::clone(&store) as _,
            clock.clone(),
            Duration::from_secs(1),
        )
    };
    let (handle, hers) = handles("alice").create();
    now(hers.set("key", &1)).expect("set");
    assert_eq!(now(handles("alice").open(&handle).get::<u32>("key")).expect("read"), Some(1));
    assert_eq!(now(handles("eve").open(&handle).get::<u32>("key")).expect("read"), None);
    assert_eq!(now(handles("alice").open("never").get::<u32>("key")).expect("read"), None);
    clock.advance(Duration::from_secs(1));
    assert_eq!(now(hers.get::<u32>("key")).expect("read"), None, "a handle's state has an end");
}
