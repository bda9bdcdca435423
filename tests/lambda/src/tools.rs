//! The tools.

use std::{io, time::Duration};

use mcp_lambda_server::{
    Events, Handles, McpContext, Principal, Session,
    rmcp::{
        ErrorData, RoleServer, ServerHandler,
        model::{
            CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation,
            JsonObject, ListToolsResult, PaginatedRequestParams, ProgressNotificationParam,
            ServerCapabilities, ServerConfig, Tool,
        },
        service::RequestContext,
    },
};
use serde_json::{Value, json};

use crate::gate::{self, Gate};

type Context = RequestContext<RoleServer>;

/// The handler. It has no state: what must be kept belongs to a session or to the events.
#[derive(Clone)]
pub(crate) struct Fixture;

impl ServerHandler for Fixture {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().enable_tool_list_changed().build();
        ServerConfig::new(capabilities).with_server_info(Implementation::new("fixture", "1"))
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: Context,
    ) -> Result<ListToolsResult, ErrorData> {
        let Value::Object(anything) = json!({ "type": "object" }) else {
            return Ok(ListToolsResult::default());
        };
        let names = [
            "echo", "big", "pid", "count", "gated", "stubborn", "block", "panic", "change", "who", "ending",
            "failing", "job", "looking", "steps",
        ];
        let tools = names.map(|name| Tool::new(name, "A tool of the fixture", anything.clone()));
        Ok(ListToolsResult::with_all_items(tools.into()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: Context,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        let text = match request.name.as_ref() {
            "echo" => arguments.get("message").and_then(Value::as_str).unwrap_or_default().to_owned(),
            "big" => "x".repeat(number(&arguments, "bytes")),
            "pid" => std::process::id().to_string(),
            "count" => count(&arguments, &context).await?,
            "gated" => gated(&context).await.map_err(|error| broke(&error))?,
            "job" => job(&context).await?,
            "steps" => steps(&arguments, &context).await?,
            "stubborn" => stubborn().await.map_err(|error| broke(&error))?,
            "block" => gate::block().map(|()| "let go".to_owned()).map_err(|error| broke(&error))?,
            "panic" => panic(number(&arguments, "after"), &context).await,
            "change" => change(&context).await,
            "who" => who(&context),
            "ending" => ending(&arguments, &context).await?,
            "failing" if arguments.contains_key("fails") => {
                let text = vec![ContentBlock::text("it fails, as asked")];
                return Ok(CallToolResult::error(text).into());
            }
            "failing" => sold(&context),
            "looking" => look(&arguments).await,
            unknown => return Err(ErrorData::invalid_params(format!("no tool {unknown:?}"), None)),
        };
        Ok(CallToolResult::success(vec![ContentBlock::text(text)]).into())
    }
}

/// Sends `reports` messages, waits `seconds`, and ends: with text, an error, more than may be sent, or a changed list.
async fn ending(arguments: &JsonObject, context: &Context) -> Result<String, ErrorData> {
    for step in 1..=number(arguments, "reports") {
        progress(context, step, "running").await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tokio::time::sleep(Duration::from_secs(number(arguments, "seconds") as u64)).await;
    match arguments.get("with").and_then(Value::as_str) {
        Some("error") => Err(ErrorData::internal_error("an error, as asked", None)),
        Some("big") => Ok("x".repeat(2 * 1024 * 1024)),
        Some("change") => Ok(change(context).await),
        _ => Ok("done".to_owned()),
    }
}

/// Records a metric of the program.
fn sold(context: &Context) -> String {
    context.metrics().map_or_else(String::new, |metrics| {
        metrics.count("BooksSold", 3);
        "counted".to_owned()
    })
}

/// A span of the program's own, and one within it.
#[tracing::instrument(skip_all, fields(shelf = 3))]
async fn look(_: &JsonObject) -> String {
    tracing::info_span!("reach").in_scope(|| tracing::debug!("too fine to be sent"));
    tokio::task::yield_now().await;
    "found".to_owned()
}

fn number(arguments: &JsonObject, name: &str) -> usize {
    let number = arguments.get(name).and_then(Value::as_u64).unwrap_or_default();
    usize::try_from(number).unwrap_or_default()
}

fn broke(error: &io::Error) -> ErrorData {
    ErrorData::internal_error(format!("the gate cannot be reached: {error}"), None)
}

/// Counts in the session, or behind the name that was passed.
async fn count(arguments: &JsonObject, context: &Context) -> Result<String, ErrorData> {
    let name = arguments.get("name").and_then(Value::as_str);
    let state = match (context.extensions.get::<Session>(), context.extensions.get::<Handles>(), name) {
        (Some(session), _, _) => session.state().clone(),
        (None, Some(handles), Some(name)) => handles.open(name),
        _ => return Err(ErrorData::invalid_params("without a session, name a counter", None)),
    };
    let counted = state.update("count", |count: Option<u64>| count.unwrap_or_default() + 1).await;
    counted.map(|count| count.to_string()).map_err(|error| ErrorData::internal_error(error.to_string(), None))
}

/// Reports progress for each word of the test, then answers with all of them.
async fn gated(context: &Context) -> io::Result<String> {
    let (mut gate, mut heard) = (Gate::reach().await?, Vec::new());
    loop {
        let word = tokio::select! {
            word = gate.step() => word,
            () = context.ct.cancelled() => {
                gate.report("cancelled").await?;
                None
            }
        };
        let Some(word) = word else { break };
        progress(context, heard.len() + 1, &word).await;
        heard.push(word);
    }
    // What a test sees last: the tool ran to its end.
    gate.report("done").await.ok();
    Ok(heard.join(" "))
}

/// Keeps each word of the test as a checkpoint, and ends with all of them, those of earlier attempts first.
async fn job(context: &Context) -> Result<String, ErrorData> {
    let task = context.task();
    let mut heard: Vec<String> = task.last_checkpoint().await?.unwrap_or_default();
    let mut gate = Gate::reach().await.map_err(|error| broke(&error))?;
    while let Some(word) = gate.step().await {
        heard.push(word);
        task.checkpoint(&heard).await?;
        gate.report("kept").await.map_err(|error| broke(&error))?;
    }
    Ok(heard.join(" "))
}

/// Does `steps` steps of `ms` milliseconds, and keeps a checkpoint after each.
async fn steps(arguments: &JsonObject, context: &Context) -> Result<String, ErrorData> {
    let (task, steps) = (context.task(), number(arguments, "steps"));
    let first = task.last_checkpoint::<usize>().await?.unwrap_or(0);
    for step in first..steps {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(number(arguments, "ms") as u64)) => {}
            () = task.cancelled() => return Err(ErrorData::internal_error("cancelled", None)),
        }
        task.checkpoint(&(step + 1)).await?;
    }
    Ok(format!("{}: {steps} steps", number(arguments, "number")))
}

