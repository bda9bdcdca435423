//! The layers around invocations, and what runs between an invocation and the next poll.
#![allow(clippy::unwrap_used, reason = "what helpers of tests cannot do fails the test")]

use std::{
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use mcp_lambda_server::{
    Builder, Clock,
    http::BoxError,
    lambda::{EventKind, InvocationError, InvocationRequest, InvocationResponse, InvocationService},
};
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::Instant};
use tower::{ServiceExt, layer::layer_fn, service_fn, util::BoxCloneSyncService};

use super::runtime_api::{Lambda, NEXT, Nothing, REGISTERED, TAKEN, Wire, discover, function_url, path};

/// A layer of a function of an invocation and the service inside of it.
fn around<F>(builder: Builder<Nothing>, call: F) -> Builder<Nothing>
where
    F: Fn(InvocationRequest, InvocationService) -> BoxFuture<'static, Result<InvocationResponse, BoxError>>
        + Clone
        + Send
        + Sync
        + 'static,
{
    builder.invocation_layer(layer_fn(move |inner: InvocationService| {
        let call = call.clone();
        BoxCloneSyncService::new(service_fn(move |invocation| call(invocation, inner.clone())))
    }))
}

async fn ready(hooks: impl FnOnce(Builder<Nothing>) -> Builder<Nothing>) -> (Lambda, Wire) {
    let lambda = Lambda::hooked(|_| (), hooks).await;
    let worker = lambda.accept().await;
    (lambda, worker)
}

