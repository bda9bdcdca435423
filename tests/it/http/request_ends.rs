//! How a request ended is in its line, and each has exactly one.

use std::{panic::AssertUnwindSafe, time::Duration};

use bytes::Bytes;
use futures::{FutureExt, poll};
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use mcp_lambda_server::http::{Body, BoxError};
use serde_json::json;
use test_support::{
    World, call, environment,
    environments::world,
    logs::warnings::{self, requests},
    session::{Client, NEWEST, front},
    text,
};

fn watched() -> World {
    warnings::capture();
    let world = environment();
    requests();
    world
}

/// The one line since the last look.
fn line() -> String {
    let mut lines = requests();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    lines.remove(0)
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_answered_has_no_word_for_its_end() {
    let world = watched();
    assert_eq!(text(call("echo", json!({ "message": "hi" })).send(world.at(0)).await).await, "hi");
    let line = line();
    assert!(
        line.contains("tool=\"echo\"") && line.contains("status=200") && !line.contains("ended="),
        "{line}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_that_runs_out_of_time_ended_with_its_deadline() {
    let world = watched();
    let reply = call("slow", json!({})).through(front(Duration::from_secs(1))).send(world.at(0)).await;
    reply.bytes().await;
    let line = line();
    assert!(line.contains("ended=\"deadline\"") && line.contains("code=-32603"), "{line}");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_its_client_cancels_ended_cancelled() {
    let world = watched();
    let client = Client::open(world.at(0), NEWEST).await;
    requests();
    let cancelling = async {
        while world.report().await != "started" {}
        assert_eq!(client.cancel(1).send(world.at(0)).await.status, 202);
    };
    let (reply, ()) = tokio::join!(client.call(1, "slow", json!({})).send(world.at(0)), cancelling);
    reply.bytes().await;
    let lines = requests();
    let [cancellation, call] = &lines[..] else { panic!("{lines:#?}") };
    assert!(
        cancellation.contains("notifications/cancelled") && !cancellation.contains("ended="),
        "{cancellation}"
    );
    assert!(call.contains("ended=\"cancelled\"") && call.contains("status=200"), "{call}");
}

/// A response body that fails: its client got a part of it.
#[tokio::test(start_paused = true)]
async fn a_response_whose_body_breaks_ended_failed() {
    warnings::capture();
    let broken = |_| async {
        let pieces = [Ok(Frame::data(Bytes::from_static(b"half"))), Err::<_, BoxError>("it breaks".into())];
        Response::new(StreamBody::new(futures::stream::iter(pieces)))
    };
    let world = world(1, |_| {}, |builder| builder.route("/broken", broken));
    requests();
    let request =
        Request::get("/broken").header("host", "localhost").body(Body::default()).expect("a request");
    let answered = world.at(0).handle(request).await;
    assert!(answered.into_body().collect().await.is_err());
    let line = line();
    assert!(line.contains("ended=\"failed\"") && line.contains("bytes=4"), "{line}");
}

/// A layer of the program that panics: the host catches it.
#[tokio::test(start_paused = true)]
async fn a_request_whose_code_panics_ended_failed() {
    warnings::capture();
    let panicking = |_: Request<Body>| -> std::future::Ready<Response<Body>> { panic!("as asked") };
    let world = world(1, |_| {}, |builder| builder.route("/panic", panicking));
    requests();
    let request =
        Request::get("/panic").header("host", "localhost").body(Body::default()).expect("a request");
    let answered = AssertUnwindSafe(async { world.at(0).handle(request).await }).catch_unwind().await;
    assert!(answered.is_err());
    let line = line();
    assert!(line.contains("ended=\"failed\"") && !line.contains("status="), "{line}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_before_the_response_has_a_line_without_a_status() {
    let world = watched();
    let mut reply = Box::pin(call("slow", json!({})).send(world.at(0)));
    assert!(poll!(&mut reply).is_pending());
    assert_eq!(world.report().await, "started");
    assert_eq!(requests(), [""; 0]);
    drop(reply);
    let line = line();
    assert!(line.contains("ended=\"client left\"") && !line.contains("status="), "{line}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_a_stream_has_a_line_with_its_status() {
    let world = watched();
    let client = Client::open(world.at(0), NEWEST).await;
    requests();
    let stream = client.listening(world.at(0)).await;
    drop(stream);
    let line = line();
    assert!(line.contains("ended=\"client left\"") && line.contains("status=200"), "{line}");
    assert!(line.contains("streamed=true") && line.contains("session=\""), "{line}");
}
