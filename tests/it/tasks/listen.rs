//! `notifications/tasks` on the stream of `subscriptions/listen`.
//! <https://github.com/modelcontextprotocol/ext-tasks/blob/main/specification/draft/tasks.md> (read 2026-11-27).

#![allow(clippy::needless_pass_by_value, reason = "`json!(...)` reads best as an argument")]

use std::time::Duration;

use mcp_lambda_server::{Delivery, Event, Ingress, Principal, Server, time::Deadline};
use serde_json::{Value, json};
use test_support::{McpRequest, Reply, refused, request::stateless_with};
use tokio::time::Instant;

use super::jobs::{EXTENSION, World, ask, declared, get, start, until, world};

const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";

fn listen(filter: Value) -> McpRequest {
    declared("subscriptions/listen", json!({ "notifications": filter }))
}

/// A stream, and what its acknowledgement says is honoured.
async fn listening(server: &Server, filter: Value) -> (Reply, Value) {
    let mut stream = listen(filter).send(server).await;
    assert_eq!(stream.status, 200);
    let first = stream.message().await;
    assert_eq!(first["method"], "notifications/subscriptions/acknowledged");
    (stream, first["params"]["notifications"].clone())
}

/// The task of the next message, which is a notification of one.
async fn heard(stream: &mut Reply) -> Value {
    let mut message = stream.message().await;
    assert_eq!(message["method"], "notifications/tasks", "{message}");
    let meta = message["params"].as_object_mut().expect("parameters").remove("_meta").expect("_meta");
    assert_eq!(meta, json!({ SUBSCRIPTION: 1 }));
    message["params"].take()
}

/// What `tasks/get` returns, without what only a result has.
async fn read(server: &Server, id: &str) -> Value {
    let mut task = get(server, id).await;
    for key in ["_meta", "resultType"] {
        task.as_object_mut().expect("an object").remove(key);
    }
    task
}

