//! The traps of the wire format of the tasks extension (2026-07-28): each is a test.
//! <https://github.com/modelcontextprotocol/ext-tasks/blob/main/specification/draft/tasks.md> (read 2026-11-27).

use std::time::Duration;

use mcp_lambda_server::Event;
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
async fn a_task_has_the_names_of_its_revision_in_every_shape() {
    let world = world(1);
    let server = &world.servers[0];
    let mut shapes = vec![created(server, "steps").await, get(server, &start(server, "steps").await).await];
    for (tool, status) in [("asks", "input_required"), ("breaks", "failed"), ("only", "completed")] {
        shapes.push(until(server, &start(server, tool).await, status).await);
    }
    let endless = start(server, "endless").await;
    ask(server, "tasks/cancel", json!({ "taskId": endless })).await;
    shapes.push(until(server, &endless, "cancelled").await);
    let post = declared("subscriptions/listen", json!({ "notifications": { "taskIds": [endless] } }));
    shapes.extend(post.send(server).await.messages().await.into_iter().filter_map(|mut message| {
        (message["method"] == "notifications/tasks").then(|| message["params"].take())
    }));
    assert_eq!(shapes.len(), 7);
    for shape in shapes {
        assert!(shape.get("ttlMs").is_some_and(|ttl| ttl.is_u64() || ttl.is_null()), "{shape}");
        assert!(shape["pollIntervalMs"].is_u64(), "{shape}");
        assert!(["ttl", "pollInterval", "task"].iter().all(|name| shape.get(name).is_none()), "{shape}");
    }
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

/// A key stands for its question as long as the task lives.
#[tokio::test(start_paused = true)]
async fn another_attempt_asks_under_the_same_keys_and_an_answered_one_does_not_come_back() {
    let world = world(2);
    let id = start(&world.servers[0], "asks").await;
    let before = until(&world.servers[1], &id, "input_required").await["inputRequests"].clone();
    let answer = json!({ "action": "accept", "content": { "name": "Ada" } });
    ask(&world.servers[1], "tasks/update", json!({ "taskId": id, "inputResponses": { "one": answer } }))
        .await;
    world.servers[0].stop();
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.clock.advance(Duration::from_secs(120));
    tokio::time::sleep(Duration::from_secs(60)).await;
    let task = world.stores.tasks.load(&id.parse().expect("an id")).await.expect("read").expect("a task");
    assert_eq!(task.value.state.token(), 2, "another worker has it");
    let after = get(&world.servers[1], &id).await["inputRequests"].clone();
    assert_eq!(after, json!({ "two": before["two"] }));
    ask(&world.servers[1], "tasks/update", json!({ "taskId": id, "inputResponses": { "two": answer } }))
        .await;
    let task = until(&world.servers[1], &id, "completed").await;
    assert_eq!(task["result"]["content"][0]["text"], r#""Ada" "Ada""#);
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
async fn a_task_that_has_ended_is_cancelled_with_an_acknowledgement_and_stays_as_it_is() {
    let world = world(1);
    let server = &world.servers[0];
    for (tool, status) in [("only", "completed"), ("breaks", "failed")] {
        let id = start(server, tool).await;
        let before = until(server, &id, status).await;
        let ack = ask(server, "tasks/cancel", json!({ "taskId": id })).await;
        assert_eq!(bare(ack), json!({ "resultType": "complete" }));
        assert_eq!(get(server, &id).await, before);
    }
    let unknown = json!({ "taskId": "0123456789abcdef0123456789abcdef" });
    assert_eq!(refused(declared("tasks/cancel", unknown).send(server).await).await.1, -32602);
}

/// On a listen stream it is heard: `listen.rs`.
#[tokio::test(start_paused = true)]
async fn a_change_of_a_task_is_heard_on_no_stream_that_did_not_name_it() {
    let world = world(1);
    let server = &world.servers[0];
    let filter = json!({ "notifications": { "toolsListChanged": true } });
    let mut listening = declared("subscriptions/listen", filter).send(server).await;
    assert_eq!(listening.message().await["method"], "notifications/subscriptions/acknowledged");
    let reply = declared("tools/call", json!({ "name": "steps", "arguments": {} })).send(server).await;
    assert!(!reply.is_stream());
    world.gate.add_permits(3);
    until(server, result(reply).await["taskId"].as_str().expect("a task"), "completed").await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    server.events().publish(Event::ToolsListChanged).await.expect("published");
    assert_eq!(listening.message().await["method"], "notifications/tools/list_changed");
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
