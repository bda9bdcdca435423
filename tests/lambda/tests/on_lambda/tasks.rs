//! Tasks through a queue: one environment creates a task, another one runs it, a third one reads it. A test delivers the
//! messages of the queue itself: late, twice, or never.

use std::time::Duration;

use lambda_emulator::{Builder, Emulator, EnvironmentId, Routing};
use serde_json::{Value, json};
use test_support::{refused, request::stateless_with, result};

use crate::support::*;

const EXTENSION: &str = "io.modelcontextprotocol/tasks";

/// A function with its database, its queue, and the gate at which its tool waits.
struct World {
    emulator: Emulator,
    database: Database,
    outbox: Outbox,
    gate: Gate,
}

async fn world(change: impl FnOnce(Builder) -> Builder) -> World {
    let (database, outbox, gate) = (Database::start().await, Outbox::open().await, Gate::open().await);
    let function = database.behind(function()).environments(3).routing(Routing::RoundRobin).spread(true);
    let function = function
        .env("TASK_QUEUE_URL", outbox.queue_url())
        .env("AWS_ENDPOINT_URL_SQS", &outbox.url)
        .env("GATE", gate.port())
        .timeout(Duration::from_secs(30));
    World { emulator: change(function).start().await.unwrap(), database, outbox, gate }
}

/// A request of a client that declares the tasks extension.
fn declared(method: &str, params: Value) -> McpRequest {
    let id = params["taskId"].as_str().map(str::to_owned);
    let request = stateless_with(json!(1), method, params, json!({ "extensions": { EXTENSION: {} } }));
    match id {
        Some(id) => request.header("mcp-name", &id),
        None => request,
    }
}

/// The event with the messages of the queue, as SQS delivers them.
fn delivery(bodies: &[&str]) -> String {
    edited("sqs", |event| {
        let record = event["Records"][0].clone();
        let records = bodies.iter().enumerate().map(|(at, body)| {
            let mut record = record.clone();
            record["messageId"] = format!("message-{at}").into();
            record["body"] = (*body).into();
            record
        });
        event["Records"] = records.collect();
    })
}

impl World {
    async fn ask(&self, method: &str, params: Value) -> (EnvironmentId, Value) {
        let reply = declared(method, params).send_to(&self.emulator).await;
        (reply.environment(), result(reply).await)
    }

    async fn create(&self) -> String {
        let (_, task) = self.ask("tools/call", json!({ "name": "job", "arguments": {} })).await;
        assert_eq!((&task["resultType"], &task["status"]), (&json!("task"), &json!("working")), "{task}");
        task["taskId"].as_str().unwrap().to_owned()
    }

    async fn get(&self, id: &str) -> Value {
        self.ask("tasks/get", json!({ "taskId": id })).await.1
    }

    /// The messages of the queue so far.
    fn messages(&self) -> Vec<String> {
        self.outbox.sent().iter().map(|sent| sent["MessageBody"].as_str().unwrap().to_owned()).collect()
    }

    /// Delivers messages, and returns which of them have to be delivered again.
    async fn deliver<const N: usize>(&self, bodies: [&str; N]) -> Vec<String> {
        let answer = self.emulator.invoke(delivery(&bodies), None).await.unwrap();
        let InvocationAnswer::Whole(answer) = answer_of(answer).await else { panic!("not whole") };
        let failures = answer["batchItemFailures"].as_array().unwrap();
        failures.iter().map(|failure| failure["itemIdentifier"].as_str().unwrap().to_owned()).collect()
    }
}

/// What `job` returned.
fn text(task: &Value) -> &str {
    assert_eq!(task["status"], "completed", "{task}");
    task["result"]["content"][0]["text"].as_str().unwrap()
}

