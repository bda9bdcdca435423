//! Laws of `InboxStore`.

use bytes::Bytes;
use mcp_lambda_server::session::{ClientMessage, InboxKey, SessionId};

use super::Lab;

fn call(name: &str) -> InboxKey {
    InboxKey::Call(name.into())
}

fn request(id: &str) -> InboxKey {
    InboxKey::Request(id.into())
}

fn message(lab: &Lab, to: InboxKey, name: &str, body: &str) -> ClientMessage {
    ClientMessage {
        to,
        name: name.into(),
        body: Bytes::copy_from_slice(body.as_bytes()),
        expires_at: lab.end(),
    }
}

async fn post(lab: &Lab, session: &SessionId, mail: &ClientMessage) {
    lab.stores.inbox.put(session, mail).await.expect("posted");
}

/// The bodies at these addresses, in the order of reading.
async fn bodies(lab: &Lab, session: &SessionId, to: &[InboxKey]) -> Vec<String> {
    let mail = lab.stores.inbox.read(session, to).await.expect("read");
    mail.into_iter().map(|mail| String::from_utf8(mail.body.to_vec()).expect("text")).collect()
}

pub(crate) async fn messages_are_read_oldest_first_until_they_are_discarded(lab: &Lab) {
    let session = lab.session().await;
    // Names that sort otherwise than they were posted.
    let names = ["9", "10", "b", "a", "2", "1"];
    for name in names {
        post(lab, &session, &message(lab, call("one"), name, name)).await;
        lab.clock.advance(std::time::Duration::from_millis(1));
    }
    for _ in 0..2 {
        assert_eq!(bodies(lab, &session, &[call("one")]).await, names, "reading takes nothing");
    }
    let mail = lab.stores.inbox.read(&session, &[call("one")]).await.expect("read");
    lab.stores.inbox.discard(&session, &mail).await.expect("discarded");
    assert!(bodies(lab, &session, &[call("one")]).await.is_empty());
}

pub(crate) async fn a_message_that_is_put_twice_is_one_message(lab: &Lab) {
    let session = lab.session().await;
    post(lab, &session, &message(lab, call("one"), "0", "first")).await;
    post(lab, &session, &message(lab, call("one"), "0", "second")).await;
    assert_eq!(bodies(lab, &session, &[call("one")]).await, ["first"]);
    post(lab, &session, &message(lab, call("two"), "0", "elsewhere")).await;
    assert_eq!(bodies(lab, &session, &[call("two")]).await, ["elsewhere"], "a name is a name at its address");
}

pub(crate) async fn keys_and_sessions_never_meet(lab: &Lab) {
    let (session, other) = (lab.session().await, lab.session().await);
    let addresses =
        [call("1"), request("1"), request("\"1\""), call("1#2"), request("1#2"), call("REQUEST#1"), call("")];
    for (at, to) in addresses.iter().enumerate() {
        post(lab, &session, &message(lab, to.clone(), "2#3", &at.to_string())).await;
    }
    post(lab, &other, &message(lab, call("1"), "2#3", "other")).await;
    for (at, to) in addresses.iter().enumerate() {
        assert_eq!(bodies(lab, &session, std::slice::from_ref(to)).await, [at.to_string()], "{to:?}");
    }
    let mut both = bodies(lab, &session, &[call("1"), request("1")]).await;
    both.sort();
    assert_eq!(both, ["0", "1"]);
    assert!(bodies(lab, &session, &[]).await.is_empty());
    assert!(bodies(lab, &session, &[call("unknown")]).await.is_empty());
    assert_eq!(bodies(lab, &other, &[call("1")]).await, ["other"]);
}

pub(crate) async fn discarding_is_idempotent_and_takes_only_what_was_named(lab: &Lab) {
    let session = lab.session().await;
    let (first, second) = (message(lab, call("one"), "0", "first"), message(lab, call("one"), "1", "second"));
    let third = message(lab, call("two"), "0", "third");
    for mail in [&first, &second, &third] {
        post(lab, &session, mail).await;
    }
    for _ in 0..2 {
        lab.stores.inbox.discard(&session, std::slice::from_ref(&first)).await.expect("discarded");
    }
    lab.stores.inbox.discard(&session, &[]).await.expect("nothing to discard");
    lab.stores
        .inbox
        .discard(&lab.session().await, std::slice::from_ref(&second))
        .await
        .expect("nothing there");
    assert_eq!(bodies(lab, &session, &[call("one"), call("two")]).await, ["second", "third"]);
}

pub(crate) async fn expired_messages_are_absent(lab: &Lab) {
    let session = lab.session().await;
    post(lab, &session, &message(lab, call("one"), "0", "early")).await;
    lab.clock.advance(lab.life / 2);
    lab.stores.sessions.touch(&session, lab.end()).await.expect("touched");
    post(lab, &session, &message(lab, call("one"), "1", "late")).await;
    lab.clock.advance(lab.life / 2);
    assert_eq!(bodies(lab, &session, &[call("one")]).await, ["late"]);
}

pub(crate) async fn messages_end_with_their_session(lab: &Lab) {
    let session = lab.session().await;
    post(lab, &session, &message(lab, call("one"), "0", "never read")).await;
    lab.stores.sessions.end(&session).await.expect("ended");
    assert!(bodies(lab, &session, &[call("one")]).await.is_empty());
}
