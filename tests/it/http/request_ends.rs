//! How a request ended is in its line, and each has exactly one.

use std::time::Duration;

use futures::poll;
use serde_json::json;
use test_support::{
    World, call, environment,
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
