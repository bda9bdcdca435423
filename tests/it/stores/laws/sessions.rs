//! Laws of `SessionStore`.

use std::time::Duration;

use mcp_lambda_server::{
    Principal, StoreError,
    rmcp::model::LoggingLevel,
    session::{SessionId, SessionVersion, StateScope},
    stream::StreamId,
};
use serde_json::json;

use super::{Lab, principal};

/// A limit that is not reached.
const MANY: usize = 100;

pub(crate) async fn a_created_session_reads_back_as_it_was_written(lab: &Lab) {
    let sessions = &lab.stores.sessions;
    for version in SessionVersion::ALL {
        let mut written = lab.record(&principal("Ü|#/ "));
        written.version = version;
        written.log_level = Some(LoggingLevel::Notice);
        sessions.create(&written).await.expect("created");
        let read = sessions.load(&written.id).await.expect("read").expect("there");
        assert_eq!(read.id, written.id);
        assert_eq!(read.owner, written.owner);
        assert_eq!(read.version, written.version);
        assert_eq!(read.client, written.client);
        assert_eq!(read.log_level, written.log_level);
        assert_eq!(read.listener, None);
        assert_eq!(read.created_at, written.created_at);
        assert_eq!(read.expires_at, written.expires_at);
    }
}

pub(crate) async fn a_taken_id_is_a_conflict(lab: &Lab) {
    let sessions = &lab.stores.sessions;
    let first = lab.record(&principal("first"));
    let mut second = lab.record(&principal("second"));
    second.id = first.id.clone();
    sessions.create(&first).await.expect("created");
    assert!(matches!(sessions.create(&second).await, Err(StoreError::Conflict)));
    let read = sessions.load(&first.id).await.expect("read").expect("there");
    assert_eq!(read.owner, first.owner);
}

pub(crate) async fn an_unknown_session_is_absent(lab: &Lab) {
    assert_gone(lab, &SessionId::random()).await;
}

pub(crate) async fn a_change_is_seen_by_the_next_read(lab: &Lab) {
    let sessions = &lab.stores.sessions;
    let id = lab.session().await;
    let (first, newest) = (StreamId::random(), StreamId::random());
    sessions.set_log_level(&id, LoggingLevel::Error).await.expect("set");
    let claim = async |owner: &Principal, stream: &StreamId| {
        sessions.claim(&id, owner, stream, None).await.expect("set")
    };
    let owner = sessions.load(&id).await.expect("read").expect("there").owner;
    for stream in [&first, &newest] {
        let claimed = claim(&owner, stream).await.expect("the session");
        assert_eq!((&claimed.owner, claimed.listener.as_ref()), (&owner, Some(stream)));
    }
    assert!(claim(&principal("another"), &first).await.is_none());
    let read = sessions.load(&id).await.expect("read").expect("there");
    assert_eq!(read.log_level, Some(LoggingLevel::Error));
    assert_eq!(read.listener.as_ref(), Some(&newest));

    let first_began = "1.2.3".parse().expect("a position");
    for began in [first_began, "4.5.6".parse().expect("a position")] {
        let claimed = sessions.claim(&id, &owner, &newest, Some(&began)).await.expect("set");
        assert_eq!(claimed.expect("the session").heard_from, Some(first_began), "the first one is kept");
    }
    assert_eq!(sessions.load(&id).await.expect("read").expect("there").heard_from, Some(first_began));

    let pass_on = async |expected: Option<&StreamId>, next: Option<&StreamId>| {
        let is_done = sessions.pass_on(&id, expected, next).await.expect("asked");
        (is_done, sessions.load(&id).await.expect("read").expect("there").listener)
    };
    assert_eq!(pass_on(Some(&first), None).await, (false, Some(newest.clone())), "another one");
    assert_eq!(pass_on(None, Some(&first)).await, (false, Some(newest.clone())), "there is one");
    assert_eq!(pass_on(Some(&newest), None).await, (true, None));
    assert_eq!(pass_on(None, Some(&first)).await, (true, Some(first.clone())));
    assert_eq!(pass_on(None, Some(&newest)).await, (false, Some(first)), "one of two takes over");
}

pub(crate) async fn an_expired_session_is_absent_and_is_not_revived(lab: &Lab) {
    let record = lab.record(&principal("late"));
    lab.stores.sessions.create(&record).await.expect("created");
    lab.expire_all();
    assert_gone(lab, &record.id).await;
    assert!(lab.stores.sessions.list(&record.owner, 10).await.expect("listed").is_empty());
}

pub(crate) async fn a_touch_moves_the_expiry_and_never_revives(lab: &Lab) {
    let sessions = &lab.stores.sessions;
    let id = lab.session().await;
    lab.clock.advance(lab.ttl / 2);
    sessions.touch(&id, lab.expiry()).await.expect("touched");
    lab.clock.advance(lab.ttl - Duration::from_millis(1));
    assert!(sessions.load(&id).await.expect("read").is_some());
    lab.clock.advance(Duration::from_millis(1));
    assert!(sessions.load(&id).await.expect("read").is_none(), "a session is absent from its expiry on");
    assert_gone(lab, &id).await;
}

