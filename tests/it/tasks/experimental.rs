//! The experimental tasks of 2025-11-25.
//! <https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/tasks> (read 2026-11-27).

use std::{sync::atomic::Ordering, time::Duration};

use mcp_lambda_server::{Principal, config::SessionMode};
use serde_json::{Value, json};
use test_support::{
    McpRequest, refused,
    request::initialize_request,
    result,
    session::{Client, NEWEST, front},
};

use super::{
    jobs::{declared, get, undeclared, world, world_with},
    old_clients::{RELATED, about, ada, as_task, client, created, error, until},
};

#[tokio::test(start_paused = true)]
async fn a_call_that_asks_for_a_task_is_answered_with_one_inside_that_is_readable_at_once() {
    let world = world(2);
    let client = client(&world, NEWEST, None).await;
    let reply =
        result(as_task(&client, "steps", json!({ "ttl": 60_000 })).send(&world.servers[0]).await).await;
    let id = reply["task"]["taskId"].as_str().expect("an id").to_owned();
    let task = json!({
        "taskId": id,
        "status": "working",
        "createdAt": "2027-01-15T08:00:00.000Z",
        "lastUpdatedAt": "2027-01-15T08:00:00.000Z",
        "ttl": 60_000,
        "pollInterval": 1_000,
    });
    assert_eq!(reply, json!({ "task": task, "_meta": { RELATED: { "taskId": id } } }));
    let read = about(&client, "tasks/get", &id).send(&world.servers[1]).await;
    assert!(!read.is_stream());
    assert_eq!(result(read).await, task, "without the metadata, as the id is in it");
}

#[tokio::test(start_paused = true)]
async fn a_requested_ttl_is_kept_up_to_the_limit_of_the_server() {
    let world = world(1);
    let client = client(&world, NEWEST, None).await;
    for (asked, given) in [
        (json!({ "ttl": 1_500 }), 1_500),
        (json!({ "ttl": 0 }), 1_000),
        (json!({ "ttl": 1e15 }), 3_600_000),
        (json!({ "ttl": null }), 3_600_000),
        (json!({}), 3_600_000),
    ] {
        let reply = result(as_task(&client, "deaf", asked.clone()).send(&world.servers[0]).await).await;
        assert_eq!(reply["task"]["ttl"], given, "{asked}");
    }
    for malformed in [json!({ "ttl": -1 }), json!({ "ttl": "1" }), json!(5), json!([])] {
        let (code, text) =
            error(as_task(&client, "deaf", malformed.clone()).send(&world.servers[0]).await).await;
        assert_eq!(code, -32602, "{malformed}");
        assert!(text.contains("task"), "{text}");
    }
    let id = result(as_task(&client, "deaf", json!({ "ttl": 1_500 })).send(&world.servers[0]).await).await;
    world.clock.advance(Duration::from_millis(1_500));
    let id = id["task"]["taskId"].as_str().expect("an id");
    assert_eq!(error(about(&client, "tasks/get", id).send(&world.servers[0]).await).await.0, -32602);
}

#[tokio::test(start_paused = true)]
async fn a_call_without_the_parameter_runs_as_any_other() {
    let world = world(1);
    let client = client(&world, NEWEST, None).await;
    world.gate.add_permits(3);
    let arguments = json!({ "name": "steps", "arguments": { "task": "an argument of this name" } });
    let reply = result(client.request(1, "tools/call", arguments).send(&world.servers[0]).await).await;
    assert_eq!(reply["content"][0]["text"], "from 0, as anonymous");
}

#[tokio::test(start_paused = true)]
async fn tasks_result_waits_for_the_end_and_returns_what_the_call_would_have() {
    let world = world(2);
    let client = client(&world, NEWEST, None).await;
    let id = created(&client, &world.servers[0], "steps").await;
    let waiting = about(&client, "tasks/result", &id).send(&world.servers[1]);
    let release = async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        assert_eq!(
            result(about(&client, "tasks/get", &id).send(&world.servers[1]).await).await["status"],
            "working"
        );
        world.gate.add_permits(3);
    };
    let (reply, ()) = tokio::join!(waiting, release);
    let waited = result(reply).await;
    assert_eq!(waited["_meta"][RELATED], json!({ "taskId": id }));
    world.gate.add_permits(3);
    let mut inline = result(client.call(3, "steps", json!({})).send(&world.servers[0]).await).await;
    inline["_meta"][RELATED] = json!({ "taskId": id });
    assert_eq!(waited, inline);
    let again = about(&client, "tasks/result", &id).send(&world.servers[0]).await;
    assert!(!again.is_stream(), "nothing is told on the way");
    assert_eq!(result(again).await, inline);
}

