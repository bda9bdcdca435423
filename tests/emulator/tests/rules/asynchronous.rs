//! Asynchronous invocations.

use std::time::Duration;

use lambda_emulator::InvokeError;
use tokio::time::Instant;

use crate::support::*;

#[tokio::test]
async fn an_event_that_succeeds_leaves_nothing_behind() {
    let emulator = emulator("events").start().await.unwrap();
    emulator.invoke_async("{}").unwrap();
    emulator.settled().await;
    assert_eq!(emulator.dead_letters(), []);
    assert_eq!(emulator.environments()[0].invocations, 1);
}

#[tokio::test]
async fn an_event_is_tried_three_times_with_the_pauses_between_and_then_becomes_a_dead_letter() {
    let pauses = [Duration::from_millis(60), Duration::from_millis(120)];
    let emulator = emulator("events").retry_delays(pauses).start().await.unwrap();
    let begun = Instant::now();
    let id = emulator.invoke_async(r#"{"do":"fail"}"#).unwrap();
    emulator.settled().await;
    assert!(begun.elapsed() >= pauses[0] + pauses[1]);
    let letters = emulator.dead_letters();
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].request_id.as_str(), letters[0].attempts), (id.as_str(), 3));
    assert_eq!(letters[0].payload, r#"{"do":"fail"}"#);
    assert_eq!(letters[0].error.as_ref().unwrap().message(), "as asked");
    assert_eq!(emulator.environments()[0].invocations, 3);
}

#[tokio::test]
async fn a_timeout_and_a_crash_are_tried_again_as_well() {
    let gate = Gate::open().await;
    let limit = Duration::from_millis(200);
    let emulator = emulator("events").timeout(limit).env("GATE", gate.port()).start().await.unwrap();
    emulator.invoke_async(r#"{"do":"gate"}"#).unwrap();
    // The first attempt runs into its deadline, the second is let through.
    let first = gate.held().await;
    let second = gate.held().await;
    assert_ne!(first.pid, second.pid);
    drop(second);
    emulator.settled().await;
    assert_eq!(emulator.dead_letters(), []);
    emulator.invoke_async(r#"{"do":"exit"}"#).unwrap();
    emulator.settled().await;
    assert_eq!(emulator.dead_letters()[0].error.as_ref().unwrap().kind, "Runtime.ExitError");
}

#[tokio::test]
async fn throttling_is_no_attempt_and_lasts_as_long_as_an_event_may_wait() {
    let gate = Gate::open().await;
    let age = Duration::from_millis(150);
    let builder = emulator("events").timeout(SOON).maximum_event_age(age);
    let emulator = builder.env("GATE", gate.port()).start().await.unwrap();
    let busy = async { emulator.invoke(r#"{"do":"gate"}"#, None).await.unwrap() };
    let rest = async {
        let held = gate.held().await;
        emulator.invoke_async(r#"{"do":"exit"}"#).unwrap();
        emulator.settled().await;
        drop(held);
    };
    futures::join!(busy, rest);
    let letters = emulator.dead_letters();
    assert_eq!((letters[0].attempts, &letters[0].error), (0, &None));
}

#[tokio::test]
async fn an_event_may_have_1_mb() {
    let emulator = emulator("events").start().await.unwrap();
    let event = |length: usize| format!("\"{}\"", "a".repeat(length - 2));
    emulator.invoke_async(event(1024 * 1024)).unwrap();
    emulator.settled().await;
    assert_eq!(emulator.dead_letters(), []);
    let limit = 1024 * 1024;
    assert_eq!(emulator.invoke_async(event(limit + 1)).unwrap_err(), InvokeError::PayloadTooLarge { limit });
}