#[tokio::test]
async fn a_task_is_created_run_and_read_in_three_environments() {
    let world = world(|function| function).await;
    let (created_in, task) = world.ask("tools/call", json!({ "name": "job", "arguments": {} })).await;
    let id = task["taskId"].as_str().unwrap();
    let queue = world.outbox.queue_url();
    let message = json!({ "QueueUrl": queue, "MessageBody": format!(r#"{{"task":"{id}"}}"#) });
    let sent = world.outbox.sent();
    assert_eq!(sent.len(), 1);
    for (field, value) in message.as_object().unwrap() {
        assert_eq!(&sent[0][field], value);
    }
    assert!(sent[0].get("MessageGroupId").is_none(), "anonymous callers are not one person: {}", sent[0]);
    assert!(sent[0].get("DelaySeconds").is_none(), "{}", sent[0]);
    let held = async {
        let mut held = world.gate.held().await;
        for word in ["one", "two"] {
            held.say(word).await;
            assert_eq!(held.report().await.as_deref(), Some("kept"));
        }
        held.let_go().await;
        held.pid
    };
    let messages = world.messages();
    let (failed, ran_in) = tokio::join!(world.deliver([&messages[0]]), held);
    assert_eq!(failed, [""; 0]);
    let (read_in, task) = world.ask("tasks/get", json!({ "taskId": id })).await;
    assert_eq!(text(&task), "one two");
    let pids: Vec<_> = world.emulator.environments().iter().map(|one| (one.id, one.pid)).collect();
    let ran_in = pids.iter().find(|(_, pid)| *pid == ran_in).map(|(id, _)| *id);
    assert_eq!((created_in, ran_in, read_in), (EnvironmentId(1), Some(EnvironmentId(2)), EnvironmentId(3)));
}

#[tokio::test]
async fn a_message_that_is_delivered_twice_runs_its_task_once() {
    let world = world(|function| function).await;
    let id = world.create().await;
    let message = world.messages().remove(0);
    let twice = async {
        let mut held = world.gate.held().await;
        // Another environment gets it while the first one runs the task.
        assert_eq!(world.deliver([&message]).await, [""; 0]);
        held.say("once").await;
        assert_eq!(held.report().await.as_deref(), Some("kept"));
        held.let_go().await;
    };
    let (failed, ()) = tokio::join!(world.deliver([&message]), twice);
    assert_eq!(failed, [""; 0]);
    // And again when it has ended, with one of a task that does not exist.
    let unknown = r#"{"task":"0123456789abcdef0123456789abcdef"}"#;
    assert_eq!(world.deliver([&message, unknown]).await, [""; 0]);
    assert!(world.gate.is_empty().await);
    assert_eq!(text(&world.get(&id).await), "once");
    assert_eq!(world.messages().len(), 1, "nothing was handed over");
}

#[tokio::test]
async fn a_task_that_outlives_its_invocation_goes_on_from_its_checkpoint_in_another_one() {
    let world = world(|function| function.timeout(Duration::from_secs(3))).await;
    let id = world.create().await;
    let first = async {
        let mut held = world.gate.held().await;
        held.say("one").await;
        assert_eq!(held.report().await.as_deref(), Some("kept"));
        // Until the deadline of the invocation is near.
        held.gone().await;
    };
    let message = world.messages().remove(0);
    let (failed, ()) = tokio::join!(world.deliver([&message]), first);
    assert_eq!(failed, [""; 0], "the message is done with: there is a new one");
    assert_eq!(world.messages(), [message.clone(), message]);
    assert_eq!(world.get(&id).await["status"], "working");
    let second = async {
        let mut held = world.gate.held().await;
        held.say("two").await;
        assert_eq!(held.report().await.as_deref(), Some("kept"));
        held.let_go().await;
    };
    let message = world.messages().remove(1);
    let (failed, ()) = tokio::join!(world.deliver([&message]), second);
    assert_eq!(failed, [""; 0]);
    assert_eq!(text(&world.get(&id).await), "one two");
}

#[tokio::test]
async fn a_worker_that_is_killed_is_followed_by_another_one_when_its_lease_is_over() {
    let world = world(|function| function.env("MCP_TASK_LEASE_SECONDS", "10")).await;
    let id = world.create().await;
    let message = world.messages().remove(0);
    let killed = async {
        let mut held = world.gate.held().await;
        held.say("one").await;
        assert_eq!(held.report().await.as_deref(), Some("kept"));
        world.emulator.kill(EnvironmentId(2)).unwrap();
        held.gone().await;
    };
    let answer = async { answer_of(world.emulator.invoke(delivery(&[&message]), None).await.unwrap()).await };
    let (answer, ()) = tokio::join!(answer, killed);
    // The invocation has failed as a whole, so SQS delivers its message again.
    assert!(matches!(answer, InvocationAnswer::Failed(..)), "{answer:?}");
    let again = async {
        loop {
            // As long as the lease lasts, the task is another worker's.
            assert_eq!(world.deliver([&message]).await, [""; 0]);
            if world.get(&id).await["status"] == "completed" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    let second = async {
        let mut held = world.gate.held_within(Duration::from_secs(30)).await;
        held.say("two").await;
        assert_eq!(held.report().await.as_deref(), Some("kept"));
        held.let_go().await;
    };
    tokio::join!(again, second);
    assert_eq!(text(&world.get(&id).await), "one two");
}

#[tokio::test]
async fn a_message_that_names_no_task_fails_alone() {
    let world = world(|function| function).await;
    let id = world.create().await;
    let message = world.messages().remove(0);
    let held = async {
        let mut held = world.gate.held().await;
        held.let_go().await;
    };
    let bodies = ["Test message.", &message, r#"{"task":"no id"}"#];
    let (failed, ()) = tokio::join!(world.deliver(bodies), held);
    assert_eq!(failed, ["message-0", "message-2"]);
    assert_eq!(text(&world.get(&id).await), "");
}

#[tokio::test]
async fn a_message_is_delivered_again_when_the_store_has_failed() {
    let world = world(|function| function).await;
    let id = world.create().await;
    let message = world.messages().remove(0);
    world.database.deny("UpdateItem");
    assert_eq!(world.deliver([&message]).await, ["message-0"]);
    assert!(world.gate.is_empty().await);
    world.database.allow();
    let held = async {
        let mut held = world.gate.held().await;
        // The tool has run, and its result cannot be stored.
        world.database.deny("UpdateItem");
        held.let_go().await;
    };
    let (failed, ()) = tokio::join!(world.deliver([&message]), held);
    assert_eq!(failed, ["message-0"]);
    world.database.allow();
    assert_eq!(world.get(&id).await["status"], "working");
}

#[tokio::test]
async fn a_task_whose_message_was_not_sent_is_created_all_the_same() {
    let world = world(|function| function).await;
    world.outbox.refuse(true);
    let id = world.create().await;
    assert_eq!(world.get(&id).await["status"], "working");
    assert!(world.messages().is_empty());
    eventually("a line of the log", || logged(&world.emulator, "the sweep sends it") == 1).await;
}

/// A message that cannot be sent at the end of an invocation fails the old one, so that nothing depends on the sweep.
#[tokio::test]
async fn a_task_that_is_given_back_without_a_message_keeps_its_old_one() {
    let world = world(|function| function.timeout(Duration::from_secs(3))).await;
    world.create().await;
    let message = world.messages().remove(0);
    world.outbox.refuse(true);
    let held = async { world.gate.held().await.gone().await };
    let (failed, ()) = tokio::join!(world.deliver([&message]), held);
    assert_eq!(failed, ["message-0"]);
}

#[tokio::test]
async fn a_queued_task_is_cancelled_at_once_and_its_message_does_nothing() {
    let world = world(|function| function).await;
    let id = world.create().await;
    world.ask("tasks/cancel", json!({ "taskId": id })).await;
    assert_eq!(world.get(&id).await["status"], "cancelled");
    assert_eq!(world.deliver([&world.messages()[0]]).await, [""; 0]);
    assert!(world.gate.is_empty().await);
}

#[tokio::test]
async fn a_running_task_is_cancelled_from_another_environment_within_seconds() {
    let world = world(|function| function).await;
    let id = world.create().await;
    let message = world.messages().remove(0);
    let cancelled = async {
        let held = world.gate.held().await;
        world.ask("tasks/cancel", json!({ "taskId": id })).await;
        held.gone().await;
    };
    let (failed, ()) = tokio::join!(world.deliver([&message]), cancelled);
    assert_eq!(failed, [""; 0]);
    assert_eq!(world.get(&id).await["status"], "cancelled");
}

/// The tasks of a batch run at the same time, up to the limit of the process.
#[tokio::test]
async fn tasks_of_one_batch_run_at_the_same_time() {
    let world = world(|function| function.env("MCP_TASKS_PER_PROCESS", "2")).await;
    for _ in 0..3 {
        world.create().await;
    }
    let messages = world.messages();
    let [first, second, third] = &messages[..] else { panic!("{messages:?}") };
    let held = async {
        let (mut first, mut second) = (world.gate.held().await, world.gate.held().await);
        assert_eq!(first.pid, second.pid);
        assert!(world.gate.is_empty().await, "the third one waits for its turn");
        first.let_go().await;
        let mut third = world.gate.held().await;
        second.let_go().await;
        third.let_go().await;
    };
    let (failed, ()) = tokio::join!(world.deliver([first, second, third]), held);
    assert_eq!(failed, [""; 0]);
}

#[tokio::test]
async fn the_sweep_says_how_many_messages_it_has_sent() {
    let world = world(|function| function).await;
    world.create().await;
    let swept = answer_of(world.emulator.invoke(fixture("sweep-tasks"), None).await.unwrap()).await;
    assert_eq!(swept, InvocationAnswer::Whole(json!({ "sent": 0 })), "its message is a second old");
    world.database.deny("Query");
    let failed = answer_of(world.emulator.invoke(fixture("sweep-tasks"), None).await.unwrap()).await;
    assert_eq!(failed.error().0, "SweepFailed");
    let unknown = edited("sweep-tasks", |event| event["action"] = "tidy".into());
    let (kind, text) = answer_of(world.emulator.invoke(unknown, None).await.unwrap()).await.error();
    assert_eq!(
        (kind.as_str(), text.as_str()),
        ("InvalidEvent", r#"action is "tidy": expected "sweep-tasks" or "update-task""#)
    );
}

#[tokio::test]
async fn the_extension_is_declared_on_lambda_if_there_is_a_queue() {
    let world = world(|function| function).await;
    let discover = || declared("server/discover", json!({}));
    let declared_there = result(discover().send_to(&world.emulator).await).await;
    assert_eq!(declared_there["capabilities"]["extensions"], json!({ EXTENSION: {} }));
    let alone = function().start().await.unwrap();
    let declared_alone = result(discover().send_to(&alone).await).await;
    assert_eq!(declared_alone["capabilities"].get("extensions"), None);
    let get = declared("tasks/get", json!({ "taskId": "0123456789abcdef0123456789abcdef" }));
    assert_eq!(refused(get.send_to(&alone).await).await.1, -32601);
}

/// An approval, say, by a system that may invoke the function.
#[tokio::test]
async fn another_system_finishes_a_task_by_invoke_and_by_eventbridge() {
    let world = world(|function| function).await;
    let approved = world.create().await;
    let update = edited("update-task", |event| event["taskId"] = approved.as_str().into());
    for _ in 0..2 {
        let answer = answer_of(world.emulator.invoke(update.clone(), None).await.unwrap()).await;
        let expected = json!({ "taskId": approved, "status": "completed" });
        assert_eq!(answer, InvocationAnswer::Whole(expected), "twice is as once");
    }
    assert_eq!(text(&world.get(&approved).await), "approved");
    let rejected = world.create().await;
    let update =
        edited("eventbridge-task-update", |event| event["detail"]["taskId"] = rejected.as_str().into());
    let answer = answer_of(world.emulator.invoke(update, None).await.unwrap()).await;
    assert_eq!(answer, InvocationAnswer::Whole(json!({ "taskId": rejected, "status": "failed" })));
    let task = world.get(&rejected).await;
    assert_eq!(task["error"], json!({ "code": -32000, "message": "rejected by the approver" }));
    // The messages of both come late, and do nothing.
    let messages = world.messages();
    assert_eq!(world.deliver([&messages[0], &messages[1]]).await, [""; 0]);
    assert!(world.gate.is_empty().await);
}

#[tokio::test]
async fn a_running_task_that_another_system_finishes_is_stopped() {
    let world = world(|function| function).await;
    let id = world.create().await;
    let message = world.messages().remove(0);
    let finished = async {
        let held = world.gate.held().await;
        let update = edited("update-task", |event| event["taskId"] = id.as_str().into());
        answer_of(world.emulator.invoke(update, None).await.unwrap()).await;
        held.gone().await;
    };
    let (failed, ()) = tokio::join!(world.deliver([&message]), finished);
    assert_eq!(failed, [""; 0]);
    assert_eq!(text(&world.get(&id).await), "approved");
}

#[tokio::test]
async fn an_update_that_changes_nothing_says_why() {
    let world = world(|function| function).await;
    let failure =
        async |event: String| answer_of(world.emulator.invoke(event, None).await.unwrap()).await.error();
    assert_eq!(failure(fixture("update-task")).await.0, "UnknownTask");
    let id = world.create().await;
    world.ask("tasks/cancel", json!({ "taskId": id })).await;
    let late = edited("update-task", |event| event["taskId"] = id.as_str().into());
    assert_eq!(failure(late).await.0, "TaskEnded");
    let empty = edited("update-task", |event| {
        event.as_object_mut().unwrap().remove("result");
    });
    let (kind, text) = failure(empty).await;
    assert_eq!(kind, "InvalidEvent");
    assert!(text.contains("exactly one of inputResponses, result, error and statusMessage"), "{text}");
}

/// A request of a client of 2025-11-25 that keeps no session.
fn experimental(method: &str, params: &Value) -> McpRequest {
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    McpRequest::json(&message).header("mcp-protocol-version", "2025-11-25")
}

#[tokio::test]
async fn a_client_of_2025_11_25_waits_for_the_result_of_a_task_that_another_environment_runs() {
    let world = world(|function| function).await;
    let call = json!({ "name": "job", "arguments": {}, "task": { "ttl": 60_000 } });
    let created = result(experimental("tools/call", &call).send_to(&world.emulator).await).await;
    assert_eq!((&created["task"]["status"], &created["task"]["ttl"]), (&json!("working"), &json!(60_000)));
    let id = created["task"]["taskId"].as_str().unwrap();
    let message = world.messages().remove(0);
    let held = async {
        let mut held = world.gate.held().await;
        held.say("one").await;
        assert_eq!(held.report().await.as_deref(), Some("kept"));
        held.let_go().await;
    };
    let waiting = async {
        let post = experimental("tasks/result", &json!({ "taskId": id }));
        result(post.send_to(&world.emulator).await).await
    };
    let (failed, waited, ()) = tokio::join!(world.deliver([&message]), waiting, held);
    assert_eq!(failed, [""; 0]);
    assert_eq!(waited["content"][0]["text"], "one");
    assert_eq!(waited["_meta"]["io.modelcontextprotocol/related-task"], json!({ "taskId": id }));
}

#[tokio::test]
async fn a_listen_stream_hears_of_a_task_that_another_environment_runs() {
    let world = world(|function| function).await;
    let id = world.create().await;
    let filter = json!({ "notifications": { "taskIds": [id] } });
    let mut stream = declared("subscriptions/listen", filter).send_to(&world.emulator).await;
    assert_eq!(stream.message().await["params"]["notifications"], json!({ "taskIds": [id] }));
    assert_eq!(stream.message().await["params"]["status"], "working");
    let message = world.messages().remove(0);
    let held = async {
        let mut held = world.gate.held().await;
        held.say("one").await;
        assert_eq!(held.report().await.as_deref(), Some("kept"));
        held.let_go().await;
    };
    let (failed, ()) = tokio::join!(world.deliver([&message]), held);
    assert_eq!(failed, [""; 0]);
    let mut last = stream.message().await;
    while last["params"]["status"] == "working" {
        last = stream.message().await;
    }
    assert_eq!(text(&last["params"]), "one");
    assert_eq!(
        stream.message().await["result"]["resultType"],
        "complete",
        "there is nothing left to hear of"
    );
}
