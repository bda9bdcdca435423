//! One environment for several requests, as on Managed Instances; and for one, as everywhere else.

use std::time::Duration;

use futures::future::join_all;
use http::StatusCode;
use serde_json::json;
use tokio::time::Instant;

use crate::support::*;

#[tokio::test]
async fn eight_slow_calls_at_once_are_served_by_one_process() {
    let gate = Gate::open().await;
    let emulator = function().env("GATE", gate.port()).timeout(SOON).concurrency(8).start().await.unwrap();
    let calls = join_all((0..8).map(|_| call("gated", json!({})).send_to(&emulator)));
    let held = async {
        let mut all = Vec::new();
        for _ in 0..8 {
            all.push(gate.held().await);
        }
        // All eight are at work now. Each gets only its own word.
        for (at, held) in all.iter_mut().enumerate() {
            held.say(&at.to_string()).await;
            held.let_go().await;
        }
        all
    };
    let (replies, held) = tokio::join!(calls, held);
    assert_eq!(emulator.environments().len(), 1);
    let pid = emulator.environments()[0].pid;
    assert!(held.iter().all(|held| held.pid == pid));
    let mut texts = join_all(replies.into_iter().map(Reply::tool_text)).await;
    texts.sort_unstable();
    assert_eq!(texts, ["0", "1", "2", "3", "4", "5", "6", "7"]);
}

#[tokio::test]
async fn a_process_has_one_thread_for_one_request_at_a_time_and_several_for_several() {
    let mut counts = Vec::new();
    for concurrency in [1, 8] {
        let emulator = function().concurrency(concurrency).start().await.unwrap();
        assert_eq!(call("echo", json!({ "message": "on" })).send_to(&emulator).await.tool_text().await, "on");
        counts.push(threads(emulator.environments()[0].pid));
    }
    assert!(counts[0] <= 2, "{counts:?}");
    assert!(counts[1] > counts[0], "{counts:?}");
}

#[tokio::test]
async fn a_listen_stream_gets_the_change_of_another_request() {
    let builder = function().timeout(Duration::from_secs(60)).env("MCP_STREAM_SECONDS", "30");
    let emulator = builder.concurrency(8).start().await.unwrap();
    let mut listener = listen().send_to(&emulator).await;
    let first = listener.message().await;
    assert_eq!(first["method"], "notifications/subscriptions/acknowledged");
    assert_eq!(call("change", json!({})).send_to(&emulator).await.tool_text().await, "changed");
    assert_eq!(listener.message().await["method"], "notifications/tools/list_changed");
}

/// A Managed Instance that is full of streams, and an event from another one: the process polls the log once for
/// all of them.
#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_streams_of_one_process_share_one_tail_and_all_are_served() {
    const STREAMS: u32 = 64;
    let database = Database::start().await;
    let function = function()
        .environments(2)
        .concurrency(STREAMS)
        .timeout(Duration::from_secs(60))
        .env("MCP_STREAM_SECONDS", "50")
        .env("MCP_STREAMS_PER_PRINCIPAL", "64");
    let emulator = database.behind(function).start().await.unwrap();
    let open = async || {
        let mut stream = listen().send_to(&emulator).await;
        let first = stream.message().await;
        assert_eq!(first["method"], "notifications/subscriptions/acknowledged", "{first}");
        stream
    };
    // The first one is waited for: two requests at once start two environments.
    let mut streams = vec![open().await];
    streams.extend(join_all((1..STREAMS).map(|_| open())).await);
    assert_eq!(emulator.environments().len(), 1, "all of them are held by one process");
    let (polls, began) = (database.asked("GetItem"), Instant::now());
    for _ in 0..20 {
        assert_eq!(call("change", json!({})).send_to(&emulator).await.tool_text().await, "changed");
        let heard = join_all(streams.iter_mut().map(Reply::message)).await;
        for message in heard {
            assert_eq!(message["method"], "notifications/tools/list_changed");
        }
    }
    assert_eq!(emulator.environments().len(), 2, "the change came from another one");
    let polls = database.asked("GetItem") - polls;
    // One tail asks ten times a second and a quarter more by its jitter, and once for each change of its own process.
    let most = 2 + usize::try_from(began.elapsed().as_millis() / 75).unwrap();
    assert!((20..=most).contains(&polls), "{polls} polls for {STREAMS} streams, {most} at most for one tail");
    println!("{STREAMS} streams of one process, 20 events in {:?}: {polls} polls", began.elapsed());
}

