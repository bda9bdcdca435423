//! Tools that go on later: after a pause, when their client answers, or when another system ends the task.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use mcp_lambda_server::{
    Clock, Config, McpContext, McpLambdaServer, MemoryStore, Server, Stores,
    config::NamedKey,
    rmcp::{
        self, ErrorData, RoleServer, handler::server::wrapper::Parameters, model::InputRequest,
        service::RequestContext, tool, tool_router,
    },
    tasks::{Continue, ExternalUpdate, TaskId, TaskLimits, TaskOutcome, TaskSupport, Tasks},
    time::Timestamp,
};
use serde_json::{Map, Value, json};
use test_support::{built, refused, request::stateless_with, result};

#[derive(serde::Deserialize, rmcp::schemars::JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct Takes {
    seconds: u64,
}

/// Tools that end an attempt before their task.
#[derive(Clone)]
struct Patient {
    /// The number of attempts.
    attempts: Arc<AtomicU32>,
}

#[tool_router(server_handler)]
impl Patient {
    #[tool(description = "Looks once an hour whether something is ready; it is at the third look.")]
    async fn hourly(&self, context: RequestContext<RoleServer>) -> Result<String, ErrorData> {
        self.attempts.fetch_add(1, Ordering::SeqCst);
        let task = context.task();
        let looks = task.last_checkpoint::<u32>().await?.unwrap_or(0) + 1;
        task.checkpoint(&looks).await?;
        if looks < 3 {
            return Err(Continue::later(Duration::from_secs(20 * 60)).into());
        }
        Ok(format!("ready at look {looks}"))
    }

    #[tool(description = "Asks a person.")]
    async fn asks(&self, context: RequestContext<RoleServer>) -> Result<String, ErrorData> {
        self.attempts.fetch_add(1, Ordering::SeqCst);
        let question: InputRequest = serde_json::from_value(json!({
            "method": "elicitation/create",
            "params": { "mode": "form", "message": "May I?", "requestedSchema": { "type": "object", "properties": {} } },
        }))
        .map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
        let answer = context.task().request_input("may", question).await?;
        Ok(format!("{}", answer["action"]))
    }

    #[tool(description = "Takes some seconds.")]
    async fn takes(&self, Parameters(Takes { seconds }): Parameters<Takes>) -> Result<String, ErrorData> {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        if seconds == 2 { Err(ErrorData::internal_error("it broke", None)) } else { Ok("done".into()) }
    }

    #[tool(description = "Is ended by another system.")]
    async fn external(&self) -> Result<String, ErrorData> {
        self.attempts.fetch_add(1, Ordering::SeqCst);
        Err(Continue::after_update().into())
    }
}

struct World {
    server: Server,
    clock: Clock,
    tasks: Tasks,
    attempts: Arc<AtomicU32>,
}

fn world() -> World {
    let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
    let stores = Stores::of(MemoryStore::new(clock.clone()));
    let tasks = Tasks::new(Arc::clone(&stores.tasks), clock.clone(), TaskLimits::default());
    let attempts = Arc::new(AtomicU32::new(0));
    let mut config = Config::default();
    config.state_keys = vec![NamedKey::new("one", vec![1; 32])];
    let mut builder = McpLambdaServer::builder(Patient { attempts: Arc::clone(&attempts) });
    for tool in ["hourly", "asks", "external"] {
        builder = builder.task_tool(tool, TaskSupport::Optional);
    }
    let builder = builder.task_tool("takes", TaskSupport::IfSlow(Duration::from_secs(5)));
    let server = built(builder.config(config).stores(stores).clock(clock.clone())).expect("a server");
    World { server, clock, tasks, attempts }
}

impl World {
    async fn ask(&self, method: &str, params: Value) -> Value {
        let capabilities =
            json!({ "extensions": { "io.modelcontextprotocol/tasks": {} }, "elicitation": {} });
        let id = params["taskId"].as_str().map(str::to_owned);
        let request = stateless_with(json!(1), method, params, capabilities);
        let request = match id {
            Some(id) => request.header("mcp-name", &id),
            None => request,
        };
        result(request.send(&self.server).await).await
    }

    async fn start(&self, tool: &str) -> String {
        let task = self.ask("tools/call", json!({ "name": tool, "arguments": {} })).await;
        task["taskId"].as_str().expect("a task").to_owned()
    }

    /// Lets time pass, on both clocks.
    async fn pass(&self, time: Duration) {
        self.clock.advance(time);
        tokio::time::sleep(time).await;
        // The paused clock stands while the worker writes.
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
    }

    async fn get(&self, id: &str) -> Value {
        self.ask("tasks/get", json!({ "taskId": id })).await
    }

    fn attempts(&self) -> u32 {
        self.attempts.load(Ordering::SeqCst)
    }
}

