//! What Lambda does to environments: frozen, thawed, killed, timed out, taken down.

use std::time::Duration;

use http::StatusCode;
use lambda_emulator::{Emulator, EnvironmentId};
use serde_json::json;

use crate::support::*;

async fn echo(emulator: &Emulator) -> EnvironmentId {
    let reply = call("echo", json!({ "message": "on" })).send_to(emulator).await;
    let environment = reply.environment();
    assert_eq!(reply.tool_text().await, "on");
    environment
}

async fn asleep(emulator: &Emulator) -> u32 {
    let pid = emulator.environments()[0].pid;
    frozen(pid).await;
    pid
}

#[tokio::test]
async fn what_was_written_before_an_answer_is_there_after_every_sleep() {
    let emulator = function().start().await.unwrap();
    let session = initialize(&emulator).await;
    let pid = asleep(&emulator).await;
    for count in ["1", "2", "3"] {
        assert_eq!(tool(&session, "count", json!({})).send_to(&emulator).await.tool_text().await, count);
        assert_eq!(asleep(&emulator).await, pid);
        let named = call("count", json!({ "name": "everybody's" }));
        assert_eq!(named.send_to(&emulator).await.tool_text().await, count);
        assert_eq!(asleep(&emulator).await, pid);
    }
    assert_eq!(emulator.environments()[0].invocations, 7);
}

#[tokio::test]
async fn an_environment_that_is_thawed_in_the_middle_of_nothing_serves_on() {
    let emulator = function().start().await.unwrap();
    let id = echo(&emulator).await;
    let pid = asleep(&emulator).await;
    emulator.thaw(id).unwrap();
    eventually("awake", || process_state(pid) != Some('T')).await;
    assert_eq!(echo(&emulator).await, id);
}

#[tokio::test]
async fn a_stream_that_is_frozen_in_its_middle_goes_on_where_it_was() {
    let gate = Gate::open().await;
    let emulator = function().env("GATE", gate.port()).timeout(SOON).start().await.unwrap();
    let request = call("gated", json!({}));
    let (mut reply, mut held) = tokio::join!(request.send_to(&emulator), async {
        let mut held = gate.held().await;
        held.say("one").await;
        held
    });
    assert_eq!(reply.message().await["params"]["message"], "one");
    let id = reply.environment();
    emulator.freeze(id).unwrap();
    frozen(held.pid).await;
    held.say("two").await;
    emulator.thaw(id).unwrap();
    assert_eq!(reply.message().await["params"]["message"], "two");
    held.let_go().await;
    assert_eq!(reply.message().await["result"]["content"][0]["text"], "one two");
}

#[tokio::test]
async fn after_a_kill_between_requests_a_fresh_environment_serves_and_knows_no_session() {
    let emulator = function().start().await.unwrap();
    let session = initialize(&emulator).await;
    let pid = asleep(&emulator).await;
    emulator.kill(EnvironmentId(1)).unwrap();
    gone(pid).await;
    let lost = tool(&session, "count", json!({})).send_to(&emulator).await;
    assert_eq!((lost.environment(), lost.status), (EnvironmentId(2), StatusCode::NOT_FOUND));
    assert_eq!(lost.json().await["error"]["code"], -32001);
    assert_eq!(echo(&emulator).await, EnvironmentId(2));
}

#[tokio::test]
async fn after_a_kill_in_the_middle_of_a_stream_the_client_can_tell_and_a_fresh_environment_serves() {
    let gate = Gate::open().await;
    let emulator = function().env("GATE", gate.port()).timeout(SOON).start().await.unwrap();
    let request = call("gated", json!({}));
    let (mut reply, mut held) = tokio::join!(request.send_to(&emulator), async {
        let mut held = gate.held().await;
        held.say("one").await;
        held
    });
    assert_eq!(reply.message().await["params"]["message"], "one");
    emulator.kill(reply.environment()).unwrap();
    assert!(reply.try_event().await.is_err(), "a stream that was cut off must not look complete");
    assert_eq!(held.report().await, None);
    assert_eq!(echo(&emulator).await, EnvironmentId(2));
}

#[tokio::test]
async fn after_a_timeout_a_fresh_environment_serves() {
    let gate = Gate::open().await;
    let emulator = function().env("GATE", gate.port()).timeout(Duration::from_secs(1)).start().await.unwrap();
    // Nothing of ours runs while a tool keeps the only thread to itself.
    let (reply, mut held) = tokio::join!(call("block", json!({})).send_to(&emulator), gate.held());
    assert_eq!(reply.status, StatusCode::BAD_GATEWAY);
    assert_eq!(held.report().await, None);
    assert_eq!(echo(&emulator).await, EnvironmentId(2));
}

#[tokio::test]
async fn a_configuration_that_cannot_be_used_ends_the_process_and_names_the_variable() {
    let emulator = function_in("sometimes").start().await.unwrap();
    let reply = call("echo", json!({ "message": "on" })).send_to(&emulator).await;
    assert_eq!(reply.status, StatusCode::BAD_GATEWAY);
    let named = || {
        let lines = emulator.logs(EnvironmentId(1));
        lines.iter().any(|line| line.contains("MCP_RESPONSE_MODE") && line.contains("sometimes"))
    };
    eventually("the variable is named", named).await;
}

#[tokio::test]
async fn an_environment_that_is_taken_down_between_requests_goes_in_time() {
    let emulator = function().shutdown_grace(SOON).start().await.unwrap();
    echo(&emulator).await;
    let pid = asleep(&emulator).await;
    emulator.retire(EnvironmentId(1)).unwrap();
    gone(pid).await;
    assert_eq!(echo(&emulator).await, EnvironmentId(2));
}

#[tokio::test]
async fn an_environment_that_is_taken_down_ends_its_open_stream_with_the_result() {
    let emulator = function().concurrency(2).timeout(Duration::from_secs(60)).start().await.unwrap();
    let mut reply = listen().send_to(&emulator).await;
    assert_eq!(reply.message().await["method"], "notifications/subscriptions/acknowledged");
    emulator.retire(reply.environment()).unwrap();
    let last = reply.message().await;
    assert_eq!((&last["id"], &last["result"]["resultType"]), (&json!(1), &json!("complete")));
    assert_eq!(reply.event().await, None);
}