/// Lets the worker take one step of `steps`, and waits until the stored task has it.
async fn step(world: &World, id: &str, step: u32) {
    world.clock.advance(Duration::from_millis(10));
    world.gate.add_permits(1);
    let message = format!("step {step} of 3");
    while read(&world.servers[0], id).await["statusMessage"] != message.as_str() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The environment that holds the stream is never the one that changes the task.
#[tokio::test(start_paused = true)]
async fn each_change_of_a_task_is_heard_on_another_environment_as_tasks_get_returns_it() {
    let world = world(2);
    let id = start(&world.servers[0], "steps").await;
    let (mut stream, honoured) = listening(&world.servers[1], json!({ "taskIds": [id] })).await;
    assert_eq!(honoured, json!({ "taskIds": [id] }));
    let now = heard(&mut stream).await;
    assert_eq!((&now["status"], now.get("statusMessage")), (&json!("working"), None), "as it is at first");
    for number in 1..=2 {
        step(&world, &id, number).await;
        let before = Instant::now();
        let changed = heard(&mut stream).await;
        assert!(before.elapsed() <= Duration::from_secs(2), "{:?}", before.elapsed());
        assert_eq!(changed, read(&world.servers[0], &id).await);
    }
    world.gate.add_permits(1);
    until(&world.servers[0], &id, "completed").await;
    let last = heard(&mut stream).await;
    assert_eq!(last, read(&world.servers[0], &id).await);
    assert_eq!(last["result"]["content"][0]["text"], "from 0, as anonymous");
    let end = stream.message().await;
    assert_eq!(
        (&end["id"], &end["result"]["resultType"]),
        (&json!(1), &json!("complete")),
        "nothing is left"
    );
    assert_eq!(stream.event().await, None);
}

#[tokio::test(start_paused = true)]
async fn questions_and_their_answers_are_changes() {
    let world = world(2);
    let id = start(&world.servers[0], "asks").await;
    until(&world.servers[0], &id, "input_required").await;
    let (mut stream, _) = listening(&world.servers[1], json!({ "taskIds": [id] })).await;
    let asked = heard(&mut stream).await;
    assert_eq!(asked["inputRequests"].as_object().map(serde_json::Map::len), Some(2), "{asked}");
    let one = json!({ "one": { "action": "accept", "content": { "name": "Ada" } } });
    ask(&world.servers[0], "tasks/update", json!({ "taskId": id, "inputResponses": one })).await;
    let left = heard(&mut stream).await;
    assert_eq!(
        left["inputRequests"].as_object().map(|open| open.keys().cloned().collect()),
        Some(vec!["two".to_owned()])
    );
    ask(&world.servers[0], "tasks/cancel", json!({ "taskId": id })).await;
    let end = heard(&mut stream).await;
    assert_eq!((&end["status"], end.get("inputRequests")), (&json!("cancelled"), None));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_clients_do_not_see_is_not_heard() {
    let world = world(2);
    let id = start(&world.servers[0], "endless").await;
    let (mut stream, _) = listening(&world.servers[1], json!({ "taskIds": [id] })).await;
    heard(&mut stream).await;
    let rev = async || {
        world.stores.tasks.load(&id.parse().expect("an id")).await.expect("read").expect("a task").rev
    };
    let before = rev().await;
    // Long enough for extensions of the lease, and not for a keep-alive: the wait for an event is what polls.
    let quiet = tokio::time::timeout(Duration::from_secs(40), stream.message()).await;
    assert!(quiet.is_err(), "{quiet:?}");
    assert!(rev().await > before, "the lease was extended");
}

#[tokio::test(start_paused = true)]
async fn only_tasks_of_the_caller_are_accepted_and_others_are_left_out_like_unknown_ones() {
    let world = world(1);
    let ada = Principal::new("issuer", "ada");
    let call = declared("tools/call", json!({ "name": "endless", "arguments": {} })).extension(ada.clone());
    let id = test_support::result(call.send(&world.servers[0]).await).await["taskId"].clone();
    let filter = json!({ "taskIds": [id, "0123456789abcdef0123456789abcdef", "made-up", id] });
    for (caller, accepted) in
        [(ada, json!({ "taskIds": [id] })), (Principal::new("issuer", "bob"), json!({}))]
    {
        let mut stream = listen(filter.clone()).extension(caller).send(&world.servers[0]).await;
        assert_eq!(stream.message().await["params"]["notifications"], accepted);
        if accepted == json!({}) {
            assert_eq!(stream.message().await["id"], 1, "there is nothing to wait for");
            assert_eq!(stream.event().await, None);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_that_has_ended_is_heard_once() {
    let world = world(1);
    let id = start(&world.servers[0], "only").await;
    until(&world.servers[0], &id, "completed").await;
    let (mut stream, honoured) =
        listening(&world.servers[0], json!({ "taskIds": [id], "toolsListChanged": false })).await;
    assert_eq!(honoured, json!({ "taskIds": [id] }));
    assert_eq!(heard(&mut stream).await["result"]["isError"], true);
    assert_eq!(stream.message().await["id"], 1);
    assert_eq!(stream.event().await, None);
}

#[tokio::test(start_paused = true)]
async fn tasks_and_events_share_a_stream_that_outlives_the_tasks() {
    let world = world(2);
    let id = start(&world.servers[0], "steps").await;
    let filter = json!({ "taskIds": [id], "toolsListChanged": true });
    let (mut stream, honoured) = listening(&world.servers[1], filter.clone()).await;
    assert_eq!(honoured, filter);
    heard(&mut stream).await;
    world.servers[0].events().publish(Event::ToolsListChanged).await.expect("published");
    assert_eq!(stream.message().await["method"], "notifications/tools/list_changed");
    world.gate.add_permits(3);
    while heard(&mut stream).await["status"] != "completed" {}
    world.servers[0].events().publish(Event::ToolsListChanged).await.expect("published");
    assert_eq!(stream.message().await["method"], "notifications/tools/list_changed");
}

#[tokio::test(start_paused = true)]
async fn a_stream_hears_of_32_tasks() {
    let world = world(1);
    let ids = |count: usize| (0..count).map(|n| format!("{n:032x}")).collect::<Vec<_>>();
    assert_eq!(listening(&world.servers[0], json!({ "taskIds": ids(32) })).await.1, json!({}));
    let many = listen(json!({ "taskIds": ids(33) })).send(&world.servers[0]).await;
    let (status, code, body) = refused(many).await;
    assert_eq!((status, code), (200, -32602));
    let text = body["error"]["message"].as_str().expect("a text");
    assert!(text.contains("params.notifications.taskIds names 33 tasks: a stream hears of 32"), "{text}");
    for malformed in [json!("one"), json!([1]), json!({})] {
        let (_, code, body) =
            refused(listen(json!({ "taskIds": malformed })).send(&world.servers[0]).await).await;
        assert_eq!(code, -32602);
        let text = body["error"]["message"].as_str().expect("a text");
        assert!(text.contains("params.notifications.taskIds"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_declare_the_extension_is_refused_before_its_ids_are_read() {
    let world = world(1);
    let too_many: Vec<_> = (0..33).map(|n| n.to_string()).collect();
    for ids in [json!(["t"]), json!(too_many), json!("one")] {
        let params = json!({ "notifications": { "taskIds": ids } });
        let post = stateless_with(json!(1), "subscriptions/listen", params, json!({}));
        let (status, code, body) = refused(post.send(&world.servers[0]).await).await;
        assert_eq!((status, code), (400, -32021));
        assert_eq!(body["error"]["data"]["requiredCapabilities"]["extensions"], json!({ EXTENSION: {} }));
    }
}

#[tokio::test(start_paused = true)]
async fn an_expired_task_ends_the_stream() {
    let world = world(1);
    let id = start(&world.servers[0], "deaf").await;
    let (mut stream, _) = listening(&world.servers[0], json!({ "taskIds": [id] })).await;
    heard(&mut stream).await;
    world.clock.advance(Duration::from_secs(3_600));
    assert_eq!(stream.message().await["id"], 1);
}

/// A gateway that takes whole bodies only: the client has the state, and asks again.
#[tokio::test(start_paused = true)]
async fn a_buffered_stream_has_the_states_and_ends() {
    let world = world(1);
    let id = start(&world.servers[0], "endless").await;
    let ingress = Ingress::local(Deadline::after(Duration::from_secs(30)));
    let post =
        listen(json!({ "taskIds": [id] })).extension(Ingress { delivery: Delivery::Buffered, ..ingress });
    let messages = post.send(&world.servers[0]).await.messages().await;
    let methods: Vec<_> = messages.iter().map(|message| message["method"].as_str()).collect();
    assert_eq!(
        methods,
        [Some("notifications/subscriptions/acknowledged"), Some("notifications/tasks"), None]
    );
}
