//! When environments start, sleep, wake and end.

use std::time::Duration;

use http::StatusCode;
use lambda_emulator::{Emulator, EnvironmentId, EnvironmentState, InvokeError, Routing, StartError};

use crate::support::*;

#[tokio::test]
async fn an_environment_starts_with_the_first_request_and_is_used_again() {
    let emulator = emulator("stream").environments(2).start().await.unwrap();
    assert_eq!(emulator.environments(), []);
    let first = post(emulator.function_url(), "text/plain", "hello").await;
    assert_eq!((first.status, first.environment()), (StatusCode::OK, EnvironmentId(1)));
    assert_eq!(first.text().await, "hello");
    eventually("asleep", || emulator.environments()[0].state == EnvironmentState::Frozen).await;
    let second = post(emulator.function_url(), "text/plain", "again").await;
    assert_eq!(second.environment(), EnvironmentId(1));
    assert_eq!(emulator.environments()[0].invocations, 2);
    assert_eq!(emulator.logs(EnvironmentId(1)), ["started"]);
}

#[tokio::test]
async fn every_environment_serves_one_request_at_a_time_in_a_process_of_its_own() {
    let gate = Gate::open().await;
    let emulator = emulator("stream").environments(3).env("GATE", gate.port()).start().await.unwrap();
    let url = format!("{}/gated", emulator.function_url());
    let replies = futures::future::join_all((0..3).map(|_| get(&url)));
    let (replies, held) =
        futures::join!(replies, async { [gate.held().await, gate.held().await, gate.held().await] });
    let mut environments: Vec<_> = replies.iter().map(Reply::environment).collect();
    environments.sort_unstable();
    assert_eq!(environments, [EnvironmentId(1), EnvironmentId(2), EnvironmentId(3)]);
    let mut pids: Vec<_> = held.iter().map(|held| held.pid).collect();
    pids.sort_unstable();
    let mut known: Vec<_> = emulator.environments().iter().map(|one| one.pid).collect();
    known.sort_unstable();
    assert_eq!(pids, known);
    // A fourth is one too many.
    assert_eq!(get(&url).await.status, StatusCode::TOO_MANY_REQUESTS);
    for (reply, mut held) in replies.into_iter().zip(held) {
        held.say("x").await;
        drop(held);
        drop(reply);
    }
}

#[tokio::test]
async fn an_environment_is_frozen_between_requests_and_wakes_for_the_next() {
    let gate = Gate::open().await;
    let emulator = emulator("stream").env("GATE", gate.port()).start().await.unwrap();
    for round in ["one", "two"] {
        let (reply, mut held) =
            futures::join!(get(format!("{}/gated", emulator.function_url())), gate.held());
        assert_ne!(process_state(held.pid), Some('T'));
        held.say(round).await;
        let pid = held.pid;
        drop(held);
        assert_eq!(reply.text().await, round);
        frozen(pid).await;
    }
}

#[tokio::test]
async fn an_environment_frozen_on_command_is_passed_over_until_it_is_thawed() {
    let gate = Gate::open().await;
    let emulator =
        emulator("stream").environments(2).timeout(SOON).env("GATE", gate.port()).start().await.unwrap();
    let (mut reply, mut held) =
        futures::join!(get(format!("{}/gated", emulator.function_url())), gate.held());
    let first = reply.environment();
    held.say("before").await;
    assert_eq!(reply.chunk().await.unwrap(), "before");

    emulator.freeze(first).unwrap();
    frozen(held.pid).await;
    held.say("during").await;
    assert_eq!(get(emulator.function_url()).await.environment(), EnvironmentId(2));
    assert_eq!(emulator.environments()[0].state, EnvironmentState::Frozen);

    emulator.thaw(first).unwrap();
    assert_eq!(reply.chunk().await.unwrap(), "during");
    drop(held);
    assert_eq!(reply.chunk().await, None);
}

#[tokio::test]
async fn a_sleeping_environment_that_is_thawed_runs_in_the_middle_of_nothing_and_still_serves() {
    let emulator = emulator("stream").start().await.unwrap();
    let id = get(emulator.function_url()).await.environment();
    let pid = emulator.environments()[0].pid;
    frozen(pid).await;
    emulator.thaw(id).unwrap();
    eventually("awake", || process_state(pid) != Some('T')).await;
    assert_eq!(get(emulator.function_url()).await.environment(), id);
    // An idle environment that is frozen on command is not thawed by a request.
    frozen(pid).await;
    emulator.freeze(id).unwrap();
    assert_eq!(get(emulator.function_url()).await.status, StatusCode::TOO_MANY_REQUESTS);
    emulator.thaw(id).unwrap();
    assert_eq!(get(emulator.function_url()).await.environment(), id);
}

