//! Streams on Lambda: they flow while they are written, and they end by themselves before Lambda ends them.

use std::time::Duration;

use http::{Method, StatusCode};
use lambda_emulator::{Emulator, EnvironmentId, Ingress};
use serde_json::{Value, json};
use test_support::SseEvent;
use tokio::time::Instant;

use crate::support::*;

/// A call that waits at the gate after its message `one`.
async fn begun(emulator: &Emulator, gate: &Gate, request: McpRequest, ingress: Ingress) -> (Reply, Held) {
    tokio::join!(request.through_ingress(emulator, ingress), async {
        let mut held = gate.held().await;
        held.say("one").await;
        held
    })
}

/// An event that only says when to come back.
fn retry(milliseconds: &str) -> SseEvent {
    SseEvent { retry: Some(milliseconds.to_owned()), ..SseEvent::default() }
}

#[tokio::test]
async fn a_progress_event_reaches_the_client_before_the_tool_may_send_the_next() {
    let gate = Gate::open().await;
    let emulator = function_in("stream").env("GATE", gate.port()).timeout(SOON).start().await.unwrap();
    let session_id = initialize(&emulator).await;
    for request in [call("gated", json!({})), tool(&session_id, "gated", json!({}))] {
        for ingress in [Ingress::FunctionUrl, Ingress::RestStream] {
            let (mut reply, mut held) = begun(&emulator, &gate, request.clone(), ingress).await;
            assert_eq!(reply.status, StatusCode::OK);
            assert_eq!(reply.header("content-type"), Some("text/event-stream"));
            assert_eq!(reply.message().await["params"]["message"], "one");
            held.say("two").await;
            assert_eq!(reply.message().await["params"]["message"], "two");
            held.let_go().await;
            assert_eq!(reply.message().await["result"]["content"][0]["text"], "one two");
            assert_eq!(reply.event().await, None);
        }
    }
}

#[tokio::test]
async fn a_listen_stream_ends_with_its_result_before_the_function_times_out() {
    // Once because it may not live longer, once because the function may not.
    for (life, timeout) in [(Some("1"), 60), (None, 6)] {
        let mut builder = function().timeout(Duration::from_secs(timeout));
        if let Some(life) = life {
            builder = builder.env("MCP_STREAM_SECONDS", life);
        }
        let emulator = builder.start().await.unwrap();
        let begun = Instant::now();
        let mut reply = listen().send_to(&emulator).await;
        let first = reply.message().await;
        assert_eq!(first["method"], "notifications/subscriptions/acknowledged");
        let last = reply.message().await;
        assert_eq!((&last["id"], &last["result"]["resultType"]), (&json!(1), &json!("complete")));
        assert_eq!(reply.event().await, None);
        assert!(begun.elapsed() > Duration::from_millis(900), "it did not wait: {:?}", begun.elapsed());
        assert!(begun.elapsed() < Duration::from_secs(5), "it waited too long: {:?}", begun.elapsed());
        assert_eq!(listen().send_to(&emulator).await.environment(), EnvironmentId(1));
    }
}

#[tokio::test]
async fn a_get_stream_ends_with_the_time_to_come_back_before_the_function_times_out() {
    for (life, timeout) in [(Some("1"), 60), (None, 6)] {
        let mut builder = function().timeout(Duration::from_secs(timeout)).env("MCP_RETRY_MS", "1234");
        if let Some(life) = life {
            builder = builder.env("MCP_STREAM_SECONDS", life);
        }
        let emulator = builder.start().await.unwrap();
        let session_id = initialize(&emulator).await;
        let begun = Instant::now();
        let mut reply = session(&session_id, Method::GET, &Value::Null).send_to(&emulator).await;
        assert_eq!(reply.event().await.unwrap(), retry("1234"));
        let priming = reply.event().await.unwrap();
        assert!(priming.id.is_some() && priming.data.as_deref() == Some(""), "{priming:?}");
        assert_eq!(reply.event().await.unwrap(), retry("1234"));
        assert_eq!(reply.event().await, None);
        assert!(begun.elapsed() < Duration::from_secs(5), "it waited too long: {:?}", begun.elapsed());
        assert_eq!(tool(&session_id, "count", json!({})).send_to(&emulator).await.tool_text().await, "1");
    }
}

#[tokio::test]
async fn a_quiet_stream_sends_keep_alives() {
    let builder = function().timeout(Duration::from_secs(60)).env("MCP_STREAM_SECONDS", "2");
    let emulator = builder.env("MCP_KEEP_ALIVE_SECONDS", "1").start().await.unwrap();
    let mut reply = listen().send_to(&emulator).await;
    assert_eq!(reply.message().await["method"], "notifications/subscriptions/acknowledged");
    assert!(reply.event().await.unwrap().is_comment());
}