pub(crate) async fn end_is_idempotent_and_removes_everything(lab: &Lab) {
    let sessions = &lab.stores.sessions;
    let record = lab.record(&principal("ends"));
    let scope = StateScope::Session(record.id.clone());
    sessions.create(&record).await.expect("created");
    sessions.subscribe(&record.id, "test://one", MANY).await.expect("subscribed");
    lab.stores.state.put_state(&scope, "key", &json!(1), 0, lab.expiry()).await.expect("put");
    sessions.end(&record.id).await.expect("ended");
    sessions.end(&record.id).await.expect("ended again");
    sessions.end(&SessionId::random()).await.expect("nothing to end");
    assert_gone(lab, &record.id).await;
    assert!(sessions.list(&record.owner, 10).await.expect("listed").is_empty());
    // Ids are not reused, but a session with the same id shows that everything of the old one is gone.
    sessions.create(&record).await.expect("created");
    assert!(sessions.subscriptions(&record.id).await.expect("read").is_empty());
    assert!(lab.stores.state.state(&scope, "key").await.expect("read").is_none());
}

pub(crate) async fn a_list_holds_the_owners_live_sessions_newest_first(lab: &Lab) {
    let sessions = &lab.stores.sessions;
    let (owner, other) = (principal("owner"), principal("other"));
    let mut made = Vec::new();
    for age in 0..5 {
        let record = lab.record(&owner);
        sessions.create(&record).await.expect("created");
        made.insert(0, record.id);
        if age == 2 {
            sessions.create(&lab.record(&other)).await.expect("created");
        }
        lab.clock.advance(Duration::from_millis(5));
    }
    sessions.end(&made.remove(1)).await.expect("ended");
    let listed = async |limit| {
        let records = sessions.list(&owner, limit).await.expect("listed");
        records.into_iter().map(|record| record.id).collect::<Vec<_>>()
    };
    assert_eq!(listed(10).await, made);
    assert_eq!(listed(2).await, made[..2]);
    assert_eq!(listed(0).await, []);
}

pub(crate) async fn subscriptions_are_a_set(lab: &Lab) {
    let sessions = &lab.stores.sessions;
    let (id, other) = (lab.session().await, lab.session().await);
    for uri in ["test://one", "test://two#part", "test://one"] {
        sessions.subscribe(&id, uri, MANY).await.expect("subscribed");
    }
    sessions.subscribe(&other, "test://three", MANY).await.expect("subscribed");
    let read = async |id| {
        let mut uris = sessions.subscriptions(id).await.expect("read");
        uris.sort();
        uris
    };
    assert_eq!(read(&id).await, ["test://one", "test://two#part"]);
    for uri in ["test://one", "test://one", "test://never"] {
        sessions.unsubscribe(&id, uri).await.expect("unsubscribed");
    }
    assert_eq!(read(&id).await, ["test://two#part"]);
    assert_eq!(read(&other).await, ["test://three"]);
}

pub(crate) async fn subscriptions_live_as_long_as_their_session(lab: &Lab) {
    let sessions = &lab.stores.sessions;
    let id = lab.session().await;
    sessions.subscribe(&id, "test://one", MANY).await.expect("subscribed");
    for _ in 0..5 {
        lab.clock.advance(lab.ttl / 2);
        sessions.touch(&id, lab.expiry()).await.expect("touched");
    }
    assert_eq!(sessions.subscriptions(&id).await.expect("read"), ["test://one"]);
}

/// Asserts that every method treats the session as absent.
async fn assert_gone(lab: &Lab, id: &SessionId) {
    let sessions = &lab.stores.sessions;
    let not_found = |outcome| matches!(outcome, Err(StoreError::NotFound));
    assert!(sessions.load(id).await.expect("read").is_none());
    assert!(not_found(sessions.set_log_level(id, LoggingLevel::Debug).await));
    let claimed = sessions.claim(id, &Principal::anonymous(), &StreamId::random(), None).await;
    assert!(claimed.expect("read").is_none());
    assert!(!sessions.pass_on(id, None, Some(&StreamId::random())).await.expect("asked"));
    assert!(not_found(sessions.touch(id, lab.expiry()).await));
    assert!(not_found(sessions.subscribe(id, "test://one", MANY).await));
    // A store may read the value alone or its session too.
    let state = lab.stores.state.state(&StateScope::Session(id.clone()), "key").await;
    assert!(matches!(state, Ok(None) | Err(StoreError::NotFound)), "{state:?}");
    let subscriptions = sessions.subscriptions(id).await;
    assert!(subscriptions.is_err() || subscriptions.is_ok_and(|uris| uris.is_empty()));
    assert!(sessions.load(id).await.expect("read").is_none(), "none of the calls revived it");
}

/// A session cannot make the store hold any number of subscriptions. One that it has counts once, and one that it ends is
/// free.
pub(crate) async fn a_session_subscribes_to_as_many_resources_as_the_limit(lab: &Lab) {
    let sessions = &lab.stores.sessions;
    let (id, other) = (lab.session().await, lab.session().await);
    let uri = |number: usize| format!("test://{number}");
    for number in [0, 1, 2, 0] {
        sessions.subscribe(&id, &uri(number), 3).await.expect("subscribed");
    }
    let full = |result| matches!(result, Err(StoreError::Full { limit: 3, .. }));
    assert!(full(sessions.subscribe(&id, &uri(3), 3).await));
    sessions.subscribe(&id, &uri(2), 3).await.expect("it has this one");
    sessions.subscribe(&other, &uri(3), 3).await.expect("another session has its own");
    for _ in 0..2 {
        sessions.unsubscribe(&id, &uri(1)).await.expect("ended");
    }
    sessions.subscribe(&id, &uri(3), 3).await.expect("one is free");
    assert!(full(sessions.subscribe(&id, &uri(4), 3).await), "and no more than one");
    let mut subscribed = sessions.subscriptions(&id).await.expect("read");
    subscribed.sort_unstable();
    assert_eq!(subscribed, [uri(0), uri(2), uri(3)]);
    lab.expire_all();
    assert!(matches!(sessions.subscribe(&id, &uri(0), 3).await, Err(StoreError::NotFound)));
}
