use futures::FutureExt;

use super::*;

struct Ends {
    link: Arc<Link>,
    /// What is written to the child.
    written: mpsc::Receiver<Bytes>,
    _notices: mpsc::Receiver<Notice>,
}

fn link() -> Ends {
    let (outgoing, written) = mpsc::channel(QUEUED);
    let (notices, _notices) = mpsc::channel(1);
    Ends { link: Arc::new(Link::new("test".into(), outgoing, notices, 1000)), written, _notices }
}

fn next(ends: &mut Ends) -> Value {
    let line = ends.written.try_recv().expect("a message for the child");
    serde_json::from_slice(&line).expect("JSON")
}

#[test]
fn no_more_messages_wait_for_a_child_than_its_queue_takes() {
    let mut ends = link();
    for _ in 0..QUEUED {
        ends.link.notify("notifications/x", None).now_or_never().expect("it waits in the queue");
    }
    // The next one waits with its sender, which has a deadline; what cannot wait is dropped.
    let none = json!({});
    let mut waiting = Box::pin(ends.link.call("tools/call", &none, Owner::Anonymous(1), 1));
    assert!(waiting.as_mut().now_or_never().is_none());
    ends.link.refuse_now(&json!(5), ErrorData::internal_error("no", None));
    drop(waiting);
    for _ in 0..QUEUED {
        assert_eq!(next(&mut ends)["method"], "notifications/x");
    }
    assert!(ends.written.try_recv().is_err(), "neither the call nor the refusal");
    assert_eq!(ends.link.calls(), 0, "the call has left nothing");
}

#[test]
fn no_more_messages_wait_for_a_call_than_its_queue_takes() {
    let mut ends = link();
    let called = ends.link.call("tools/call", &json!({}), Owner::Anonymous(1), 1).now_or_never();
    let (_pending, mut messages) = called.expect("it does not wait").expect("a call");
    assert_eq!(next(&mut ends)["method"], "tools/call");
    for number in 0..PER_CALL + 10 {
        let params = Some(json!({ "number": number }));
        ends.link.receive(FromChild::Notification { method: "notifications/x".into(), params });
    }
    // A question is not dropped: the child would wait for it.
    ends.link.receive(FromChild::Request { id: json!("q"), method: "roots/list".into(), params: None });
    let refused = next(&mut ends);
    assert_eq!((&refused["id"], &refused["error"]["code"]), (&json!("q"), &json!(-32603)));
    assert!(refused["error"]["message"].as_str().is_some_and(|text| text.contains("too many messages")));
    for expected in 0..PER_CALL {
        let Ok(CallEvent::Notification { params, .. }) = messages.try_recv() else { panic!("{expected}") };
        assert_eq!(params.expect("parameters")["number"], expected);
    }
    assert!(messages.try_recv().is_err());
}
