//! Laws of `StateStore`.

use mcp_lambda_server::{StoreError, session::StateScope, store::LARGEST_VALUE};
use serde_json::{Value, json};

use super::Lab;

fn handle(owner: &str, handle: &str) -> StateScope {
    StateScope::Handle { owner: owner.into(), handle: handle.into() }
}

async fn put(
    lab: &Lab,
    scope: &StateScope,
    key: &str,
    value: Value,
    expected: u64,
) -> Result<u64, StoreError> {
    lab.stores.state.put_state(scope, key, &value, expected, lab.expiry()).await
}

async fn read(lab: &Lab, scope: &StateScope, key: &str) -> Option<(Value, u64)> {
    let found = lab.stores.state.state(scope, key).await.expect("read");
    found.map(|found| (found.value, found.rev))
}

pub(crate) async fn a_rev_grows_with_each_write_and_a_stale_one_is_a_conflict(lab: &Lab) {
    for scope in [
        StateScope::Session(lab.session().await),
        handle("owner", "revs"),
        StateScope::Login("GRANT#revs".into()),
    ] {
        let first = put(lab, &scope, "key", json!("a"), 0).await.expect("put");
        let second = put(lab, &scope, "key", json!("b"), first).await.expect("put");
        assert!(second > first);
        for stale in [0, first, second + 1] {
            let outcome = put(lab, &scope, "key", json!("lost"), stale).await;
            assert!(matches!(outcome, Err(StoreError::Conflict)), "rev {stale}: {outcome:?}");
        }
        assert_eq!(read(lab, &scope, "key").await, Some((json!("b"), second)));
    }
}

pub(crate) async fn an_absent_value_is_written_with_rev_zero(lab: &Lab) {
    let scope = StateScope::Session(lab.session().await);
    assert_eq!(read(lab, &scope, "key").await, None);
    assert!(matches!(put(lab, &scope, "key", json!(1), 3).await, Err(StoreError::Conflict)));
    put(lab, &scope, "key", json!(1), 0).await.expect("put");
    for _ in 0..2 {
        lab.stores.state.remove_state(&scope, "key").await.expect("removed");
        assert_eq!(read(lab, &scope, "key").await, None);
    }
    put(lab, &scope, "key", json!(2), 0).await.expect("put");
    assert_eq!(read(lab, &scope, "key").await.map(|(value, _)| value), Some(json!(2)));
}

/// Keys with the separators that a store may use: two values under one key would be a leak between callers.
pub(crate) async fn keys_and_scopes_are_kept_apart(lab: &Lab) {
    let scopes = [
        StateScope::Session(lab.session().await),
        StateScope::Session(lab.session().await),
        handle("a", "b#c"),
        handle("a#b", "c"),
        handle("a|b", "c"),
        handle("a", "b|c"),
        handle("a/b", "c"),
        handle("a", "b/c"),
        StateScope::Login("a".into()),
        StateScope::Login("a#b".into()),
        handle("LOGIN", "a"),
    ];
    let keys = ["key", "Key", "key#", "#key", "STATE#key", "key key", "ключ", "META"];
    for (index, scope) in scopes.iter().enumerate() {
        for key in keys {
            put(lab, scope, key, json!([index, key]), 0).await.expect("put");
        }
    }
    for (index, scope) in scopes.iter().enumerate() {
        for key in keys {
            assert_eq!(read(lab, scope, key).await.map(|(value, _)| value), Some(json!([index, key])));
        }
    }
    lab.stores.state.remove_state(&scopes[2], "key").await.expect("removed");
    assert_eq!(read(lab, &scopes[2], "key").await, None);
    assert!(read(lab, &scopes[3], "key").await.is_some());
}

pub(crate) async fn any_json_reads_back_as_it_was_written(lab: &Lab) {
    let scope = StateScope::Session(lab.session().await);
    let values = [
        json!(null),
        json!(false),
        json!(""),
        json!([]),
        json!({}),
        json!({ "": [null, { "a": [] }] }),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(0.1),
        json!("line\r\nline\u{2028}\u{0}🦀"),
        json!("x".repeat(100_000)),
    ];
    for (index, value) in values.into_iter().enumerate() {
        let key = format!("key-{index}");
        put(lab, &scope, &key, value.clone(), 0).await.expect("put");
        assert_eq!(read(lab, &scope, &key).await.map(|(value, _)| value), Some(value));
    }
}

pub(crate) async fn the_values_of_handles_and_of_the_authorization_server_expire(lab: &Lab) {
    for scope in [handle("owner", "expires"), StateScope::Login("GRANT#expires".into())] {
        values_expire(lab, scope).await;
    }
}

async fn values_expire(lab: &Lab, scope: StateScope) {
    let rev = put(lab, &scope, "key", json!(1), 0).await.expect("put");
    lab.expire_all();
    assert_eq!(read(lab, &scope, "key").await, None);
    assert!(matches!(put(lab, &scope, "key", json!(2), rev).await, Err(StoreError::Conflict)));
    put(lab, &scope, "key", json!(3), 0).await.expect("the expired value does not count");
    assert_eq!(read(lab, &scope, "key").await.map(|(value, _)| value), Some(json!(3)));
}

pub(crate) async fn the_values_of_a_session_live_as_long_as_the_session(lab: &Lab) {
    let id = lab.session().await;
    let scope = StateScope::Session(id.clone());
    let rev = put(lab, &scope, "key", json!("kept"), 0).await.expect("put");
    for _ in 0..5 {
        lab.clock.advance(lab.ttl / 2);
        lab.stores.sessions.touch(&id, lab.expiry()).await.expect("touched");
    }
    assert_eq!(read(lab, &scope, "key").await, Some((json!("kept"), rev)));
    put(lab, &scope, "key", json!("changed"), rev).await.expect("put");
    assert_eq!(read(lab, &scope, "key").await.map(|(value, _)| value), Some(json!("changed")));
}

pub(crate) async fn the_values_of_the_deployment_never_expire(lab: &Lab) {
    let rev = put(lab, &StateScope::Server, "key", json!(1), 0).await.expect("put");
    for _ in 0..3 {
        lab.expire_all();
    }
    assert_eq!(read(lab, &StateScope::Server, "key").await, Some((json!(1), rev)));
    let stale = put(lab, &StateScope::Server, "key", json!(2), 0).await;
    assert!(matches!(stale, Err(StoreError::Conflict)), "{stale:?}");
    put(lab, &StateScope::Server, "key", json!(2), rev).await.expect("put");
    assert_eq!(read(lab, &handle("", "key"), "key").await, None, "no handle opens them");
}

/// What DynamoDB does not take is refused by every store: a program meets the limit on a laptop.
pub(crate) async fn a_value_above_the_largest_is_refused(lab: &Lab) {
    let scope = StateScope::Session(lab.session().await);
    let fits = json!("x".repeat(LARGEST_VALUE - 2));
    let too_large = json!("x".repeat(LARGEST_VALUE - 1));
    let put = async |value| lab.stores.state.put_state(&scope, "key", value, 0, lab.expiry()).await;
    match put(&too_large).await {
        Err(StoreError::TooLarge { size, limit }) => {
            assert_eq!((size, limit), (LARGEST_VALUE + 1, LARGEST_VALUE));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(put(&fits).await.expect("it fits"), 1);
}
