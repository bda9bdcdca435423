//! Through Lambda: the process of an environment, from one invocation to the next.

use std::time::Duration;

use lambda_emulator::{Emulator, Routing};
use test_support::{stateless_with, transport::Http};

use super::*;

async fn emulated(environments: usize, options: &[&str]) -> Emulator {
    let server = env!("CARGO_BIN_EXE_scripted-server");
    let args: Vec<_> = ["--", server].into_iter().chain(options.iter().copied()).collect();
    Emulator::builder()
        .binary(env!("CARGO_BIN_EXE_stdio-function"))
        .environments(environments)
        .routing(Routing::RoundRobin)
        .spread(environments > 1)
        .env("STDIO_FUNCTION_ARGS", json!(args).to_string())
        .env("MCP_STATE_KEYS", "one:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=")
        .timeout(Duration::from_secs(20))
        .start()
        .await
        .expect("an emulator")
}

fn http(emulator: &Emulator) -> Http {
    Http(emulator.function_url().trim_end_matches('/').to_owned())
}

async fn count(emulator: &Emulator) -> Value {
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
        // A round that one environment begins, another one ends.
        let question = json!({ "method": "roots/list" });
        let form = json!({ "method": "elicitation/create", "params": { "message": "?", "requestedSchema": { "type": "object", "properties": {} } } });
        for (question, capabilities) in
            [(form, json!({ "elicitation": {} })), (question, json!({ "roots": {} }))]
        {
            let is_roots = question["method"] == "roots/list";
            let asking = || {
                stateless_with(
                    json!(1),
                    "tools/call",
                    json!({ "name": "ask", "arguments": question.clone() }),
                    capabilities.clone(),
                )
            };
            let asked = result(asking().send(&http(&emulator)).await).await;
            if is_roots && speaks == "2025-11-25" {
                assert!(
                    asked["structuredContent"]["error"]["message"].is_string(),
                    "roots are not passed on: {asked}"
                );
                continue;
            }
            let key = asked["inputRequests"]
                .as_object()
                .and_then(|asks| asks.keys().next())
                .expect("a question")
                .clone();
            let again = asking().edit(|body| {
                body["params"]["requestState"] = asked["requestState"].clone();
                body["params"]["inputResponses"] = json!({ key: { "action": "decline" } });
            });
            let done = result(again.send(&http(&emulator)).await).await;
            assert_eq!(done["resultType"], "complete", "{done}");
        }
        emulator.shutdown().await;
    }
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
        let (_, code, body) =
            test_support::refused(call("count", json!({})).send(&http(&emulator)).await).await;
        assert_eq!(code, -32603);
        assert!(
            body["error"]["message"].as_str().is_some_and(|text| text.contains("cannot find its database")),
            "{body}"
        );
    }
    emulator.shutdown().await;
}
