//! The lines of which CloudWatch makes metrics, as a function writes them.

use std::time::Duration;

use http::StatusCode;
use lambda_emulator::{Emulator, EnvironmentId};
use serde_json::{Value, json};

use crate::support::*;

/// What the tests of the construct evaluate its alarms with.
const LINES: &str = include_str!("../../../fixtures/metric-lines.jsonl");

/// The lines of metrics so far.
fn lines(emulator: &Emulator) -> Vec<Value> {
    let lines = emulator.logs(EnvironmentId(1));
    let lines = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["_aws"].is_object()).collect()
}

/// Lines without what differs between two runs: times, and which of two requests ends after the event was sent.
fn comparable(mut lines: Vec<Value>) -> Vec<Value> {
    let mut with_lag = 0;
    for line in &mut lines {
        line["_aws"]["Timestamp"] = 0.into();
        if !line["Duration"].is_null() {
            line["Duration"] = 0.into();
        }
        if line.as_object_mut().unwrap().remove("EventLag").is_some() {
            with_lag += 1;
            for directive in line["_aws"]["CloudWatchMetrics"].as_array_mut().unwrap() {
                directive["Metrics"].as_array_mut().unwrap().retain(|metric| metric["Name"] != "EventLag");
            }
        }
    }
    assert_eq!(with_lag, 1);
    lines
}

/// A call, a stream, and each thing that an alarm is about. The construct is tested with the same lines.
#[tokio::test]
async fn a_function_writes_the_lines_that_the_alarms_are_tested_with() {
    let streams = function().env("MCP_STREAMS_PER_PROCESS", "1").concurrency(2);
    let emulator = streams.timeout(Duration::from_secs(60)).shutdown_grace(SOON).start().await.unwrap();
    let mut open = listen().send_to(&emulator).await;
    assert_eq!(open.message().await["method"], "notifications/subscriptions/acknowledged");
    let refused = listen().send_to(&emulator).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    refused.bytes().await;
    for (tool, arguments) in [
        ("echo", json!({ "message": "on" })),
        ("failing", json!({})),
        ("failing", json!({ "fails": true })),
        ("invented \"by\" a client", json!({})),
        ("change", json!({})),
    ] {
        call(tool, arguments).send_to(&emulator).await.bytes().await;
    }
    assert_eq!(open.message().await["method"], "notifications/tools/list_changed");
    call("echo", json!({ "message": "on" })).send_to(&emulator).await.bytes().await;
    eventually("the lines of all requests but the stream", || lines(&emulator).len() == 7).await;
    emulator.retire(EnvironmentId(1)).unwrap();
    open.bytes().await;
    eventually("the line of the stream", || lines(&emulator).len() == 8).await;
    let written = lines(&emulator);
    let text: String = written.iter().map(|line| format!("{line}\n")).collect();
    let expected = LINES.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(comparable(written), comparable(expected), "{text}");
}

/// Lambda drops lines below the log level of the function, those of metrics too.
#[tokio::test]
async fn a_line_has_the_level_that_lambda_lets_through() {
    for (variable, level) in [("ERROR", "ERROR"), ("WARN", "WARN"), ("DEBUG", "INFO")] {
        let emulator = function().env("AWS_LAMBDA_LOG_LEVEL", variable).start().await.unwrap();
        call("echo", json!({ "message": "on" })).send_to(&emulator).await.bytes().await;
        eventually("its line", || lines(&emulator).len() == 1).await;
        assert_eq!(lines(&emulator)[0]["level"], level);
    }
}

/// Each call that the store is asked counts, also those that a stored reply makes behind the client's back.
#[tokio::test]
async fn calls_to_the_store_are_those_of_the_request() {
    let database = Database::start().await;
    let emulator = database.behind(function()).timeout(SOON).start().await.unwrap();
    for (tool, arguments, at_least) in
        [("echo", json!({ "message": "on" }), 0), ("count", json!({ "name": "all" }), 1)]
    {
        let before = lines(&emulator).len();
        call(tool, arguments).send_to(&emulator).await.bytes().await;
        eventually("its line", || lines(&emulator).len() > before).await;
        let trips = lines(&emulator).last().unwrap()["StoreRoundTrips"].as_u64().unwrap();
        assert!(trips >= at_least && trips <= at_least * 4, "{tool}: {trips}");
    }
}