#[tokio::test]
async fn after_a_kill_the_request_fails_and_the_next_meets_a_new_environment() {
    let gate = Gate::open().await;
    let emulator = emulator("events").env("GATE", gate.port()).start().await.unwrap();
    let (answer, held) = futures::join!(emulator.invoke(r#"{"do":"gate"}"#, None), async {
        let held = gate.held().await;
        emulator.kill(EnvironmentId(1)).unwrap();
        held
    });
    let answer = answer.unwrap();
    let error = answer.function_error().unwrap();
    assert_eq!(error.kind, "Runtime.ExitError");
    assert_eq!(
        error.message(),
        format!("RequestId: {} Error: Runtime exited with error: signal: killed", answer.request_id)
    );
    gone(held.pid).await;
    assert_eq!(emulator.invoke("{}", None).await.unwrap().environment, EnvironmentId(2));
    assert!(emulator.kill(EnvironmentId(1)).is_err());
    assert_eq!(emulator.logs(EnvironmentId(1)), ["started"]);
}

#[tokio::test]
async fn a_crash_is_an_error_of_the_invocation_and_the_next_meets_a_new_environment() {
    let emulator = emulator("events").start().await.unwrap();
    let answer = emulator.invoke(r#"{"do":"exit"}"#, None).await.unwrap();
    assert!(answer.function_error().unwrap().message().ends_with("Runtime exited with error: exit status 7"));
    assert_eq!(emulator.invoke("{}", None).await.unwrap().environment, EnvironmentId(2));
    // A panic is only an error: the environment lives on.
    let answer = emulator.invoke(r#"{"do":"panic"}"#, None).await.unwrap();
    assert!(answer.function_error().is_some());
    assert_eq!(emulator.invoke("{}", None).await.unwrap().environment, EnvironmentId(2));
}

#[tokio::test]
async fn at_the_deadline_the_invocation_fails_and_the_environment_is_killed() {
    let gate = Gate::open().await;
    let limit = Duration::from_millis(300);
    let emulator = emulator("events").timeout(limit).env("GATE", gate.port()).start().await.unwrap();
    let (answer, held) = futures::join!(emulator.invoke(r#"{"do":"gate"}"#, None), gate.held());
    let answer = answer.unwrap();
    let error = answer.function_error().unwrap();
    assert_eq!(error.kind, "Sandbox.Timedout");
    assert_eq!(
        error.message(),
        format!("RequestId: {} Error: Task timed out after 0.30 seconds", answer.request_id)
    );
    gone(held.pid).await;
    assert_eq!(emulator.invoke("{}", None).await.unwrap().environment, EnvironmentId(2));
}

#[tokio::test]
async fn a_deadline_also_reaches_an_environment_that_is_frozen() {
    let gate = Gate::open().await;
    let limit = Duration::from_millis(300);
    let emulator = emulator("events").timeout(limit).env("GATE", gate.port()).start().await.unwrap();
    let (answer, pid) = futures::join!(emulator.invoke(r#"{"do":"gate"}"#, None), async {
        let held = gate.held().await;
        emulator.freeze(EnvironmentId(1)).unwrap();
        held.pid
    });
    assert_eq!(answer.unwrap().function_error().unwrap().kind, "Sandbox.Timedout");
    gone(pid).await;
}

#[tokio::test]
async fn an_error_of_initialisation_is_the_error_of_the_request_it_was_for() {
    let emulator = emulator("init-error").start().await.unwrap();
    let answer = emulator.invoke("{}", None).await.unwrap();
    let error = answer.function_error().unwrap();
    assert_eq!((error.kind.as_str(), error.message().as_str()), ("Bare.NoConfig", "a variable is missing"));
    eventually("its last words", || {
        emulator.logs(answer.environment).iter().any(|line| line.contains("reported to Lambda"))
    })
    .await;
    assert_eq!(get(emulator.function_url()).await.status, StatusCode::BAD_GATEWAY);
}

#[tokio::test]
async fn an_end_during_initialisation_fails_the_request_it_was_for() {
    let emulator = emulator("init-exit").start().await.unwrap();
    let answer = emulator.invoke("{}", None).await.unwrap();
    assert!(answer.function_error().unwrap().message().ends_with("exit status 3"));
}

#[tokio::test]
async fn initialisation_has_a_limit_of_its_own() {
    let limit = Duration::from_millis(200);
    let emulator = emulator("init-hang").init_limit(limit).start().await.unwrap();
    let answer = emulator.invoke("{}", None).await.unwrap();
    let error = answer.function_error().unwrap();
    assert_eq!(error.kind, "Sandbox.Timedout");
    assert!(error.message().ends_with("Initialization timed out after 0.20 seconds"));
    eventually("killed", || emulator.environments().is_empty()).await;
}

#[tokio::test]
async fn spread_meets_every_environment_and_most_recently_used_only_one() {
    let served = async |routing, spread| {
        let emulator =
            emulator("events").environments(3).routing(routing).spread(spread).start().await.unwrap();
        let mut served = Vec::new();
        for _ in 0..6 {
            let answer = emulator.invoke("{}", None).await.unwrap();
            served.push(answer.environment.0);
            eventually("asleep", || {
                emulator.environments().iter().all(|one| one.state == EnvironmentState::Frozen)
            })
            .await;
        }
        served
    };
    assert_eq!(served(Routing::RoundRobin, true).await, [1, 2, 3, 1, 2, 3]);
    assert_eq!(served(Routing::MostRecentlyUsed, true).await, [1, 2, 3, 3, 3, 3]);
    assert_eq!(served(Routing::MostRecentlyUsed, false).await, [1; 6]);
    let random = served(Routing::Random { seed: 7 }, true).await;
    assert_eq!(random[..3], [1, 2, 3]);
}

#[tokio::test]
async fn when_all_are_busy_requests_wait_up_to_a_bound() {
    let gate = Gate::open().await;
    let emulator = emulator("events").queue(1).timeout(SOON).env("GATE", gate.port()).start().await.unwrap();
    let invoke = |payload: &'static str| emulator.invoke(payload, None);
    let first = async { invoke(r#"{"do":"gate"}"#).await.unwrap() };
    let rest = async {
        let held = gate.held().await;
        let mut waiting = std::pin::pin!(invoke("{}"));
        assert!(futures::poll!(&mut waiting).is_pending());
        assert_eq!(invoke("{}").await.unwrap_err(), InvokeError::Throttled);
        drop(held);
        waiting.await.unwrap()
    };
    let (first, second) = futures::join!(first, rest);
    assert_eq!((first.environment, second.environment), (EnvironmentId(1), EnvironmentId(1)));
}

#[tokio::test]
async fn a_request_that_waits_too_long_is_throttled_and_never_run() {
    let gate = Gate::open().await;
    let timeout = Duration::from_millis(100);
    let builder = emulator("events").queue(5).queue_timeout(timeout).timeout(SOON);
    let emulator = builder.env("GATE", gate.port()).start().await.unwrap();
    let first = async { emulator.invoke(r#"{"do":"gate"}"#, None).await.unwrap() };
    let rest = async {
        let held = gate.held().await;
        assert_eq!(emulator.invoke(r#"{"do":"exit"}"#, None).await.unwrap_err(), InvokeError::Throttled);
        drop(held);
    };
    futures::join!(first, rest);
    assert_eq!(emulator.invoke("{}", None).await.unwrap().environment, EnvironmentId(1));
}

#[tokio::test]
async fn a_sequential_client_is_never_throttled_by_the_moment_between_answer_and_poll() {
    let emulator = emulator("stream").start().await.unwrap();
    for _ in 0..50 {
        assert_eq!(get(emulator.function_url()).await.bytes().await.len(), 0);
    }
    assert_eq!(emulator.environments()[0].invocations, 50);
}

#[tokio::test]
async fn an_extension_is_what_gets_a_process_its_sigterm() {
    let graceful = emulator("graceful").shutdown_grace(SOON).start().await.unwrap();
    graceful.invoke("{}", None).await.unwrap();
    let pid = graceful.environments()[0].pid;
    frozen(pid).await;
    graceful.retire(EnvironmentId(1)).unwrap();
    eventually("its last words", || graceful.logs(EnvironmentId(1)).contains(&"going gracefully".to_owned()))
        .await;
    gone(pid).await;
    assert_eq!(graceful.invoke("{}", None).await.unwrap().environment, EnvironmentId(2));
    graceful.shutdown().await;

    let plain = emulator("events").shutdown_grace(SOON).start().await.unwrap();
    plain.invoke("{}", None).await.unwrap();
    plain.retire(EnvironmentId(1)).unwrap();
    eventually("gone", || plain.environments().is_empty()).await;
    assert_eq!(plain.logs(EnvironmentId(1)), ["started"]);
}

#[tokio::test]
async fn no_process_outlives_its_emulator() {
    let start = async || {
        let emulator = emulator("events").environments(2).spread(true).start().await.unwrap();
        emulator.invoke("{}", None).await.unwrap();
        emulator.invoke("{}", None).await.unwrap();
        let pids: Vec<u32> = emulator.environments().iter().map(|one| one.pid).collect();
        assert_eq!(pids.len(), 2);
        (emulator, pids)
    };
    let (shut_down, mut pids) = start().await;
    shut_down.shutdown().await;
    assert!(pids.iter().all(|pid| process_state(*pid).is_none()));
    let (dropped, more) = start().await;
    drop(dropped);
    pids.extend(more);
    for pid in pids {
        gone(pid).await;
    }
}

#[tokio::test]
async fn a_set_up_that_cannot_work_is_refused_at_the_start() {
    let missing = Emulator::builder().binary("/no/such/file").start().await;
    assert!(matches!(missing, Err(StartError::Binary { .. })));
    assert!(matches!(Emulator::builder().start().await, Err(StartError::NoBinary)));
    assert!(matches!(
        emulator("events").environments(0).start().await,
        Err(StartError::Zero("environments"))
    ));
    // A file that cannot be run is found out by the first request.
    let text = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let emulator = Emulator::builder().binary(text).start().await.unwrap();
    let answer = emulator.invoke("{}", None).await.unwrap();
    assert_eq!(answer.function_error().unwrap().kind, "Runtime.InvalidEntrypoint");
}