/// The type of a reported error, and its text.
async fn failed(worker: &mut Wire, id: &str) -> (String, String) {
    let (line, body) = worker.answer().await;
    assert_eq!(line, path(id, "error"));
    let error: Value = serde_json::from_str(&body).unwrap();
    (error["errorType"].as_str().unwrap().to_owned(), error["errorMessage"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn layers_see_every_invocation_from_the_first_to_the_last() {
    type Seen = (&'static str, String, Option<EventKind>, usize);
    let seen = Arc::new(Mutex::new(Vec::<Seen>::new()));
    let writing = |builder, name: &'static str| {
        let seen = Arc::clone(&seen);
        around(builder, move |invocation, inner| {
            let (id, kind) = (invocation.details.request_id.clone(), invocation.kind());
            let arn = invocation.details.invoked_arn.as_ref().map_or(0, |arn| arn.len());
            seen.lock().unwrap().push((name, id, kind, arn));
            inner.oneshot(invocation).boxed()
        })
    };
    let (_lambda, mut worker) = ready(|builder| writing(writing(builder, "outer"), "inner")).await;
    let sns = include_str!("../../fixtures/events/sns.json");
    let events = [
        ("one", discover(), Some(EventKind::DirectInvoke), "response"),
        ("two", function_url(), Some(EventKind::Http), "response"),
        ("three", serde_json::from_str(sns).unwrap(), Some(EventKind::Sns), "error"),
        ("four", json!({ "some": "event" }), None, "error"),
    ];
    for (id, event, kind, answered) in events {
        worker.event(id, &[("Lambda-Runtime-Invoked-Function-Arn", "arn")], &event).await;
        assert_eq!(worker.answer().await.0, path(id, answered));
        let expected = ["outer", "inner"].map(|name| (name, id.to_owned(), kind, 3));
        assert_eq!(std::mem::take(&mut *seen.lock().unwrap()), expected);
    }
}

#[tokio::test]
async fn a_layer_may_change_an_event_and_answer_in_place_of_the_server() {
    let (_lambda, mut worker) = ready(|builder| {
        around(builder, |mut invocation, inner| {
            if invocation.kind().is_none() {
                return async { Ok(InvocationResponse::json(r#"{"ours":true}"#)) }.boxed();
            }
            invocation.payload = function_url().to_string().into();
            async move {
                let response = inner.oneshot(invocation).await?;
                assert!(response.is_streamed() && response.document().is_none());
                Ok(response)
            }
            .boxed()
        })
    })
    .await;
    worker.event("one", &[], &json!({ "some": "event" })).await;
    assert_eq!(worker.answer().await, (path("one", "response"), r#"{"ours":true}"#.to_owned()));
    worker.event("two", &[], &discover()).await;
    assert!(worker.answer().await.1.contains(r#"{"statusCode":200"#));
}

#[tokio::test]
async fn the_error_of_a_layer_is_for_the_log_unless_it_is_made_for_the_invoker() {
    let (_lambda, mut worker) = ready(|builder| {
        around(builder, |invocation, inner| match &*invocation.details.request_id {
            "refused" => async { Err(InvocationError::new("Closed", "closed on Sundays").into()) }.boxed(),
            "secret" => async { Err("the password is wrong".into()) }.boxed(),
            "panic" => panic!("in the layer"),
            _ => inner.oneshot(invocation).boxed(),
        })
    })
    .await;
    for (id, kind, text) in [
        ("refused", "Closed", "closed on Sundays"),
        ("secret", "InvocationLayer", "internal error: a layer around the invocations failed"),
        ("panic", "Panic", "internal error: the server panicked"),
    ] {
        worker.event(id, &[], &discover()).await;
        assert_eq!(failed(&mut worker, id).await, (kind.to_owned(), text.to_owned()));
    }
    // An error of the server goes through the layers as it is.
    worker.event("unknown", &[], &json!({ "some": "event" })).await;
    assert_eq!(failed(&mut worker, "unknown").await.0, "UnknownEvent");
    worker.event("served", &[], &discover()).await;
    assert_eq!(worker.answer().await.0, path("served", "response"));
}

#[tokio::test]
async fn what_a_layer_keeps_is_dropped_when_the_last_byte_was_accepted() {
    struct Guard(Arc<AtomicBool>);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let dropped = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&dropped);
    let (_lambda, mut worker) = ready(|builder| {
        around(builder, move |invocation, inner| {
            let guard = Guard(Arc::clone(&flag));
            inner.oneshot(invocation).map(|response| Ok(response?.keep(guard))).boxed()
        })
    })
    .await;
    worker.event("one", &[], &function_url()).await;
    worker.request().await;
    assert!(!dropped.load(Ordering::SeqCst));
    worker.write(TAKEN).await;
    assert_eq!(worker.line().await, NEXT);
    assert!(dropped.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_hook_after_an_invocation_runs_between_its_last_byte_and_the_next_poll() {
    let (started, mut starts) = mpsc::unbounded_channel();
    let (let_go, held) = mpsc::unbounded_channel::<()>();
    let held = Arc::new(tokio::sync::Mutex::new(held));
    let (_lambda, mut worker) = ready(|builder| {
        builder.after_invocation_budget(Duration::from_secs(60)).after_invocation(move || {
            let (started, held) = (started.clone(), Arc::clone(&held));
            async move {
                started.send(()).unwrap();
                held.lock().await.recv().await.unwrap();
            }
        })
    })
    .await;
    assert_eq!(worker.line().await, NEXT);
    for id in ["one", "two"] {
        worker.send_event(id, &[], &function_url()).await;
        worker.request().await;
        assert!(starts.try_recv().is_err(), "the response was not accepted yet");
        worker.write(TAKEN).await;
        starts.recv().await.unwrap();
        assert!(worker.is_silent(), "no event is asked for while the hook runs");
        let_go.send(()).unwrap();
        assert_eq!(worker.line().await, NEXT);
    }
}

/// A failed invocation may have left something to send, too.
#[tokio::test]
async fn a_hook_after_an_invocation_runs_when_it_failed() {
    let (started, mut starts) = mpsc::unbounded_channel();
    let (_lambda, mut worker) = ready(|builder| {
        builder.after_invocation(move || {
            let started = started.clone();
            async move { started.send(()).unwrap() }
        })
    })
    .await;
    worker.event("one", &[], &json!({ "some": "event" })).await;
    failed(&mut worker, "one").await;
    assert_eq!(worker.line().await, NEXT);
    starts.try_recv().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_hangs_or_panics_does_not_stop_the_loop() {
    for panics in [false, true] {
        let (_lambda, mut worker) = ready(|builder| {
            builder.after_invocation(move || async move {
                if panics { panic!("in the hook") } else { pending().await }
            })
        })
        .await;
        // The first deadline is of long ago, the last one makes no sense: neither shortens the time.
        for (at, budget) in [("1000000000000", 1000), ("", 1000), ("99999999999999", 1000)] {
            worker.event("one", &[("Lambda-Runtime-Deadline-Ms", at)], &discover()).await;
            let answered = Instant::now();
            worker.answer().await;
            assert_eq!(worker.line().await, NEXT);
            let expected = Duration::from_millis(if panics { 0 } else { budget });
            let took = answered.elapsed();
            assert!(took >= expected && took < expected + Duration::from_millis(100), "{took:?}");
            // The poll was read, so this worker is given its event directly.
            worker.send_event("two", &[], &discover()).await;
            assert_eq!(worker.answer().await.0, path("two", "response"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_hook_ends_before_the_timeout_of_its_invocation() {
    let (_lambda, mut worker) = ready(|builder| builder.after_invocation(pending)).await;
    let deadline = Clock::system().now().as_millis() + 700;
    worker.event("one", &[("Lambda-Runtime-Deadline-Ms", &deadline.to_string())], &discover()).await;
    worker.answer().await;
    let answered = Instant::now();
    assert_eq!(worker.line().await, NEXT);
    // 100 ms before it, and less by what has passed on the clock of the machine.
    assert!(answered.elapsed() <= Duration::from_millis(601), "{:?}", answered.elapsed());
}

#[tokio::test]
async fn a_hook_before_the_end_registers_an_extension_and_no_other_hook_does() {
    let lambda = Lambda::hooked(|_| (), |builder| builder.on_shutdown(|| async {})).await;
    let mut worker = lambda.accept().await;
    let (head, body, _) = worker.request().await;
    assert!(head.starts_with("POST /2020-01-01/extension/register HTTP/1.1"), "{head}");
    assert_eq!(body, r#"{"events":[]}"#);
    worker.write(REGISTERED).await;
    let mut extension = lambda.accept().await;
    assert_eq!(extension.line().await, "GET /2020-01-01/extension/event/next HTTP/1.1");
    worker.event("one", &[], &discover()).await;
    assert_eq!(worker.answer().await.0, path("one", "response"));

    let (_lambda, mut worker) = ready(|builder| {
        let snapshot = builder.before_snapshot(|| async { Ok::<_, BoxError>(()) });
        snapshot.after_restore(|| async { Ok::<_, BoxError>(()) }).after_invocation(|| async {})
    })
    .await;
    assert_eq!(worker.line().await, NEXT);
}