#[tokio::test(start_paused = true)]
async fn a_tool_goes_on_after_a_pause_from_its_checkpoint_and_occupies_nothing_meanwhile() {
    let world = world();
    let id = world.start("hourly").await;
    world.pass(Duration::from_secs(1)).await;
    for look in 1..3 {
        assert_eq!((world.attempts(), world.get(&id).await["status"].clone()), (look, json!("working")));
        world.pass(Duration::from_secs(19 * 60)).await;
        assert_eq!(world.attempts(), look, "the pause is not over");
        world.pass(Duration::from_secs(61)).await;
    }
    let task = world.get(&id).await;
    assert_eq!(task["result"]["content"][0]["text"], "ready at look 3", "{task}");
}

#[tokio::test(start_paused = true)]
async fn inline_there_is_no_later_and_the_client_is_told_what_to_declare() {
    let world = world();
    let call =
        stateless_with(json!(1), "tools/call", json!({ "name": "hourly", "arguments": {} }), json!({}));
    let (_, code, body) = refused(call.send(&world.server).await).await;
    assert_eq!(code, -32603);
    assert!(
        body["error"]["message"].as_str().expect("a text").contains("declare the tasks extension"),
        "{body}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_tool_whose_client_thinks_long_is_stopped_and_started_again_with_the_answer() {
    let world = world();
    let id = world.start("asks").await;
    world.pass(Duration::from_secs(30)).await;
    let task = world.get(&id).await;
    assert_eq!(task["status"], "input_required", "{task}");
    let owner = mcp_lambda_server::Principal::anonymous();
    let stored = world.tasks.get(&owner, &id.parse().expect("an id")).await.expect("there");
    assert!(stored.state.due_at() > Some(world.clock.now()), "no worker holds it");
    world.pass(Duration::from_secs(20 * 60)).await;
    assert_eq!(world.attempts(), 1, "it waits for the answer");
    let answers = json!({ "may": { "action": "accept", "content": {} } });
    world.ask("tasks/update", json!({ "taskId": id, "inputResponses": answers })).await;
    world.pass(Duration::from_secs(2)).await;
    let task = world.get(&id).await;
    assert_eq!(task["result"]["content"][0]["text"], "\"accept\"", "{task}");
    assert_eq!(world.attempts(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_waits_for_another_system_is_ended_by_it() {
    let world = world();
    let id = world.start("external").await;
    world.pass(Duration::from_secs(40 * 60)).await;
    assert_eq!((world.attempts(), world.get(&id).await["status"].clone()), (1, json!("working")));
    let key: TaskId = id.parse().expect("an id");
    let noted = ExternalUpdate::Message("at the printer".into());
    world.tasks.update(&key, &noted).await.expect("noted");
    assert_eq!(world.get(&id).await["statusMessage"], "at the printer");
    let outcome = TaskOutcome::Completed(Map::from_iter([("content".to_owned(), json!([]))]));
    world.tasks.update(&key, &ExternalUpdate::Outcome(outcome)).await.expect("ended");
    let task = world.get(&id).await;
    assert_eq!((&task["status"], &task["result"]["content"]), (&json!("completed"), &json!([])));
}

#[tokio::test(start_paused = true)]
async fn a_call_is_answered_with_its_result_if_that_is_there_soon_and_else_with_its_task() {
    let world = world();
    let call = |seconds: u64| json!({ "name": "takes", "arguments": { "seconds": seconds } });
    for quick in [0, 1, 4] {
        let began = tokio::time::Instant::now();
        let done = world.ask("tools/call", call(quick)).await;
        assert_eq!((&done["resultType"], &done["content"][0]["text"]), (&json!("complete"), &json!("done")));
        assert!(began.elapsed() <= Duration::from_millis(quick * 1_000 + 600), "{:?}", began.elapsed());
    }
    let capabilities = json!({ "extensions": { "io.modelcontextprotocol/tasks": {} } });
    let broken = stateless_with(json!(1), "tools/call", call(2), capabilities);
    let (_, code, body) = refused(broken.send(&world.server).await).await;
    assert_eq!((code, &body["error"]["message"]), (-32603, &json!("it broke")));
    let began = tokio::time::Instant::now();
    let task = world.ask("tools/call", call(8)).await;
    assert_eq!((&task["resultType"], &task["status"]), (&json!("task"), &json!("working")), "{task}");
    assert_eq!(began.elapsed(), Duration::from_secs(5));
    world.pass(Duration::from_secs(4)).await;
    let task = world.get(task["taskId"].as_str().expect("a task")).await;
    assert_eq!(task["result"]["content"][0]["text"], "done", "{task}");
    let undeclared = stateless_with(json!(1), "tools/call", call(1), json!({}));
    assert_eq!(result(undeclared.send(&world.server).await).await["content"][0]["text"], "done");
}
