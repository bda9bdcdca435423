//! Tools that run as tasks (SEP-2663): the same code inline, for clients that know no tasks.

use std::time::Duration;

use mcp_lambda_server::{
    McpContext,
    rmcp::{
        ErrorData, RoleServer,
        model::{CallToolRequestParams, CallToolResponse, CallToolResult, JsonObject, Tool},
        service::RequestContext,
    },
    tasks::{TaskHandle, TaskSupport},
};
use serde_json::{Value, json};

use crate::{
    content,
    input::{self, Answers, elicit, elicited_text},
    schemas,
};

type Context = RequestContext<RoleServer>;

/// Which tools run as tasks.
pub(crate) const SUPPORT: [(&str, TaskSupport); 6] = [
    ("slow_compute", TaskSupport::Optional),
    ("failing_job", TaskSupport::Required),
    ("protocol_error_job", TaskSupport::Optional),
    ("confirm_delete", TaskSupport::Optional),
    ("multi_input", TaskSupport::Optional),
    ("test_tool_with_task", TaskSupport::AfterInput),
];

pub(crate) fn all() -> Vec<Tool> {
    let tool = |name: &'static str, description: &'static str, schema: Value| {
        Tool::new(name, description, schemas::object(schema))
    };
    vec![
        tool(
            "slow_compute",
            "Takes some seconds",
            json!({
                "type": "object",
                "properties": { "seconds": { "type": "number" }, "label": { "type": "string" } },
            }),
        ),
        tool("failing_job", "Fails after a second", schemas::nothing()),
        tool("protocol_error_job", "Ends with an error of the protocol", schemas::nothing()),
        tool("confirm_delete", "Asks before it deletes", schemas::string("filename", "What to delete")),
        tool("multi_input", "Asks two questions at once", schemas::nothing()),
        tool("test_tool_with_task", "Asks for a name, then runs as a task", schemas::nothing()),
    ]
}

/// Runs a tool. `None`: it is not one of these.
pub(crate) async fn call(
    request: &CallToolRequestParams,
    context: &Context,
) -> Option<Result<CallToolResponse, ErrorData>> {
    let nothing = JsonObject::new();
    let arguments = request.arguments.as_ref().unwrap_or(&nothing);
    let result = match request.name.as_ref() {
        "slow_compute" => slow(arguments, &context.task()).await,
        "failing_job" => {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(content::fail("The job has failed"))
        }
        "protocol_error_job" => Err(ErrorData::internal_error("the job has broken", None)),
        "confirm_delete" => confirm(arguments, &context.task()).await,
        "multi_input" => two_questions(&context.task()).await,
        "test_tool_with_task" => return Some(name_first(request.input_responses.as_ref(), context)),
        _ => return None,
    };
    Some(result.map(Into::into))
}

async fn slow(arguments: &JsonObject, task: &TaskHandle) -> Result<CallToolResult, ErrorData> {
    let seconds = arguments.get("seconds").and_then(Value::as_f64).unwrap_or_default().clamp(0.0, 3600.0);
    let label = arguments.get("label").and_then(Value::as_str).unwrap_or("nothing");
    tokio::select! {
        () = tokio::time::sleep(Duration::from_secs_f64(seconds)) => {
            Ok(content::say(format!("Computed {label} in {seconds} s")))
        }
        () = task.cancelled() => Err(ErrorData::internal_error("cancelled", None)),
    }
}

async fn confirm(arguments: &JsonObject, task: &TaskHandle) -> Result<CallToolResult, ErrorData> {
    let file = arguments.get("filename").and_then(Value::as_str).unwrap_or("it");
    let answer =
        task.request_input("confirm", elicit(&format!("Delete {file}?"), "confirm", "boolean")?).await?;
    let is_confirmed = answer.pointer("/content/confirm") == Some(&Value::Bool(true));
    Ok(content::say(if is_confirmed { format!("Deleted {file}") } else { format!("Kept {file}") }))
}

async fn two_questions(task: &TaskHandle) -> Result<CallToolResult, ErrorData> {
    let (first, second) = tokio::try_join!(
        task.request_input("first", elicit("The first name?", "name", "string")?),
        task.request_input("second", elicit("The second name?", "name", "string")?),
    )?;
    Ok(content::say(format!("{first} and {second}")))
}

fn name_first(answers: Answers<'_>, context: &Context) -> Result<CallToolResponse, ErrorData> {
    match elicited_text(answers, "user_name", "name") {
        Some(name) => Ok(content::say(format!("Hello, {name}!")).into()),
        None => {
            let question = elicit("What is your name?", "name", "string")?;
            input::required([("user_name", question)], None, context).map(Into::into)
        }
    }
}
