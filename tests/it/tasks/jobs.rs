//! Tools that run as tasks, environments that serve them, and requests of clients.

#![allow(deprecated, reason = "requests to the client are tested until they are gone")]

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
        ErrorData, RoleServer, ServerHandler,
        handler::server::{router::tool::ToolRouter, tool::InputResponses},
        model::{
            CallToolResponse, CallToolResult, ContentBlock, InputRequest, InputRequiredResult,
            ProgressNotificationParam, ProgressToken, ServerCapabilities, ServerConfig,
        },
        service::RequestContext,
        tool, tool_handler, tool_router,
    },
    tasks::TaskSupport,
    time::Timestamp,
};
use serde_json::{Value, json};
use test_support::{McpRequest, built, request::stateless_with, result};
use tokio::sync::Semaphore;

pub(super) const EXTENSION: &str = "io.modelcontextprotocol/tasks";

/// Tools that run as tasks.
#[derive(Clone)]
struct Jobs {
    tools: ToolRouter<Self>,
    /// Lets steps of `steps` pass.
    gate: Arc<Semaphore>,
    /// The number of steps that were done, in all attempts.
    done: Arc<AtomicU32>,
}

pub(super) fn question(text: &str) -> InputRequest {
    let form = json!({
        "method": "elicitation/create",
        "params": {
            "mode": "form",
            "message": text,
            "requestedSchema": { "type": "object", "properties": { "name": { "type": "string" } } },
        },
    });
    serde_json::from_value(form).expect("a request")
}

#[tool_router(router = job_tools)]
impl Jobs {
    #[tool(description = "Does three steps, and keeps how far it has come.")]
    async fn steps(&self, context: RequestContext<RoleServer>) -> Result<String, ErrorData> {
        let task = context.task();
        let first = task.last_checkpoint::<u32>().await?.unwrap_or(0);
        for step in first..3 {
            self.gate.acquire().await.expect("the gate is open").forget();
            self.done.fetch_add(1, Ordering::SeqCst);
            task.checkpoint(&(step + 1)).await?;
            task.set_status_message(format!("step {} of 3", step + 1)).await?;
        }
        Ok(format!("from {first}, as {}", context.principal().key()))
    }

    #[tool(description = "Runs as a task only, and reports an error.")]
    async fn only(&self) -> Result<CallToolResult, ErrorData> {
        Ok(CallToolResult::error(vec![ContentBlock::text("it did not work")]))
    }

    #[tool(description = "Ends with an error of the protocol.")]
    async fn breaks(&self) -> Result<String, ErrorData> {
        Err(ErrorData::internal_error("the job is broken", None))
    }

    #[tool(description = "Panics.")]
    async fn panics(&self) -> Result<String, ErrorData> {
        panic!("as it should")
    }

    #[tool(description = "Asks two questions at once.")]
    async fn asks(&self, context: RequestContext<RoleServer>) -> Result<String, ErrorData> {
        let task = context.task();
        let (one, two) = tokio::try_join!(
            task.request_input("one", question("one?")),
            task.request_input("two", question("two?"))
        )?;
        Ok(format!("{} {}", one["content"]["name"], two["content"]["name"]))
    }

    #[tool(description = "Asks the model of its client.")]
    async fn samples(&self, context: RequestContext<RoleServer>) -> Result<String, ErrorData> {
        let request = json!({
            "method": "sampling/createMessage",
            "params": {
                "messages": [{ "role": "user", "content": { "type": "text", "text": "a word?" } }],
                "maxTokens": 8,
            },
        });
        let request = serde_json::from_value(request).expect("a request");
        Ok(context.task().request_input("word", request).await?["content"]["text"].to_string())
    }

    #[tool(description = "Never ends by itself. When it is cancelled, it does one step.")]
    async fn endless(&self, context: RequestContext<RoleServer>) -> Result<String, ErrorData> {
        context.task().cancelled().await;
        self.done.fetch_add(1, Ordering::SeqCst);
        Err(ErrorData::internal_error("stopped", None))
    }

    #[tool(description = "Never ends, and hears nothing.")]
    async fn deaf(&self) -> Result<String, ErrorData> {
        std::future::pending().await
    }

