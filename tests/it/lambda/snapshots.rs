//! `SnapStart`: the calls that let Lambda store an environment and restore it.
#![allow(clippy::unwrap_used, reason = "what helpers of tests cannot do fails the test")]

use std::sync::{Arc, Mutex};

use mcp_lambda_server::{Builder, Error, http::BoxError};
use serde_json::{Value, json};

use super::runtime_api::{Lambda, NEXT, Nothing, TAKEN, Wire, discover, path};

const RESTORE_NEXT: &str = "GET /2018-06-01/runtime/restore/next HTTP/1.1";
const RESTORED: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// The hooks that have run, in order.
#[derive(Clone, Default)]
struct Runs(Arc<Mutex<Vec<&'static str>>>);

impl Runs {
    fn so_far(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().clone()
    }

    /// A hook that takes note of its run.
    fn hook(&self, name: &'static str) -> impl Fn() -> std::future::Ready<Result<(), BoxError>> + use<> {
        let runs = self.clone();
        move || {
            runs.0.lock().unwrap().push(name);
            std::future::ready(if name.contains("fails") { Err("out of luck".into()) } else { Ok(()) })
        }
    }
}

async fn starting(hooks: impl FnOnce(Builder<Nothing>) -> Builder<Nothing>) -> (Lambda, Wire) {
    let lambda = Lambda::hooked(|config| config.snap_start = true, hooks).await;
    let wire = lambda.accept().await;
    (lambda, wire)
}

/// A report of an error: its line, the type in its header, and its body.
async fn report(wire: &mut Wire) -> (String, String, Value) {
    let (head, body, _) = wire.request().await;
    wire.write(TAKEN).await;
    let kind = head.lines().find_map(|line| line.strip_prefix("lambda-runtime-function-error-type: "));
    let (line, kind) = (head.lines().next().unwrap().to_owned(), kind.unwrap().to_owned());
    (line, kind, serde_json::from_str(&body).unwrap())
}

#[tokio::test]
async fn an_environment_is_stored_before_its_first_poll_and_serves_when_it_was_restored() {
    let runs = Runs::default();
    let (lambda, mut wire) = starting(|builder| {
        builder
            .before_snapshot(runs.hook("before: pool"))
            .before_snapshot(runs.hook("before: cache"))
            .after_restore(runs.hook("after: pool"))
            .after_restore(runs.hook("after: cache"))
    })
    .await;
    assert_eq!(wire.line().await, RESTORE_NEXT);
    let before = ["before: cache", "before: pool"];
    assert_eq!(runs.so_far(), before);
    wire.write(RESTORED).await;
    // A connection of its own: that of the stored environment is no longer there.
    let mut worker = lambda.accept().await;
    assert_eq!(worker.line().await, NEXT);
    assert_eq!(runs.so_far(), [before, ["after: pool", "after: cache"]].concat());
    worker.send_event("one", &[], &discover()).await;
    assert_eq!(worker.answer().await.0, path("one", "response"));
}

#[tokio::test]
async fn an_environment_without_hooks_is_stored_and_restored_too() {
    let (lambda, mut wire) = starting(|builder| builder).await;
    assert_eq!(wire.line().await, RESTORE_NEXT);
    wire.write(RESTORED).await;
    assert_eq!(lambda.accept().await.line().await, NEXT);
}

#[tokio::test]
async fn a_hook_that_fails_before_the_snapshot_fails_the_initialization() {
    let runs = Runs::default();
    let (lambda, mut wire) =
        starting(|builder| builder.before_snapshot(runs.hook("not run")).before_snapshot(runs.hook("fails")))
            .await;
    let (line, kind, body) = report(&mut wire).await;
    assert_eq!((&*line, &*kind), ("POST /2018-06-01/runtime/init/error HTTP/1.1", "Runtime.InitError"));
    let text = "before_snapshot failed: out of luck";
    assert_eq!(body, json!({ "errorType": "Runtime.InitError", "errorMessage": text }));
    assert!(matches!(lambda.outcome().await, Err(Error::Lambda(_))));
    assert_eq!(runs.so_far(), ["fails"]);
}

#[tokio::test]
async fn a_snapshot_that_lambda_refuses_fails_the_initialization() {
    let (lambda, mut wire) = starting(|builder| builder).await;
    assert_eq!(wire.line().await, RESTORE_NEXT);
    wire.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno!").await;
    let (line, kind, body) = report(&mut wire).await;
    assert_eq!((&*line, &*kind), ("POST /2018-06-01/runtime/init/error HTTP/1.1", "Runtime.InitError"));
    assert_eq!(body["errorMessage"], "the Runtime API answered 403 Forbidden: no!");
    assert!(matches!(lambda.outcome().await, Err(Error::Lambda(_))));
}

#[tokio::test]
async fn a_hook_that_fails_after_the_restore_is_reported_and_ends_the_environment() {
    let runs = Runs::default();
    let (lambda, mut wire) =
        starting(|builder| builder.after_restore(runs.hook("fails")).after_restore(runs.hook("not run")))
            .await;
    assert_eq!(wire.line().await, RESTORE_NEXT);
    wire.write(RESTORED).await;
    let mut wire = lambda.accept().await;
    let (line, kind, body) = report(&mut wire).await;
    let expected = ("POST /2018-06-01/runtime/restore/error HTTP/1.1", "Runtime.AfterRestoreError");
    assert_eq!((&*line, &*kind), expected);
    let text = "after_restore failed: out of luck";
    assert_eq!(body, json!({ "errorType": "Runtime.AfterRestoreError", "errorMessage": text }));
    assert!(matches!(lambda.outcome().await, Err(Error::Lambda(_))));
    assert_eq!(runs.so_far(), ["fails"]);
}
