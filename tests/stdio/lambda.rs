//! Through Lambda: the process of an environment, from one invocation to the next.

use std::time::Duration;

use lambda_emulator::{Builder, Emulator, Routing};
use test_support::{refused, transport::Http};

use super::{
    suspended::{answering, asking},
    *,
};

pub(crate) async fn emulated(environments: usize, options: &[&str]) -> Emulator {
    emulated_within(Duration::from_secs(20), environments, options).await
}

pub(crate) async fn emulated_within(timeout: Duration, environments: usize, options: &[&str]) -> Emulator {
    let function = function(environments, &[], options).timeout(timeout);
    function.start().await.expect("an emulator")
}

/// A function that runs a scripted server. `own`: options of the function itself.
pub(crate) fn function(environments: usize, own: &[&str], options: &[&str]) -> Builder {
    let server = env!("CARGO_BIN_EXE_scripted-server");
    let args: Vec<_> = own.iter().copied().chain(["--", server]).chain(options.iter().copied()).collect();
    Emulator::builder()
        .binary(env!("CARGO_BIN_EXE_stdio-function"))
        .environments(environments)
        .routing(Routing::RoundRobin)
        .spread(environments > 1)
        .env("STDIO_FUNCTION_ARGS", json!(args).to_string())
        .env("MCP_STATE_KEYS", "one:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=")
        .timeout(Duration::from_secs(20))
}

pub(crate) fn http(emulator: &Emulator) -> Http {
    Http(emulator.function_url().trim_end_matches('/').to_owned())
}

pub(crate) async fn count(emulator: &Emulator) -> Value {
    result(call("count", json!({})).send(&http(emulator)).await).await["structuredContent"].clone()
}

#[tokio::test]
async fn an_environment_keeps_its_process_from_one_invocation_to_the_next() {
    let emulator = emulated(1, &[]).await;
    let first = count(&emulator).await;
    for expected in 2..=5 {
        let again = count(&emulator).await;
        assert_eq!((&again["count"], &again["pid"]), (&json!(expected), &first["pid"]));
    }
    emulator.shutdown().await;
}

#[tokio::test]
async fn each_of_four_environments_has_a_process_and_all_answer_alike() {
    for speaks in ["2025-11-25", "2026-07-28"] {
        let emulator = emulated(4, &["--speaks", speaks]).await;
        let mut pids = std::collections::BTreeSet::new();
        for _ in 0..8 {
            pids.insert(count(&emulator).await["pid"].to_string());
        }
        assert_eq!(pids.len(), 4, "{speaks}");
        // A round that one environment begins, another one ends: the call is made again there.
        let asked = result(asking("look").send(&http(&emulator)).await).await;
        assert_eq!(asked["resultType"], "input_required", "{asked}");
        let done = result(answering("look", &asked).send(&http(&emulator)).await).await;
        assert_eq!(done["resultType"], "complete", "{done}");
        emulator.shutdown().await;
    }
}

#[tokio::test]
async fn a_call_that_waits_for_its_client_goes_on_in_its_environment_and_in_no_other() {
    let one = emulated(1, &[]).await;
    let asked = result(asking("ask").send(&http(&one)).await).await;
    let done = result(answering("ask", &asked).send(&http(&one)).await).await;
    assert_eq!((&done["resultType"], &done["structuredContent"]["calls"]), (&json!("complete"), &json!(1)));
    one.shutdown().await;

    // Nothing in this tool says that it may be called twice.
    let two = emulated(2, &[]).await;
    let asked = result(asking("ask").send(&http(&two)).await).await;
    let (_, code, body) = refused(answering("ask", &asked).send(&http(&two)).await).await;
    let text = body["error"]["message"].as_str().expect("a text");
    assert!(code == -32602 && text.contains("declares neither readOnlyHint nor idempotentHint"), "{text}");
    let done = result(answering("ask", &asked).send(&http(&two)).await).await;
    assert_eq!(done["structuredContent"]["calls"], 1, "it still waits where it has asked: {done}");
    two.shutdown().await;
}

#[tokio::test]
async fn a_process_on_lambda_writes_to_tmp_and_does_not_see_the_runtime_api() {
    let emulator = emulated(1, &[]).await;
    let seen =
        result(call("env", json!({})).send(&http(&emulator)).await).await["structuredContent"]["env"].clone();
    assert_eq!(seen.get("AWS_LAMBDA_RUNTIME_API"), None);
    assert_eq!(seen.get("MCP_STATE_KEYS"), None);
    assert!(seen["AWS_REGION"].is_string() && seen["AWS_LAMBDA_FUNCTION_NAME"].is_string(), "{seen}");
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_command_that_crashes_is_an_error_of_each_call_and_not_of_the_environment() {
    let emulator = emulated(1, &["--exits", "3"]).await;
    for _ in 0..3 {
        let (_, code, body) = refused(call("count", json!({})).send(&http(&emulator)).await).await;
        assert_eq!(code, -32603);
        assert!(
            body["error"]["message"].as_str().is_some_and(|text| text.contains("cannot find its database")),
            "{body}"
        );
    }
    emulator.shutdown().await;
}
