use futures::FutureExt;
use tokio::io::{AsyncBufReadExt, BufReader, DuplexStream, Lines, duplex};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::child::outgoing::QUEUED;

struct Ends {
    link: Arc<Link>,
    /// What is written to the child.
    written: Lines<BufReader<DuplexStream>>,
    _notices: mpsc::Receiver<Notice>,
}

/// A link to a child that has not read more than this many bytes.
fn link(unread: usize) -> Ends {
    let (pipe, written) = duplex(unread);
    let (notices, _notices) = mpsc::channel(1);
    let link = Link::new("test".into(), Arc::new(Outgoing::new(pipe)), notices, 1000);
    Ends { link: Arc::new(link), written: BufReader::new(written).lines(), _notices }
}

async fn next(ends: &mut Ends) -> Option<Value> {
    let line = ends.written.next_line().await.expect("a pipe");
    line.map(|line| serde_json::from_str(&line).expect("JSON"))
}

/// A message that was written at once.
fn written(ends: &mut Ends) -> Value {
    next(ends).now_or_never().flatten().expect("a message for the child")
}

#[tokio::test]
async fn no_more_messages_wait_for_a_child_than_its_queue_takes() {
    let mut ends = link(1);
    for _ in 0..=QUEUED {
        let sent = ends.link.notify("notifications/x", None).now_or_never();
        sent.expect("one is being written, the others wait in the queue");
    }
    // The next one waits with its sender, which has a deadline; what cannot wait is dropped.
    let none = json!({});
    let mut waiting = Box::pin(ends.link.call("tools/call", &none, Owner::Anonymous(1), 1));
    assert!(waiting.as_mut().now_or_never().is_none());
    ends.link.refuse_now(&json!(5), ErrorData::internal_error("no", None));
    drop(waiting);
    let (link, stop) = (Arc::clone(&ends.link), CancellationToken::new());
    let reading = async {
        for _ in 0..=QUEUED {
            assert_eq!(next(&mut ends).await.expect("a message")["method"], "notifications/x");
        }
        stop.cancel();
        assert!(next(&mut ends).await.is_none(), "neither the call nor the refusal");
    };
    futures::join!(link.outgoing.run(&stop), reading);
    assert_eq!(link.calls(), 0, "the call has left nothing");
}

#[tokio::test]
async fn no_more_messages_wait_for_a_call_than_its_queue_takes() {
    let mut ends = link(4096);
    let called = ends.link.call("tools/call", &json!({}), Owner::Anonymous(1), 1).now_or_never();
    let (_pending, mut messages) = called.expect("it does not wait").expect("a call");
    assert_eq!(written(&mut ends)["method"], "tools/call");
    for number in 0..PER_CALL + 10 {
        let params = Some(json!({ "number": number }));
        ends.link.receive(FromChild::Notification { method: "notifications/x".into(), params });
    }
    // A question is not dropped: the child would wait for it.
    ends.link.receive(FromChild::Request { id: json!("q"), method: "roots/list".into(), params: None });
    let refused = written(&mut ends);
    assert_eq!((&refused["id"], &refused["error"]["code"]), (&json!("q"), &json!(-32603)));
    assert!(refused["error"]["message"].as_str().is_some_and(|text| text.contains("too many messages")));
    for expected in 0..PER_CALL {
        let Ok(CallEvent::Notification { params, .. }) = messages.try_recv() else { panic!("{expected}") };
        assert_eq!(params.expect("parameters")["number"], expected);
    }
    assert!(messages.try_recv().is_err());
}
