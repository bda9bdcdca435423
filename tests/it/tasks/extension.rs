//! The tasks extension of 2026-07-28, as its clients meet it. Its wire format is in `wire.rs`.
//! <https://github.com/modelcontextprotocol/ext-tasks/blob/main/specification/draft/tasks.md> (read 2026-11-27).

use std::{sync::atomic::Ordering, time::Duration};

use mcp_lambda_server::Principal;
use serde_json::json;
use test_support::{refused, result};

use super::jobs::{EXTENSION, bare, declared, get, start, undeclared, until, world};

#[tokio::test(start_paused = true)]
async fn a_finished_task_has_the_bare_result_of_its_tool() {
    let world = world(2);
    let id = start(&world.servers[0], "steps").await;
    world.gate.add_permits(3);
    let task = bare(until(&world.servers[1], &id, "completed").await);
    assert_eq!(task["resultType"], "complete");
    assert_eq!(task["statusMessage"], "step 3 of 3");
    assert_eq!(task["result"]["content"][0]["text"], "from 0, as anonymous");
    assert!(
        task["result"]
            .get("_meta")
            .is_none_or(|meta| meta.get("io.modelcontextprotocol/related-task").is_none())
    );
    assert!(task.get("error").is_none() && task.get("inputRequests").is_none(), "{task}");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_task_and_one_of_another_caller_are_the_same() {
    let world = world(1);
    let ada = Principal::new("issuer", "ada");
    let call = declared("tools/call", json!({ "name": "steps", "arguments": {} })).extension(ada.clone());
    let task = result(call.send(&world.servers[0]).await).await;
    let id = task["taskId"].as_str().expect("an id");
    let mut texts = Vec::new();
    for id in [id, "0123456789abcdef0123456789abcdef", "made-up"] {
        for (method, params) in [
            ("tasks/get", json!({ "taskId": id })),
            ("tasks/update", json!({ "taskId": id, "inputResponses": {} })),
            ("tasks/cancel", json!({ "taskId": id })),
        ] {
            let bob = declared(method, params).extension(Principal::new("issuer", "bob"));
            let (status, code, body) = refused(bob.send(&world.servers[0]).await).await;
            assert_eq!((status, code), (200, -32602), "{method} {id}");
            texts.push(body["error"]["message"].as_str().expect("a text").to_owned());
        }
    }
    texts.dedup();
    assert_eq!(texts.len(), 1, "{texts:?}");
    let own = declared("tasks/get", json!({ "taskId": id })).extension(ada);
    assert_eq!(result(own.send(&world.servers[0]).await).await["status"], "working");
    world.clock.advance(Duration::from_secs(3_600));
    let expired = declared("tasks/get", json!({ "taskId": id })).extension(Principal::new("issuer", "ada"));
    assert_eq!(refused(expired.send(&world.servers[0]).await).await.1, -32602);
}

#[tokio::test(start_paused = true)]
async fn a_task_goes_on_from_its_checkpoint_in_another_environment() {
    let world = world(2);
    let id = start(&world.servers[0], "steps").await;
    world.gate.add_permits(2);
    while get(&world.servers[1], &id).await["statusMessage"] != "step 2 of 3" {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // A process that stops gives its tasks back.
    world.servers[0].stop();
    tokio::time::sleep(Duration::from_millis(10)).await;
    world.gate.add_permits(1);
    world.clock.advance(Duration::from_secs(60));
    let task = until(&world.servers[1], &id, "completed").await;
    assert_eq!(task["result"]["content"][0]["text"], "from 2, as anonymous");
    assert_eq!(world.done.load(Ordering::SeqCst), 3, "no step is done twice");
}

#[tokio::test(start_paused = true)]
async fn messages_of_a_task_go_nowhere_and_do_not_stop_it() {
    let world = world(1);
    let id = start(&world.servers[0], "chatty").await;
    let task = until(&world.servers[0], &id, "completed").await;
    assert_eq!(task["result"]["content"][0]["text"], "true true");
}

#[tokio::test(start_paused = true)]
async fn the_extension_is_declared_to_clients_of_2026_07_28_only() {
    let world = world(1);
    let discovered = result(undeclared("server/discover", json!({})).send(&world.servers[0]).await).await;
    assert_eq!(discovered["capabilities"]["extensions"], json!({ EXTENSION: {} }));
    assert_eq!(discovered["capabilities"].get("tasks"), None);
    for version in test_support::session::VERSIONS {
        let opened = test_support::request::initialize_request(version, json!({}));
        let opened = result(opened.send(&world.servers[0]).await).await;
        assert_eq!(opened["capabilities"].get("extensions"), None, "{version}");
    }
}
