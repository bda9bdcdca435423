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
    ClientMessage::new(to, name, Bytes::copy_from_slice(body.as_bytes()), lab.expiry())
}

async fn put(lab: &Lab, session: &SessionId, message: &ClientMessage) {
    lab.stores.inbox.put(session, message).await.expect("stored");
}

/// The bodies of the messages for these recipients, in the order of reading.
async fn bodies(lab: &Lab, session: &SessionId, to: &[InboxKey]) -> Vec<String> {
    let messages = lab.stores.inbox.read(session, to).await.expect("read");
    messages.into_iter().map(|message| String::from_utf8(message.body.to_vec()).expect("text")).collect()
}

pub(crate) async fn messages_are_read_oldest_first_until_they_are_discarded(lab: &Lab) {
    let session = lab.session().await;
    // The names sort otherwise than the order of the puts.
    let names = ["9", "10", "b", "a", "2", "1"];
    for name in names {
        put(lab, &session, &message(lab, call("one"), name, name)).await;
        lab.clock.advance(std::time::Duration::from_millis(1));
    }
    for _ in 0..2 {
        assert_eq!(bodies(lab, &session, &[call("one")]).await, names, "reading removes no message");
    }
    let messages = lab.stores.inbox.read(&session, &[call("one")]).await.expect("read");
    lab.stores.inbox.discard(&session, &messages).await.expect("discarded");
    assert!(bodies(lab, &session, &[call("one")]).await.is_empty());
}

pub(crate) async fn a_message_that_is_put_twice_is_one_message(lab: &Lab) {
    let session = lab.session().await;
    put(lab, &session, &message(lab, call("one"), "0", "first")).await;
    put(lab, &session, &message(lab, call("one"), "0", "second")).await;
    assert_eq!(bodies(lab, &session, &[call("one")]).await, ["first"]);
    put(lab, &session, &message(lab, call("two"), "0", "another recipient")).await;
    let of_two = bodies(lab, &session, &[call("two")]).await;
    assert_eq!(of_two, ["another recipient"], "names are unique for each recipient");
}

pub(crate) async fn recipients_and_sessions_are_kept_apart(lab: &Lab) {
    let (session, other) = (lab.session().await, lab.session().await);
    let recipients =
        [call("1"), request("1"), request("\"1\""), call("1#2"), request("1#2"), call("REQUEST#1"), call("")];
    for (index, to) in recipients.iter().enumerate() {
        put(lab, &session, &message(lab, to.clone(), "2#3", &index.to_string())).await;
    }
    put(lab, &other, &message(lab, call("1"), "2#3", "other")).await;
    for (index, to) in recipients.iter().enumerate() {
        assert_eq!(bodies(lab, &session, std::slice::from_ref(to)).await, [index.to_string()], "{to:?}");
    }
    let mut both = bodies(lab, &session, &[call("1"), request("1")]).await;
    both.sort();
    assert_eq!(both, ["0", "1"]);
    assert!(bodies(lab, &session, &[]).await.is_empty());
    assert!(bodies(lab, &session, &[call("unknown")]).await.is_empty());
    assert_eq!(bodies(lab, &other, &[call("1")]).await, ["other"]);
}

pub(crate) async fn discarding_is_idempotent_and_removes_only_the_given_messages(lab: &Lab) {
    let session = lab.session().await;
    let (first, second) = (message(lab, call("one"), "0", "first"), message(lab, call("one"), "1", "second"));
    let third = message(lab, call("two"), "0", "third");
    for message in [&first, &second, &third] {
        put(lab, &session, message).await;
    }
    for _ in 0..2 {
        lab.stores.inbox.discard(&session, std::slice::from_ref(&first)).await.expect("discarded");
    }
    lab.stores.inbox.discard(&session, &[]).await.expect("nothing to discard");
    let other = lab.session().await;
    lab.stores.inbox.discard(&other, std::slice::from_ref(&second)).await.expect("nothing to discard");
    assert_eq!(bodies(lab, &session, &[call("one"), call("two")]).await, ["second", "third"]);
}

pub(crate) async fn expired_messages_are_absent(lab: &Lab) {
    let session = lab.session().await;
    put(lab, &session, &message(lab, call("one"), "0", "early")).await;
    lab.clock.advance(lab.ttl / 2);
    lab.stores.sessions.touch(&session, lab.expiry()).await.expect("touched");
    put(lab, &session, &message(lab, call("one"), "1", "late")).await;
    lab.clock.advance(lab.ttl / 2);
    assert_eq!(bodies(lab, &session, &[call("one")]).await, ["late"]);
}

pub(crate) async fn messages_end_with_their_session(lab: &Lab) {
    let session = lab.session().await;
    put(lab, &session, &message(lab, call("one"), "0", "never read")).await;
    lab.stores.sessions.end(&session).await.expect("ended");
    assert!(bodies(lab, &session, &[call("one")]).await.is_empty());
    put(lab, &session, &message(lab, InboxKey::Session, "0", "stop")).await;
    let to = [call("one"), request("1"), InboxKey::Session];
    assert_eq!(bodies(lab, &session, &to).await, ["stop"], "its calls are told");
}