/// In 2026-07-28 the first of them completes its task.
#[tokio::test(start_paused = true)]
async fn a_tool_that_fails_fails_its_task_and_both_kinds_of_error_are_returned() {
    let world = world(1);
    let client = client(&world, NEWEST, None).await;
    let id = created(&client, &world.servers[0], "only").await;
    let task = until(&client, &world.servers[0], &id, "failed").await;
    assert!(task["statusMessage"].as_str().is_some_and(|text| text.contains("tasks/result")), "{task}");
    let reply = result(about(&client, "tasks/result", &id).send(&world.servers[0]).await).await;
    assert_eq!((&reply["isError"], &reply["content"][0]["text"]), (&json!(true), &json!("it did not work")));
    assert_eq!(get(&world.servers[0], &id).await["status"], "completed", "for a client of 2026-07-28");

    let id = created(&client, &world.servers[0], "breaks").await;
    let task = until(&client, &world.servers[0], &id, "failed").await;
    assert_eq!(task["statusMessage"], "the job is broken");
    let reply = error(about(&client, "tasks/result", &id).send(&world.servers[0]).await).await;
    assert_eq!(reply, (-32603, "the job is broken".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_task_is_cancelled_when_its_cancellation_is_answered_and_stays_so() {
    let world = world(2);
    let client = client(&world, NEWEST, None).await;
    for tool in ["steps", "endless", "deaf"] {
        let id = created(&client, &world.servers[0], tool).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
        // On another environment than the one that runs it.
        let task = result(about(&client, "tasks/cancel", &id).send(&world.servers[1]).await).await;
        assert_eq!((&task["taskId"], &task["status"]), (&json!(id), &json!("cancelled")));
        assert_eq!(task.get("_meta"), None);
        let (code, text) = error(about(&client, "tasks/cancel", &id).send(&world.servers[1]).await).await;
        assert_eq!(code, -32602);
        assert!(text.contains("has ended"), "{text}");
        tokio::time::sleep(Duration::from_secs(5)).await;
        world.gate.add_permits(3);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let task = result(about(&client, "tasks/get", &id).send(&world.servers[0]).await).await;
        assert_eq!(task["status"], "cancelled", "{tool}");
        let (code, text) = error(about(&client, "tasks/result", &id).send(&world.servers[0]).await).await;
        assert_eq!((code, text.as_str()), (-32600, "the task was cancelled, so there is no result"));
    }
    assert_eq!(world.gate.available_permits(), 9, "the tool has stopped");
    assert_eq!(world.done.load(Ordering::SeqCst), 1, "the one that waits for it has heard of it");
}

#[tokio::test(start_paused = true)]
async fn cancelling_a_request_cancels_no_task() {
    let world = world(1);
    let client = client(&world, NEWEST, None).await;
    let id = created(&client, &world.servers[0], "steps").await;
    assert_eq!(client.cancel(1).send(&world.servers[0]).await.status, 202);
    let cancel = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(client.cancel(2).send(&world.servers[0]).await.status, 202);
    };
    let (reply, ()) = tokio::join!(about(&client, "tasks/result", &id).send(&world.servers[0]), cancel);
    assert_eq!(reply.messages().await, Vec::<Value>::new(), "there is no response");
    world.gate.add_permits(3);
    until(&client, &world.servers[0], &id, "completed").await;
}

#[tokio::test(start_paused = true)]
async fn a_task_outlives_the_session_of_its_call() {
    let world = world(2);
    let first = client(&world, NEWEST, Some(ada())).await;
    let id = created(&first, &world.servers[0], "steps").await;
    let ending = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(first.end().send(&world.servers[0]).await.status, 204);
    };
    let (waiting, ()) = tokio::join!(about(&first, "tasks/result", &id).send(&world.servers[0]), ending);
    let ended = waiting.messages().await.pop().expect("a response");
    assert_eq!(ended["error"]["code"], -32001, "the request has ended with its session");
    world.gate.add_permits(3);
    let second = client(&world, NEWEST, Some(ada())).await;
    until(&second, &world.servers[1], &id, "completed").await;
    let reply = result(about(&second, "tasks/result", &id).send(&world.servers[1]).await).await;
    assert_eq!(reply["content"][0]["text"], format!("from 0, as {}", ada().key()));
}

#[tokio::test(start_paused = true)]
async fn a_task_of_another_caller_is_unknown() {
    let world = world(1);
    let owner = client(&world, NEWEST, Some(ada())).await;
    let other = client(&world, NEWEST, Some(Principal::new("issuer", "bob"))).await;
    let id = created(&owner, &world.servers[0], "steps").await;
    let mut texts = Vec::new();
    for id in [id.as_str(), "0123456789abcdef0123456789abcdef", "made-up"] {
        for method in ["tasks/get", "tasks/result", "tasks/cancel"] {
            let (code, text) = error(about(&other, method, id).send(&world.servers[0]).await).await;
            assert_eq!(code, -32602, "{method} {id}");
            texts.push(text);
        }
    }
    texts.dedup();
    assert_eq!(texts.len(), 1, "{texts:?}");
    until(&owner, &world.servers[0], &id, "working").await;
    for method in ["tasks/get", "tasks/result", "tasks/cancel"] {
        let nothing = owner.request(1, method, json!({})).send(&world.servers[0]).await;
        assert_eq!(error(nothing).await.0, -32602, "{method}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_has_the_tasks_of_its_caller_page_by_page() {
    let world = world(2);
    let owner = client(&world, NEWEST, Some(ada())).await;
    let other = client(&world, NEWEST, Some(Principal::new("issuer", "bob"))).await;
    let mut ids = Vec::new();
    for _ in 0..60 {
        let id = created(&owner, &world.servers[0], "only").await;
        until(&owner, &world.servers[0], &id, "failed").await;
        world.clock.advance(Duration::from_millis(1));
        ids.insert(0, id);
    }
    let foreign = created(&other, &world.servers[0], "deaf").await;
    let list = async |client: &Client, params| {
        result(client.request(1, "tasks/list", params).send(&world.servers[1]).await).await
    };
    let of = |page: &Value| -> Vec<String> {
        let tasks = page["tasks"].as_array().expect("tasks").iter();
        tasks.map(|task| task["taskId"].as_str().expect("an id").to_owned()).collect()
    };
    let first = list(&owner, json!({})).await;
    let cursor = first["nextCursor"].as_str().expect("more").to_owned();
    let second = list(&owner, json!({ "cursor": cursor })).await;
    assert_eq!([of(&first), of(&second)].concat(), ids);
    assert_eq!(second.get("nextCursor"), None);
    assert_eq!(first["tasks"][0]["status"], "failed");
    assert_eq!(of(&list(&other, json!({})).await), [foreign]);
    // One that was issued to another caller, one for a task that there never was, and one that is none.
    let made_up = format!("1.{}", ids[0]);
    for (client, cursor) in [(&other, cursor.as_str()), (&owner, made_up.as_str()), (&owner, "x")] {
        let reply =
            client.request(1, "tasks/list", json!({ "cursor": cursor })).send(&world.servers[0]).await;
        let (code, text) = error(reply).await;
        assert_eq!(code, -32602, "{cursor}");
        assert!(text.contains("did not issue"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_runs_to_its_end_without_a_session() {
    for mode in [SessionMode::Off, SessionMode::Optional] {
        let world = world_with(1, |config| config.sessions.mode = Some(mode));
        let post = |method: &str, params: Value| {
            McpRequest::json(&json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }))
                .header("mcp-protocol-version", NEWEST)
        };
        let opened = initialize_request(NEWEST, json!({})).send(&world.servers[0]).await;
        assert!(result(opened).await["capabilities"]["tasks"]["cancel"].is_object());
        let call = json!({ "name": "steps", "arguments": {}, "task": {} });
        let reply = result(post("tools/call", call).send(&world.servers[0]).await).await;
        let id = reply["task"]["taskId"].as_str().expect("a task").to_owned();
        world.gate.add_permits(3);
        let reply = result(post("tasks/result", json!({ "taskId": id })).send(&world.servers[0]).await).await;
        assert_eq!(reply["content"][0]["text"], "from 0, as anonymous");
        // Without its header a request is of 2025-03-26.
        let unversioned = post("tasks/get", json!({ "taskId": id })).without("mcp-protocol-version");
        assert_eq!(error(unversioned.send(&world.servers[0]).await).await.0, -32601);
    }
}

#[tokio::test(start_paused = true)]
async fn a_tasks_result_that_is_out_of_time_says_that_the_task_goes_on() {
    let world = world(1);
    let client = client(&world, NEWEST, None).await;
    let id = created(&client, &world.servers[0], "steps").await;
    let post = about(&client, "tasks/result", &id).through(front(Duration::from_secs(30)));
    let (code, text) = error(post.send(&world.servers[0]).await).await;
    assert_eq!(code, -32603);
    assert!(
        text.contains("the task has not ended within 29 s, and goes on: send tasks/result again"),
        "{text}"
    );
    world.gate.add_permits(3);
    until(&client, &world.servers[0], &id, "completed").await;
}

#[tokio::test(start_paused = true)]
async fn the_tasks_of_both_revisions_are_the_same() {
    let world = world(1);
    let client = client(&world, NEWEST, None).await;
    let id = created(&client, &world.servers[0], "steps").await;
    let task = get(&world.servers[0], &id).await;
    assert_eq!((&task["ttlMs"], task.get("ttl"), task.get("pollInterval")), (&json!(3_600_000), None, None));
    let reply =
        declared("tools/call", json!({ "name": "steps", "arguments": {} })).send(&world.servers[0]).await;
    let id = result(reply).await["taskId"].as_str().expect("a task").to_owned();
    assert_eq!(until(&client, &world.servers[0], &id, "working").await["ttl"], 3_600_000);
    let gone =
        refused(undeclared("tasks/result", json!({ "taskId": id })).send(&world.servers[0]).await).await;
    assert_eq!((gone.0, gone.1), (404, -32601));
}