#[tokio::test]
async fn a_stream_that_waits_for_events_ends_at_once_where_nothing_is_passed_on() {
    let emulator = function().start().await.unwrap();
    let session_id = initialize(&emulator).await;
    for ingress in [Ingress::HttpApi, Ingress::Rest, Ingress::Alb, Ingress::AlbMultiValue] {
        let mut reply = listen().through_ingress(&emulator, ingress).await;
        let first = reply.message().await;
        assert_eq!(first["method"], "notifications/subscriptions/acknowledged");
        assert_eq!(reply.message().await["id"], 1);
        assert_eq!(reply.event().await, None);

        let mut reply =
            session(&session_id, Method::GET, &Value::Null).through_ingress(&emulator, ingress).await;
        assert_eq!(reply.event().await.unwrap(), retry("1000"));
        while reply.event().await.is_some() {}
    }
}

#[tokio::test]
async fn a_tool_that_takes_too_long_is_answered_for_before_the_function_times_out() {
    let gate = Gate::open().await;
    for (ingress, mode) in [(Ingress::FunctionUrl, "stream"), (Ingress::HttpApi, "buffered")] {
        let builder = function_in(mode).env("GATE", gate.port()).timeout(Duration::from_secs(3));
        let emulator = builder.start().await.unwrap();
        let (reply, mut held) =
            tokio::join!(call("gated", json!({})).through_ingress(&emulator, ingress), gate.held());
        assert_eq!(reply.status, StatusCode::OK);
        let error = reply.json().await["error"].clone();
        assert_eq!(error["code"], -32603);
        assert!(error["message"].as_str().unwrap().contains("did not finish within 2 s"), "{error}");
        assert_eq!(held.report().await.as_deref(), Some("cancelled"));
        let next = call("echo", json!({ "message": "on" })).through_ingress(&emulator, ingress).await;
        assert_eq!(next.environment(), EnvironmentId(1));
        eventually("logged", || logged(&emulator, "ran out of time") == 1).await;
    }
}

#[tokio::test]
async fn a_tool_that_ignores_its_cancellation_is_dropped_and_its_request_gets_an_error() {
    let gate = Gate::open().await;
    let emulator = function().env("GATE", gate.port()).timeout(Duration::from_secs(3)).start().await.unwrap();
    let (reply, mut held) = tokio::join!(call("stubborn", json!({})).send_to(&emulator), gate.held());
    assert_eq!(reply.json().await["error"]["code"], -32603);
    assert_eq!(held.report().await, None);
    let next = call("echo", json!({ "message": "on" })).send_to(&emulator).await;
    assert_eq!(next.environment(), EnvironmentId(1));
}

#[tokio::test]
async fn a_tool_that_takes_too_long_after_its_first_event_ends_its_stream_with_the_error() {
    let gate = Gate::open().await;
    let emulator = function().env("GATE", gate.port()).timeout(Duration::from_secs(3)).start().await.unwrap();
    let session_id = initialize(&emulator).await;
    for request in [call("gated", json!({})), tool(&session_id, "gated", json!({}))] {
        let (mut reply, _held) = begun(&emulator, &gate, request, Ingress::FunctionUrl).await;
        assert_eq!(reply.message().await["params"]["message"], "one");
        assert_eq!(reply.message().await["error"]["code"], -32603);
        assert_eq!(reply.event().await, None);
    }
    assert_eq!(emulator.environments()[0].id, EnvironmentId(1));
}

#[tokio::test]
async fn a_client_that_leaves_does_not_stop_a_call_of_a_session_and_comes_back_for_the_rest() {
    let gate = Gate::open().await;
    let emulator = function().env("GATE", gate.port()).timeout(SOON).start().await.unwrap();
    let session_id = initialize(&emulator).await;
    let request = tool(&session_id, "gated", json!({}));
    let (mut reply, mut held) = begun(&emulator, &gate, request, Ingress::FunctionUrl).await;
    // First the id before all messages, then the first message with its own.
    let place = reply.event().await.unwrap().id.unwrap();
    assert_eq!(reply.message().await["params"]["message"], "one");
    drop(reply);
    held.say("two").await;
    held.let_go().await;
    assert_eq!(held.report().await.as_deref(), Some("done"));
    frozen(held.pid).await;

    let resume = session(&session_id, Method::GET, &Value::Null).header("last-event-id", &place);
    let mut resumed = resume.send_to(&emulator).await;
    for word in ["one", "two"] {
        assert_eq!(resumed.message().await["params"]["message"], word);
    }
    assert_eq!(resumed.message().await["result"]["content"][0]["text"], "one two");
}

#[tokio::test]
async fn a_client_that_leaves_cannot_be_seen_so_a_call_without_a_session_runs_on_as_well() {
    let gate = Gate::open().await;
    let emulator = function().env("GATE", gate.port()).timeout(SOON).start().await.unwrap();
    let (mut reply, mut held) = begun(&emulator, &gate, call("gated", json!({})), Ingress::FunctionUrl).await;
    assert_eq!(reply.message().await["params"]["message"], "one");
    drop(reply);
    held.say("two").await;
    held.let_go().await;
    assert_eq!(held.report().await.as_deref(), Some("done"));
    frozen(held.pid).await;
}
