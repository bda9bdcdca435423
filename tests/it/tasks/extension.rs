//! The tasks extension of 2026-07-28, as its clients meet it: each trap of its wire format is a test.
//! <https://github.com/modelcontextprotocol/ext-tasks/blob/main/specification/draft/tasks.md> (read 2026-11-27).

use std::{sync::atomic::Ordering, time::Duration};

use mcp_lambda_server::Principal;
use serde_json::{Value, json};
use test_support::{refused, result};

use super::jobs::{EXTENSION, ask, bare, created, declared, get, start, undeclared, until, world};

#[tokio::test(start_paused = true)]
async fn a_call_is_answered_with_a_flat_task_that_is_readable_at_once() {
    let world = world(2);
    let task = bare(created(&world.servers[0], "steps").await);
    let id = task["taskId"].as_str().expect("an id").to_owned();
    assert_eq!(
        task,
        json!({
            "resultType": "task",
            "taskId": id,
            "status": "working",
            "createdAt": "2027-01-15T08:00:00.000Z",
            "lastUpdatedAt": "2027-01-15T08:00:00.000Z",
            "ttlMs": 3_600_000,
            "pollIntervalMs": 1_000,
        }),
        "no task in a task, no result, no requestState, and no names of 2025-11-25"
    );
    let read = bare(get(&world.servers[1], &id).await);
    assert_eq!((&read["resultType"], &read["status"]), (&json!("complete"), &json!("working")));
    assert!(["result", "error", "inputRequests"].iter().all(|field| read.get(field).is_none()), "{read}");
}

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
async fn a_client_without_the_extension_gets_the_result_itself() {
    let world = world(1);
    world.gate.add_permits(3);
    // The parameter of 2025-11-25 is ignored.
    let call = json!({ "name": "steps", "arguments": {}, "task": { "ttl": 60_000 } });
    let reply = result(undeclared("tools/call", call).send(&world.servers[0]).await).await;
    assert_eq!((&reply["resultType"], reply.get("taskId")), (&json!("complete"), None));
    let call = json!({ "name": "only", "arguments": {} });
    let (status, code, body) = refused(undeclared("tools/call", call).send(&world.servers[0]).await).await;
    assert_eq!((status, code), (400, -32021));
    assert_eq!(body["error"]["data"]["requiredCapabilities"]["extensions"], json!({ EXTENSION: {} }));
}

