//! What a process, or the clients of one, can make this server hold.

use std::time::Duration;

use test_support::refused;
use tokio::net::TcpListener;

use super::*;

/// What waits for a process that does not read is bounded (the queue of its link has a test of its own), and waits no longer than its call.
#[tokio::test]
async fn a_call_of_a_process_that_does_not_read_ends_with_its_deadline() {
    let server = serving(scripted(&[]).call_timeout(Duration::from_millis(200)).max_pending(8)).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address").to_string();
    let large = "x".repeat(200_000);
    // Until this connection ends, the process does nothing else.
    let busy = call("after", json!({ "address": address })).send(&server);
    let behind = async {
        let held = listener.accept().await.expect("the call reaches the process");
        // The first of them fills the pipe, the others wait behind it.
        let calls = (0..6).map(|_| call("echo", json!({ "message": large })).send(&server));
        (held, futures::future::join_all(calls).await)
    };
    let (first, (_held, others)) = futures::join!(busy, behind);
    for reply in std::iter::once(first).chain(others) {
        let (_, code, body) = refused(reply).await;
        let text = body["error"]["message"].as_str().expect("a text");
        assert!(code == -32603 && text.contains("has not answered within 0.2 s"), "{text}");
    }
    // They have left nothing that counts.
    let (_, _, body) = refused(call("count", json!({})).send(&server).await).await;
    assert!(body["error"]["message"].as_str().is_some_and(|text| text.contains("within 0.2 s")), "{body}");
}

#[tokio::test]
async fn a_process_reports_on_256_resources_and_the_one_asked_for_longest_ago_gives_way() {
    for (speaks, server) in in_both_eras().await {
        // A session subscribes to 200 at most.
        let sessions = [Client::open(&server, "2025-11-25").await, Client::open(&server, "2025-11-25").await];
        for number in 0..260 {
            let uri = json!({ "uri": format!("scripted://{number}") });
            let session = &sessions[number / 200];
            result(session.request(1, "resources/subscribe", uri).send(&server).await).await;
        }
        let uris = structured(&server, "subscribed", json!({})).await["uris"].clone();
        let uris = uris.as_array().expect("a list");
        assert_eq!(uris.len(), 256, "{speaks}");
        assert_eq!((&uris[0], &uris[255]), (&json!("scripted://4"), &json!("scripted://259")), "{speaks}");
    }
}

#[tokio::test]
async fn a_process_of_2026_asks_a_client_of_2025_ten_times_at_most() {
    let server = serving(scripted(&["--speaks", "2026-07-28"])).await;
    let session = Client::open(&server, "2025-11-25").await;
    let form = json!({ "method": "elicitation/create", "params": { "message": "again?", "requestedSchema": { "type": "object", "properties": {} } } });
    let mut reply = session.call(3, "ask-again", form).send(&server).await;
    for time in 0..10 {
        let asked = reply.message().await;
        assert_eq!(asked["method"], "elicitation/create", "{time}");
        session.answer(&asked, json!({ "action": "decline" })).send(&server).await;
    }
    let error = reply.message().await["error"].clone();
    assert_eq!(error["code"], -32603, "{error}");
    assert!(
        error["message"].as_str().is_some_and(|text| text.contains("more input after 10 rounds")),
        "{error}"
    );
}