/// Waits at the gate and ignores its cancellation.
async fn stubborn() -> io::Result<String> {
    let mut gate = Gate::reach().await?;
    while gate.step().await.is_some() {}
    Ok("let go".to_owned())
}

/// Panics, `after` so many reports.
async fn panic(after: usize, context: &Context) -> String {
    for step in 1..=after {
        progress(context, step, "before the panic").await;
    }
    // Lets the report leave before everything else happens at once.
    tokio::time::sleep(Duration::from_millis(1)).await;
    panic!("a tool panics, as asked")
}

async fn progress(context: &Context, step: usize, word: &str) {
    if let Some(token) = context.meta.get_progress_token() {
        let step = f64::from(u32::try_from(step).unwrap_or(u32::MAX));
        let progress = ProgressNotificationParam::new(token, step).with_message(word);
        // A client that left gets no message; the tool goes on.
        let _ = context.peer.notify_progress(progress).await;
    }
}

/// Publishes that the tools have changed.
async fn change(context: &Context) -> String {
    match context.extensions.get::<Events>() {
        Some(events) => match events.publish(mcp_lambda_server::Event::ToolsListChanged).await {
            Ok(_) => "changed".to_owned(),
            Err(error) => error.to_string(),
        },
        None => "no events".to_owned(),
    }
}

/// Says who calls, as JSON.
fn who(context: &Context) -> String {
    let caller = context.extensions.get::<Principal>().cloned().unwrap_or_else(Principal::anonymous);
    let authenticated_by = format!("{:?}", caller.authenticated_by());
    json!({ "key": caller.key(), "authenticated_by": authenticated_by, "scopes": caller.scopes(), "attributes": caller.attributes() })
        .to_string()
}
