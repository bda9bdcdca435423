//! Things that break while a request is served: the client gets what can still be sent, the log names the cause
//! once, and the environment serves the next request.

use http::{Method, StatusCode};
use lambda_emulator::{Emulator, EnvironmentId, Ingress};
use serde_json::{Value, json};

use crate::support::*;

/// What a log says of an error that belongs to an invocation, and of no panic hook.
const ERROR: &str = r#""level":"ERROR""#;

/// The same environment serves on, and has logged `errors` errors.
async fn serves_on(emulator: &Emulator, errors: usize) {
    let next = call("echo", json!({ "message": "on" })).send_to(emulator).await;
    assert_eq!(next.environment(), EnvironmentId(1));
    eventually("logged", || logged(emulator, ERROR) >= errors).await;
    assert_eq!(logged(emulator, ERROR), errors);
}

#[tokio::test]
async fn a_tool_that_panics_at_once_is_an_internal_error() {
    for (mode, ingress) in [("stream", Ingress::FunctionUrl), ("buffered", Ingress::FunctionUrlBuffered)] {
        let emulator = function_in(mode).start().await.unwrap();
        let reply = call("panic", json!({ "after": 0 })).through_ingress(&emulator, ingress).await;
        assert_eq!(reply.status, StatusCode::OK);
        let error = json!({ "code": -32603, "message": "internal error: the handler panicked" });
        assert_eq!(reply.json().await, json!({ "jsonrpc": "2.0", "id": 1, "error": error }));
        let id = emulator.environments()[0].id;
        eventually("logged", || logged(&emulator, ERROR) == 1).await;
        let line = emulator.logs(id).into_iter().find(|line| line.contains(ERROR)).unwrap();
        assert!(line.contains("a tool panics, as asked"), "{line}");
        let next = call("echo", json!({ "message": "on" })).through_ingress(&emulator, ingress).await;
        assert_eq!((next.environment(), next.tool_text().await), (EnvironmentId(1), "on".to_owned()));
    }
}

#[tokio::test]
async fn a_tool_that_panics_after_its_first_event_ends_its_stream_with_the_error() {
    let emulator = function().start().await.unwrap();
    let session = initialize(&emulator).await;
    for request in [call("panic", json!({ "after": 1 })), tool(&session, "panic", json!({ "after": 1 }))] {
        let mut reply = request.send_to(&emulator).await;
        assert_eq!(reply.message().await["params"]["message"], "before the panic");
        let last = reply.message().await;
        assert_eq!((&last["id"], &last["error"]["code"]), (&json!(1), &json!(-32603)));
        assert_eq!(reply.event().await, None);
    }
    serves_on(&emulator, 2).await;
}

#[tokio::test]
async fn a_route_that_panics_fails_its_invocation_alone() {
    let emulator = function().start().await.unwrap();
    assert_eq!(get("/panic").send_to(&emulator).await.status, StatusCode::BAD_GATEWAY);
    let next = call("echo", json!({ "message": "on" })).send_to(&emulator).await;
    assert_eq!(next.environment(), EnvironmentId(1));
    eventually("logged", || logged(&emulator, "a route panics, as asked") >= 1).await;
}

#[tokio::test]
async fn a_stream_with_a_broken_body_is_cut_off_there_without_the_cause() {
    let gate = Gate::open().await;
    let emulator = function().env("GATE", gate.port()).timeout(SOON).start().await.unwrap();
    for (errors, how) in [(1, "fail"), (2, "panic")] {
        let request = call("gated", json!({})).header("x-break", how);
        let (mut reply, mut held) = tokio::join!(request.send_to(&emulator), async {
            let mut held = gate.held().await;
            held.say("one").await;
            held
        });
        assert_eq!(reply.message().await["params"]["message"], "one");
        // Lambda cuts off the response of an invocation that failed, and no error of ours is sent.
        assert!(reply.try_event().await.is_err());
        // The tool goes with its stream: in this era that is a cancellation.
        assert_eq!(held.report().await, None);
        serves_on(&emulator, errors).await;
    }
}

/// `lambda_runtime` reports it in the trailers of the response too. Without them Lambda counts a success.
#[tokio::test]
async fn an_invocation_with_a_broken_stream_is_a_failed_one() {
    let emulator = function().start().await.unwrap();
    for (how, kind) in [("fail", "ResponseBody"), ("panic", "Panic")] {
        let event = edited("function-url-post", |event| event["headers"]["x-break"] = how.into());
        let error = emulator.invoke(event, None).await.unwrap().bytes().await.unwrap_err();
        assert_eq!(error.kind, kind);
        assert!(error.message().starts_with("internal error: the body of the response "), "{error}");
    }
}

#[tokio::test]
async fn a_whole_body_that_breaks_is_an_internal_error_where_it_is_buffered() {
    let emulator = function_in("buffered").start().await.unwrap();
    for (errors, how) in [(1, "fail"), (2, "panic")] {
        let request = call("echo", json!({ "message": "half" })).header("x-break", how);
        let reply = request.through_ingress(&emulator, Ingress::HttpApi).await;
        assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR, "{how}");
        let error = json!({ "code": -32603, "message": "internal error" });
        assert_eq!(reply.json().await, json!({ "jsonrpc": "2.0", "error": error }), "{how}");
        eventually("logged", || logged(&emulator, ERROR) == errors).await;
        let next =
            call("echo", json!({ "message": "on" })).through_ingress(&emulator, Ingress::HttpApi).await;
        assert_eq!((next.environment(), next.tool_text().await), (EnvironmentId(1), "on".to_owned()));
    }
}

#[tokio::test]
async fn a_call_with_a_broken_stream_goes_on_in_a_session_and_its_response_can_be_fetched() {
    let gate = Gate::open().await;
    let emulator = function().env("GATE", gate.port()).timeout(SOON).start().await.unwrap();
    let session_id = initialize(&emulator).await;
    let request = tool(&session_id, "gated", json!({})).header("x-break", "fail");
    let (mut reply, mut held) = tokio::join!(request.send_to(&emulator), async {
        let mut held = gate.held().await;
        held.say("one").await;
        held
    });
    // The first frame has the id to come back with.
    let place = reply.event().await.unwrap().id.unwrap();
    assert!(reply.try_event().await.is_err());
    let resume = session(&session_id, Method::GET, &Value::Null).header("last-event-id", &place);
    let (mut resumed, ()) = tokio::join!(resume.send_to(&emulator), async {
        held.say("two").await;
        held.let_go().await;
    });
    let mut last = Value::Null;
    while let Some(message) = resumed.next_message().await {
        last = message;
    }
    assert_eq!(last["result"]["content"][0]["text"], "one two");
}
