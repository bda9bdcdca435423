//! Several requests in one environment, as Managed Instances have it.

use std::time::Duration;

use http::StatusCode;
use lambda_emulator::{EnvironmentId, EnvironmentState};

use crate::support::*;

#[tokio::test]
async fn one_environment_serves_as_many_requests_as_it_may() {
    let gate = Gate::open().await;
    let emulator = emulator("stream").concurrency(3).env("GATE", gate.port()).start().await.unwrap();
    let url = format!("{}/gated", emulator.function_url());
    let replies = futures::future::join_all((0..3).map(|_| get(&url)));
    let (replies, mut held) =
        futures::join!(replies, async { [gate.held().await, gate.held().await, gate.held().await] });
    assert!(held.windows(2).all(|pair| pair[0].pid == pair[1].pid));
    assert_eq!(get(&url).await.status, StatusCode::TOO_MANY_REQUESTS);
    // Interleaved: the last to come is the first to be answered.
    for (name, one) in ["a", "b", "c"].iter().zip(&mut held).rev() {
        one.say(name).await;
    }
    drop(held);
    let mut said = Vec::new();
    for reply in replies {
        assert_eq!(reply.environment(), EnvironmentId(1));
        said.push(reply.text().await);
    }
    said.sort_unstable();
    assert_eq!(said, ["a", "b", "c"]);
}

#[tokio::test]
async fn it_gets_its_concurrency_and_is_never_frozen() {
    let emulator = emulator("events").concurrency(4).start().await.unwrap();
    let look = emulator.invoke(r#"{"do":"look"}"#, None).await.unwrap().bytes().await.unwrap();
    let look: serde_json::Value = serde_json::from_slice(&look).unwrap();
    assert_eq!(look["variables"]["AWS_LAMBDA_MAX_CONCURRENCY"], "4");
    assert_eq!(look["variables"]["AWS_LAMBDA_INITIALIZATION_TYPE"], "lambda-managed-instances");
    eventually("idle", || emulator.environments()[0].state == EnvironmentState::Idle).await;
    assert_ne!(process_state(emulator.environments()[0].pid), Some('T'));
}

#[tokio::test]
async fn a_timeout_fails_the_invocation_and_leaves_the_process_alone() {
    let gate = Gate::open().await;
    let limit = Duration::from_millis(300);
    let builder = emulator("events").concurrency(2).timeout(limit).env("GATE", gate.port());
    let emulator = builder.start().await.unwrap();
    let (answer, held) = futures::join!(emulator.invoke(r#"{"do":"gate"}"#, None), gate.held());
    assert_eq!(answer.unwrap().function_error().unwrap().kind, "Sandbox.Timedout");
    // The other worker goes on, and so does the late one, although its answer is no longer used.
    assert_eq!(emulator.invoke("{}", None).await.unwrap().environment, EnvironmentId(1));
    let pid = held.pid;
    drop(held);
    for _ in 0..4 {
        let answers = futures::join!(emulator.invoke("{}", None), emulator.invoke("{}", None));
        assert!(
            answers.0.unwrap().function_error().is_none() && answers.1.unwrap().function_error().is_none()
        );
    }
    assert_eq!(emulator.environments()[0].pid, pid);
}

#[tokio::test]
async fn a_stream_past_its_deadline_is_cut_off_and_its_worker_lives_on() {
    let gate = Gate::open().await;
    let limit = Duration::from_millis(300);
    let builder = emulator("stream").concurrency(2).timeout(limit).env("GATE", gate.port());
    let emulator = builder.start().await.unwrap();
    let (mut reply, mut held) =
        futures::join!(get(format!("{}/gated", emulator.function_url())), gate.held());
    held.say("one").await;
    assert_eq!(reply.chunk().await.unwrap(), "one");
    assert!(reply.try_chunk().await.is_err());
    held.say("late").await;
    drop(held);
    for _ in 0..4 {
        let both = futures::join!(get(emulator.function_url()), get(emulator.function_url()));
        assert_eq!((both.0.status, both.1.status), (StatusCode::OK, StatusCode::OK));
        // A stream that has not ended still counts.
        futures::join!(both.0.bytes(), both.1.bytes());
    }
}

#[tokio::test]
async fn a_burst_at_the_cold_start_waits_for_the_one_environment() {
    let emulator = emulator("stream").concurrency(64).start().await.unwrap();
    let replies = futures::future::join_all((0..64).map(|_| get(emulator.function_url()))).await;
    assert!(
        replies.iter().all(|reply| reply.status == StatusCode::OK && reply.environment() == EnvironmentId(1))
    );
}