#[tokio::test(start_paused = true)]
async fn methods_of_tasks_are_for_clients_that_declare_the_extension() {
    let world = world(1);
    let id = start(&world.servers[0], "steps").await;
    for id in [id.as_str(), "made-up"] {
        for (method, params) in [
            ("tasks/get", json!({ "taskId": id })),
            ("tasks/update", json!({ "taskId": id, "inputResponses": {} })),
            ("tasks/cancel", json!({ "taskId": id })),
        ] {
            let (status, code, body) =
                refused(undeclared(method, params).send(&world.servers[0]).await).await;
            assert_eq!((status, code), (400, -32021), "{method} {id}");
            assert_eq!(body["error"]["data"]["requiredCapabilities"]["extensions"], json!({ EXTENSION: {} }));
        }
    }
    for method in ["tasks/result", "tasks/list"] {
        let (status, code, _) =
            refused(declared(method, json!({ "taskId": id })).send(&world.servers[0]).await).await;
        assert_eq!((status, code), (404, -32601), "{method}");
    }
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
async fn an_error_of_the_protocol_fails_a_task_and_an_error_of_the_tool_completes_it() {
    let world = world(1);
    let id = start(&world.servers[0], "breaks").await;
    let task = until(&world.servers[0], &id, "failed").await;
    assert_eq!(task["error"], json!({ "code": -32603, "message": "the job is broken" }));
    assert_eq!((&task["statusMessage"], task.get("result")), (&json!("the job is broken"), None));
    let id = start(&world.servers[0], "panics").await;
    assert_eq!(until(&world.servers[0], &id, "failed").await["error"]["code"], -32603);
    let id = start(&world.servers[0], "only").await;
    let task = until(&world.servers[0], &id, "completed").await;
    assert_eq!((&task["result"]["isError"], task.get("error")), (&json!(true), None));
}

#[tokio::test(start_paused = true)]
async fn cancelling_is_acknowledged_with_nothing_else_and_stops_the_tool() {
    let world = world(2);
    for tool in ["endless", "deaf"] {
        let id = start(&world.servers[0], tool).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
        // On another environment than the one that runs it.
        let ack = ask(&world.servers[1], "tasks/cancel", json!({ "taskId": id })).await;
        assert_eq!(bare(ack), json!({ "resultType": "complete" }));
        let task = until(&world.servers[1], &id, "cancelled").await;
        assert!(task.get("result").is_none() && task.get("error").is_none(), "{task}");
        let again = ask(&world.servers[1], "tasks/cancel", json!({ "taskId": id })).await;
        assert_eq!(bare(again), json!({ "resultType": "complete" }), "one that has ended, too");
    }
}

#[tokio::test(start_paused = true)]
async fn open_questions_are_listed_until_each_is_answered() {
    let world = world(2);
    let id = start(&world.servers[0], "asks").await;
    let keys = |task: &Value| -> Vec<String> {
        task["inputRequests"].as_object().into_iter().flat_map(|asked| asked.keys().cloned()).collect()
    };
    let task = until(&world.servers[1], &id, "input_required").await;
    assert_eq!(keys(&task), ["one", "two"]);
    assert_eq!(task["inputRequests"]["one"]["method"], "elicitation/create");
    assert_eq!(task["inputRequests"]["one"]["params"]["message"], "one?");
    let answer = async |key: &str, name: &str| {
        let responses = json!({ key: { "action": "accept", "content": { "name": name } }, "unknown": {} });
        let ack =
            ask(&world.servers[1], "tasks/update", json!({ "taskId": id, "inputResponses": responses }))
                .await;
        assert_eq!(bare(ack), json!({ "resultType": "complete" }));
    };
    answer("one", "Ada").await;
    let task = get(&world.servers[1], &id).await;
    assert_eq!((&task["status"], keys(&task)), (&json!("input_required"), vec!["two".to_owned()]));
    answer("one", "changed").await;
    answer("two", "Bob").await;
    let task = until(&world.servers[1], &id, "completed").await;
    assert_eq!(task["result"]["content"][0]["text"], r#""Ada" "Bob""#);
}

#[tokio::test(start_paused = true)]
async fn the_name_header_is_the_id_of_the_task() {
    let world = world(1);
    let id = start(&world.servers[0], "steps").await;
    let get = declared("tasks/get", json!({ "taskId": id }));
    for spoiled in [get.clone().header("mcp-name", "another"), get.clone().without("mcp-name")] {
        let (status, code, _) = refused(spoiled.send(&world.servers[0]).await).await;
        assert_eq!((status, code), (400, -32020));
    }
    assert_eq!(get.send(&world.servers[0]).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn the_rounds_of_a_call_end_before_its_task() {
    let world = world(1);
    let call = json!({ "name": "greets", "arguments": {} });
    let first = result(declared("tools/call", call.clone()).send(&world.servers[0]).await).await;
    assert_eq!((&first["resultType"], first.get("taskId")), (&json!("input_required"), None));
    let mut second = call;
    second["inputResponses"] = json!({ "name": { "action": "accept", "content": { "name": "Ada" } } });
    second["requestState"] = first["requestState"].clone();
    let task = result(declared("tools/call", second).send(&world.servers[0]).await).await;
    assert_eq!((&task["resultType"], task.get("requestState")), (&json!("task"), None));
    let id = task["taskId"].as_str().expect("an id");
    let task = until(&world.servers[0], id, "completed").await;
    assert_eq!(task["result"]["content"][0]["text"], r#"Hello, "Ada""#);
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
