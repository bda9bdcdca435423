//! Tools of a process that run as tasks of this server, and ask their client.

use std::time::Duration;

use mcp_lambda_server::tasks::TaskSupport;
use test_support::stateless_with;

use super::{suspended::form, *};

const EXTENSION: &str = "io.modelcontextprotocol/tasks";

fn declared(method: &str, params: Value) -> McpRequest {
    let task = params["taskId"].as_str().map(str::to_owned);
    let capabilities = json!({ "elicitation": {}, "extensions": { EXTENSION: {} } });
    let request = stateless_with(json!(1), method, params, capabilities);
    match task {
        Some(task) => request.header("mcp-name", &task),
        None => request,
    }
}

async fn with_task(speaks: &str) -> Server {
    let clock = Clock::system();
    let stores = Stores::of(MemoryStore::new(clock.clone()));
    let builder = McpLambdaServer::builder(scripted(&["--speaks", speaks])).config(Config::default());
    let builder = builder.stores(stores).clock(clock).task_tool("ask", TaskSupport::Required);
    builder.build().await.expect("a command that starts")
}

async fn started(server: &Server) -> String {
    let params = json!({ "name": "ask", "arguments": form() });
    let task = result(declared("tools/call", params).send(server).await).await;
    assert_eq!(task["resultType"], "task", "{task}");
    task["taskId"].as_str().expect("an id").to_owned()
}

/// The stream of a task.
async fn listening(server: &Server, id: &str) -> Reply {
    let filter = json!({ "notifications": { "taskIds": [id] } });
    let mut stream = declared("subscriptions/listen", filter).send(server).await;
    assert_eq!(stream.message().await["method"], "notifications/subscriptions/acknowledged");
    stream
}

/// The task, when it has this status.
async fn until(stream: &mut Reply, status: &str) -> Value {
    loop {
        let mut message = stream.message().await;
        if message["params"]["status"] == status {
            return message["params"].take();
        }
    }
}

async fn answered(server: &Server, id: &str, asked: &Value) {
    let key = asked["inputRequests"].as_object().and_then(|asks| asks.keys().next()).expect("a question");
    let answers = json!({ key: { "action": "accept", "content": { "name": "ada" } } });
    let update = json!({ "taskId": id, "inputResponses": answers });
    result(declared("tasks/update", update).send(server).await).await;
}

#[tokio::test]
async fn a_task_asks_its_client_what_its_process_asks_whichever_era_that_speaks() {
    for speaks in ["2025-11-25", "2026-07-28"] {
        let server = with_task(speaks).await;
        let id = started(&server).await;
        let mut stream = listening(&server, &id).await;
        let asked = until(&mut stream, "input_required").await;
        let (_, question) =
            asked["inputRequests"].as_object().and_then(|asks| asks.iter().next()).expect("one");
        assert_eq!(question["params"]["message"], "your name?", "{speaks}: {asked}");
        answered(&server, &id, &asked).await;
        let task = until(&mut stream, "completed").await;
        let structured = &task["result"]["structuredContent"];
        let answer = json!({ "action": "accept", "content": { "name": "ada" } });
        match speaks {
            "2026-07-28" => assert_eq!(structured["answers"], json!({ "q": answer }), "{task}"),
            _ => assert_eq!(structured["result"], answer, "{task}"),
        }
    }
}

/// A worker waits ten seconds for a person. The next attempt of the task goes on with the call of the first.
#[tokio::test]
async fn a_call_of_a_task_waits_from_one_attempt_to_the_next() {
    let server = with_task("2025-11-25").await;
    let id = started(&server).await;
    let asked = until(&mut listening(&server, &id).await, "input_required").await;
    // Nothing happens now but time.
    tokio::time::pause();
    for _ in 0..15 {
        tokio::time::advance(Duration::from_secs(1)).await;
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
    }
    tokio::time::resume();
    let mut stream = listening(&server, &id).await;
    answered(&server, &id, &asked).await;
    let task = until(&mut stream, "completed").await;
    assert_eq!(task["result"]["structuredContent"]["calls"], 1, "{task}");
    assert_eq!(task["result"]["structuredContent"]["result"]["content"]["name"], "ada");
}

#[tokio::test]
async fn a_task_whose_client_cannot_answer_refuses_the_question_by_name() {
    let server = with_task("2025-11-25").await;
    let params = json!({ "name": "ask", "arguments": form() });
    let capabilities = json!({ "extensions": { EXTENSION: {} } });
    let request = stateless_with(json!(1), "tools/call", params, capabilities);
    let id = result(request.send(&server).await).await["taskId"].as_str().expect("an id").to_owned();
    let task = until(&mut listening(&server, &id).await, "completed").await;
    let error = task["result"]["structuredContent"]["error"]["message"].as_str().expect("a text").to_owned();
    assert!(
        error.contains("elicitation/create") && error.contains("does not declare elicitation"),
        "{error}"
    );
}