#[tokio::test]
async fn a_call_that_takes_too_long_ends_alone() {
    let gate = Gate::open().await;
    let builder = function().env("GATE", gate.port()).timeout(Duration::from_secs(3));
    let emulator = builder.concurrency(8).start().await.unwrap();
    let (late, (mut held, others)) = tokio::join!(call("stubborn", json!({})).send_to(&emulator), async {
        let held = gate.held().await;
        let others = (0..7).map(|_| call("echo", json!({ "message": "on" })).send_to(&emulator));
        (held, join_all(others).await)
    });
    assert!(others.iter().all(|reply| reply.status == StatusCode::OK));
    assert_eq!(late.json().await["error"]["code"], -32603);
    assert_eq!(held.report().await, None);
    assert!(alive(held.pid));
}

#[tokio::test]
async fn an_answer_that_comes_too_late_is_not_taken_and_the_environment_serves_on() {
    let gate = Gate::open().await;
    let builder = function().env("GATE", gate.port()).timeout(Duration::from_secs(1));
    let emulator = builder.concurrency(2).start().await.unwrap();
    // The deadline of an environment for several requests kills nothing.
    let (late, mut held) = tokio::join!(call("block", json!({})).send_to(&emulator), gate.held());
    assert_eq!(late.status, StatusCode::BAD_GATEWAY);
    held.let_go().await;
    assert_eq!(held.report().await, None);
    eventually("the response is not accepted", || complaints(&emulator) > 0).await;
    for _ in 0..4 {
        let replies = [(); 2].map(|()| call("echo", json!({ "message": "on" })).send_to(&emulator));
        assert!(join_all(replies).await.iter().all(|reply| reply.status == StatusCode::OK));
    }
    assert_eq!(emulator.environments()[0].pid, held.pid);
}

#[tokio::test]
async fn a_panic_and_a_broken_body_end_alone() {
    let gate = Gate::open().await;
    let emulator = function().env("GATE", gate.port()).timeout(SOON).concurrency(8).start().await.unwrap();
    let session = initialize(&emulator).await;
    let (held_reply, (mut held, failed)) =
        tokio::join!(tool(&session, "gated", json!({})).send_to(&emulator), async {
            let mut held = gate.held().await;
            held.say("one").await;
            let broken = call("echo", json!({ "message": "x" })).header("x-break", "panic");
            let panics = [call("panic", json!({ "after": 1 })), get("/panic"), broken];
            let failed = join_all(panics.map(|request| request.send_to(&emulator))).await;
            held.let_go().await;
            (held, failed)
        });
    assert_eq!(held_reply.tool_text().await, "one");
    assert_eq!(held.report().await.as_deref(), Some("done"));
    let statuses: Vec<u16> = failed.iter().map(|reply| reply.status.as_u16()).collect();
    assert_eq!(statuses, [200, 502, 200]);
    assert_eq!(emulator.environments().len(), 1);
}

#[tokio::test]
async fn an_environment_that_is_taken_down_ends_all_its_streams_with_their_results() {
    let emulator = function().timeout(Duration::from_secs(60)).concurrency(8).start().await.unwrap();
    let mut streams = join_all((0..4).map(|_| listen().send_to(&emulator))).await;
    for stream in &mut streams {
        assert_eq!(stream.message().await["method"], "notifications/subscriptions/acknowledged");
    }
    emulator.retire(streams[0].environment()).unwrap();
    for mut stream in streams {
        assert_eq!(stream.message().await["result"]["resultType"], "complete");
        assert_eq!(stream.event().await, None);
    }
}
