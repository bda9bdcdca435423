//! The questions of experimental tasks (2025-11-25), which their client gets on the stream of `tasks/result`.
//! <https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/tasks#input-required-status> (read
//! 2026-11-27).

use std::time::Duration;

use mcp_lambda_server::Server;
use serde_json::{Value, json};
use test_support::{
    McpRequest, Reply,
    request::initialize,
    result,
    session::{Client, NEWEST, buffered},
};

use super::{
    jobs::{ask, world},
    old_clients::{RELATED, created},
};

fn wait(client: &Client, id: &str) -> McpRequest {
    client.request(2, "tasks/result", json!({ "taskId": id }))
}

/// Polls until the task has this status.
async fn until(client: &Client, server: &Server, id: &str, status: &str) {
    let get = client.request(3, "tasks/get", json!({ "taskId": id }));
    while result(get.clone().send(server).await).await["status"] != status {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The next request to the client; notifications of the status are read over.
async fn asked(stream: &mut Reply) -> Value {
    loop {
        let message = stream.message().await;
        if message.get("method").is_some_and(|method| method != "notifications/tasks/status") {
            return message;
        }
    }
}

/// The task runs on one environment, its client waits on another, and answers to a third.
#[tokio::test(start_paused = true)]
async fn a_task_asks_on_the_stream_of_tasks_result_and_its_answers_come_from_anywhere() {
    let world = world(3);
    let client = Client::open(&world.servers[0], NEWEST).await;
    let id = created(&client, &world.servers[0], "asks").await;
    until(&client, &world.servers[0], &id, "input_required").await;
    let mut stream = wait(&client, &id).send(&world.servers[1]).await;
    assert!(stream.is_stream());
    let (one, two) = (asked(&mut stream).await, asked(&mut stream).await);
    for (question, text) in [(&one, "one?"), (&two, "two?")] {
        assert_eq!(question["method"], "elicitation/create");
        assert_eq!(question["params"]["message"], text);
        assert_eq!(question["params"]["_meta"][RELATED], json!({ "taskId": id }));
    }
    let answer = |name: &str| {
        let meta = json!({ RELATED: { "taskId": id } });
        json!({ "action": "accept", "content": { "name": name }, "_meta": meta })
    };
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(client.answer(&two, answer("Bob")).send(&world.servers[2]).await.status, 202);
    let told = stream.message().await;
    assert_eq!(
        (&told["method"], &told["params"]["status"]),
        (&json!("notifications/tasks/status"), &json!("input_required"))
    );
    assert_eq!(client.answer(&one, answer("Ada")).send(&world.servers[2]).await.status, 202);
    let last = stream.messages().await.pop().expect("a response");
    assert_eq!(last["result"]["content"][0]["text"], r#""Ada" "Bob""#);
    assert_eq!(last["result"]["_meta"][RELATED], json!({ "taskId": id }));
}

#[tokio::test(start_paused = true)]
async fn a_task_asks_the_model_of_its_client() {
    let world = world(1);
    let client = Client::open(&world.servers[0], NEWEST).await;
    let id = created(&client, &world.servers[0], "samples").await;
    let mut stream = wait(&client, &id).send(&world.servers[0]).await;
    let question = asked(&mut stream).await;
    assert_eq!(question["method"], "sampling/createMessage");
    assert_eq!(question["params"]["_meta"][RELATED], json!({ "taskId": id }));
    let answer = json!({ "role": "assistant", "content": { "type": "text", "text": "blue" }, "model": "m" });
    client.answer(&question, answer).send(&world.servers[0]).await;
    let last = stream.messages().await.pop().expect("a response");
    assert_eq!(last["result"]["content"][0]["text"], r#""blue""#);
}

/// A client may close the stream once it has answered, and poll.
#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_is_asked_again_by_its_next_tasks_result() {
    let world = world(2);
    let client = Client::open(&world.servers[0], NEWEST).await;
    let id = created(&client, &world.servers[0], "asks").await;
    let mut left = wait(&client, &id).send(&world.servers[0]).await;
    let one = asked(&mut left).await;
    drop(left);
    let answer = |name: &str| json!({ "action": "accept", "content": { "name": name } });
    client.answer(&one, answer("Ada")).send(&world.servers[1]).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let mut stream = wait(&client, &id).send(&world.servers[1]).await;
    let two = asked(&mut stream).await;
    assert_eq!(two["params"]["message"], "two?", "the other one is answered");
    client.answer(&two, answer("Bob")).send(&world.servers[0]).await;
    assert_eq!(
        stream.messages().await.pop().expect("a response")["result"]["content"][0]["text"],
        r#""Ada" "Bob""#
    );
}

#[tokio::test(start_paused = true)]
async fn each_change_is_told_on_the_stream_of_tasks_result() {
    let world = world(2);
    let client = Client::open(&world.servers[0], NEWEST).await;
    let id = created(&client, &world.servers[0], "steps").await;
    let steps = async {
        for step in 1..=3 {
            tokio::time::sleep(Duration::from_secs(10)).await;
            world.clock.advance(Duration::from_secs(10));
            world.gate.add_permits(1);
            let _ = step;
        }
    };
    let (reply, ()) = tokio::join!(wait(&client, &id).send(&world.servers[1]), steps);
    let messages = reply.messages().await;
    let (last, told) = messages.split_last().expect("a response");
    assert_eq!(last["id"], 2);
    let texts: Vec<_> = told.iter().map(|message| message["params"]["statusMessage"].as_str()).collect();
    assert_eq!(texts, [Some("step 1 of 3"), Some("step 2 of 3")]);
    for message in told {
        assert_eq!(message["method"], "notifications/tasks/status");
        assert_eq!((&message["params"]["taskId"], message["params"].get("_meta")), (&json!(id), None));
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_cannot_be_asked_learns_what_the_task_asks_and_the_task_goes_on() {
    let world = world(1);
    let capable = Client::open(&world.servers[0], NEWEST).await;
    let id = created(&capable, &world.servers[0], "asks").await;
    until(&capable, &world.servers[0], &id, "input_required").await;
    let session = initialize(&world.servers[0], NEWEST, json!({})).await;
    let plain = Client { id: session, version: NEWEST, principal: None };
    let refusals = [
        (wait(&plain, &id), "does not declare that it can be asked so"),
        (wait(&capable, &id).header("accept", "application/json"), "does not accept an event stream"),
        (wait(&capable, &id).through(buffered()), "does not accept an event stream"),
    ];
    for (post, why) in refusals {
        let reply = post.send(&world.servers[0]).await.messages().await.pop().expect("a response");
        let text = reply["error"]["message"].as_str().unwrap_or_else(|| panic!("no error: {reply}"));
        assert_eq!(reply["error"]["code"], -32600);
        assert!(text.contains("the task asks \"one\"") && text.contains(why), "{text}");
    }
    until(&capable, &world.servers[0], &id, "input_required").await;
}

#[tokio::test(start_paused = true)]
async fn a_question_that_its_client_refuses_stays_open() {
    let world = world(1);
    let client = Client::open(&world.servers[0], NEWEST).await;
    let id = created(&client, &world.servers[0], "samples").await;
    let mut stream = wait(&client, &id).send(&world.servers[0]).await;
    let question = asked(&mut stream).await;
    client.refuse(&question, -1, "the user has said no").send(&world.servers[0]).await;
    let last = stream.messages().await.pop().expect("a response");
    assert!(
        last["error"]["message"].as_str().is_some_and(|text| text.contains("the user has said no")),
        "{last}"
    );
    until(&client, &world.servers[0], &id, "input_required").await;
    // A client of 2026-07-28 with the id can answer it, as the task is the same.
    let answer = json!({ "role": "assistant", "content": { "type": "text", "text": "red" }, "model": "m" });
    ask(&world.servers[0], "tasks/update", json!({ "taskId": id, "inputResponses": { "word": answer } }))
        .await;
    until(&client, &world.servers[0], &id, "completed").await;
}