    #[tool(description = "Reports progress, and asks the client the old way.")]
    async fn chatty(&self, context: RequestContext<RoleServer>) -> Result<String, ErrorData> {
        let token = ProgressToken(mcp_lambda_server::rmcp::model::NumberOrString::Number(1));
        let sent = context.peer.notify_progress(ProgressNotificationParam::new(token, 1.0)).await;
        let asked = context.peer.list_roots().await;
        Ok(format!("{} {}", sent.is_ok(), asked.is_err()))
    }

    #[tool(description = "Asks for a name before there is a task.")]
    async fn greets(&self, InputResponses(answers): InputResponses) -> Result<CallToolResponse, ErrorData> {
        let answers = answers.unwrap_or_default();
        Ok(match answers.get("name") {
            Some(name) => CallToolResult::success(vec![ContentBlock::text(format!(
                "Hello, {}",
                name["content"]["name"]
            ))])
            .into(),
            None => {
                let asks = [("name".to_owned(), question("name?"))].into_iter().collect();
                InputRequiredResult::new(Some(asks), Some("round one".into())).into()
            }
        })
    }
}

#[tool_handler(router = self.tools)]
impl ServerHandler for Jobs {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().enable_tool_list_changed().build())
    }
}

/// Environments over one store.
pub(super) struct World {
    pub(super) servers: Vec<Server>,
    pub(super) clock: Clock,
    pub(super) stores: Stores,
    pub(super) gate: Arc<Semaphore>,
    pub(super) done: Arc<AtomicU32>,
}

pub(super) fn world(environments: usize) -> World {
    world_with(environments, |_| {})
}

/// The same with another configuration.
pub(super) fn world_with(environments: usize, change: impl Fn(&mut Config)) -> World {
    let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
    let stores = Stores::of(MemoryStore::new(clock.clone()));
    world_over(stores, clock, environments, change)
}

/// The same over these stores.
pub(super) fn world_over(
    stores: Stores,
    clock: Clock,
    environments: usize,
    change: impl Fn(&mut Config),
) -> World {
    let (gate, done) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicU32::new(0)));
    let jobs = Jobs { tools: Jobs::job_tools(), gate: Arc::clone(&gate), done: Arc::clone(&done) };
    let server = || {
        let mut config = Config::default();
        config.state_keys = vec![NamedKey::new("one", vec![1; 32])];
        change(&mut config);
        let mut builder = McpLambdaServer::builder(jobs.clone()).config(config).stores(stores.clone());
        for tool in ["steps", "breaks", "panics", "asks", "samples", "endless", "deaf", "chatty"] {
            builder = builder.task_tool(tool, TaskSupport::Optional);
        }
        builder =
            builder.task_tool("only", TaskSupport::Required).task_tool("greets", TaskSupport::AfterInput);
        built(builder.clock(clock.clone())).expect("a server")
    };
    World { servers: (0..environments).map(|_| server()).collect(), clock, stores, gate, done }
}

/// A request of a client that declares the extension.
pub(super) fn declared(method: &str, params: Value) -> McpRequest {
    named(method, params, json!({ "extensions": { EXTENSION: {} }, "elicitation": {} }))
}

pub(super) fn undeclared(method: &str, params: Value) -> McpRequest {
    named(method, params, json!({}))
}

pub(super) fn named(method: &str, params: Value, capabilities: Value) -> McpRequest {
    let id = params["taskId"].as_str().map(str::to_owned);
    let request = stateless_with(json!(1), method, params, capabilities);
    match id {
        Some(id) => request.header("mcp-name", &id),
        None => request,
    }
}

pub(super) async fn created(server: &Server, tool: &str) -> Value {
    result(declared("tools/call", json!({ "name": tool, "arguments": {} })).send(server).await).await
}

pub(super) async fn start(server: &Server, tool: &str) -> String {
    created(server, tool).await["taskId"].as_str().expect("a task").to_owned()
}

pub(super) async fn get(server: &Server, id: &str) -> Value {
    result(declared("tasks/get", json!({ "taskId": id })).send(server).await).await
}

pub(super) async fn ask(server: &Server, method: &str, params: Value) -> Value {
    result(declared(method, params).send(server).await).await
}

/// Polls, as clients do, until the task has this status.
pub(super) async fn until(server: &Server, id: &str, status: &str) -> Value {
    for _ in 0..400 {
        let task = get(server, id).await;
        if task["status"] == status {
            return task;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("{id} did not become {status}: {}", get(server, id).await);
}

/// A result without what is in every one.
pub(super) fn bare(mut result: Value) -> Value {
    result.as_object_mut().expect("an object").remove("_meta");
    result
}
