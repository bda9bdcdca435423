//! `mcp-lambda tasks`, and the wait for the task that a call becomes.

use std::time::Duration;

use rmcp::{
    RoleClient,
    model::{
        CallToolResult, CancelTaskParams, ClientRequest, CustomRequest, ElicitRequestParams, ElicitResult,
        ErrorCode, ErrorData, GetTaskParams, InputRequest, InputRequests, InputResponses, ServerResult, Task,
        TaskPayload, UpdateTaskParams,
    },
    service::Peer,
};
use serde_json::{Value, json};

use super::{
    args::{ClientArgs, EraArg, Output, TasksArgs, TasksCommand},
    client::{self, Client},
    elicitation,
    failure::Failure,
    output,
};

/// The pause between two looks at a task, if the server names none, and the limits of one that it names.
const POLL: Duration = Duration::from_secs(1);
const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(60);

pub(super) async fn run(args: TasksArgs) -> Result<(), Failure> {
    match args.command {
        TasksCommand::List(mut args) => {
            if args.form.era == EraArg::Auto {
                args.form.era = EraArg::Session;
            }
            with_client(&args, async |client| list(client, args.form.output).await).await
        }
        TasksCommand::Get { client: args, task, wait: true } => {
            with_client(&args, async |client| wait(client, task, args.form.output).await).await
        }
        TasksCommand::Get { client: args, task, wait: false } => {
            with_client(&args, async |client| {
                let found = client.get_task(GetTaskParams::new(task)).await?;
                output::print(args.form.output, &found.task, line)
            })
            .await
        }
        TasksCommand::Cancel { client: args, task } => {
            with_client(&args, async |client| Ok(client.cancel_task(CancelTaskParams::new(task)).await?))
                .await
        }
        TasksCommand::Update { client: args, task, answers } => {
            let answers = read_answers(&answers)?;
            with_client(&args, async |client| {
                Ok(client.update_task(UpdateTaskParams::new(task, answers)).await?)
            })
            .await
        }
    }
}

async fn with_client(
    args: &ClientArgs,
    command: impl AsyncFnOnce(&Client) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let client = client::connect(args).await?;
    let result = command(&client).await;
    let _ = client.cancel().await;
    result
}

/// The tasks of 2025-11-25, page by page.
async fn list(client: &Client, form: Output) -> Result<(), Failure> {
    output::print(form, &listed(client.peer()).await?, text)
}

/// Tasks, a line for each.
pub(super) fn text(tasks: &Value) -> String {
    let lines: Vec<String> = tasks.as_array().into_iter().flatten().map(line).collect();
    if lines.is_empty() { "There are no tasks.".to_owned() } else { lines.join("\n") }
}

pub(super) async fn listed(peer: &Peer<RoleClient>) -> Result<Vec<Value>, Failure> {
    let mut tasks = Vec::new();
    let mut cursor: Option<Value> = None;
    loop {
        let params = cursor.as_ref().map(|cursor| json!({ "cursor": cursor }));
        let request = ClientRequest::CustomRequest(CustomRequest::new("tasks/list", params));
        let page = match peer.send_request(request).await? {
            ServerResult::CustomResult(result) => result.0,
            other => serde_json::to_value(other).unwrap_or_default(),
        };
        tasks.extend(page["tasks"].as_array().cloned().unwrap_or_default());
        cursor = page.get("nextCursor").filter(|cursor| cursor.is_string()).cloned();
        if cursor.is_none() {
            return Ok(tasks);
        }
    }
}

/// A task as a line: id, status, time, and what it reports.
pub(super) fn line(task: &Value) -> String {
    let text = |key: &str| task[key].as_str().unwrap_or_default();
    let line = format!(
        "{}  {}  {}  {}",
        text("taskId"),
        text("status"),
        text("lastUpdatedAt"),
        text("statusMessage")
    );
    line.trim_end().to_owned()
}

/// Waits for the end of a task, answers its questions, and prints its result.
pub(super) async fn wait(client: &Client, id: String, form: Output) -> Result<(), Failure> {
    output::print_result(form, &end_of(client.peer(), id, &elicitation::ask, |_| {}).await?)
}

/// The result of a task, at its end. Its questions are asked, and each look at it is given to `seen`.
pub(super) async fn end_of(
    peer: &Peer<RoleClient>,
    id: String,
    ask: &impl AsyncFn(ElicitRequestParams) -> Result<ElicitResult, ErrorData>,
    mut seen: impl FnMut(&Task),
) -> Result<CallToolResult, Failure> {
    loop {
        let id = id.clone();
        let found = peer.get_task(GetTaskParams::new(id.clone())).await?;
        let task = found.task.task;
        seen(&task);
        match found.task.payload {
            TaskPayload::Completed { result } => {
                return serde_json::from_value(Value::Object(result)).map_err(|error| {
                    Failure::refused(format!("the result of task {id} is none of a tool: {error}"))
                });
            }
            TaskPayload::Failed { error } => {
                let error: Option<ErrorData> = serde_json::from_value(Value::Object(error)).ok();
                let unknown = || ErrorData::new(ErrorCode::INTERNAL_ERROR, format!("task {id} failed"), None);
                return Err(error.unwrap_or_else(unknown).into());
            }
            TaskPayload::Cancelled => return Err(Failure::refused(format!("task {id} was cancelled"))),
            TaskPayload::InputRequired { input_requests } => {
                let answers = answers(input_requests, ask).await?;
                peer.update_task(UpdateTaskParams::new(id, answers)).await?;
            }
            _ => {}
        }
        tokio::time::sleep(pause(task.poll_interval_ms)).await;
    }
}

fn pause(wanted: Option<u64>) -> Duration {
    wanted.map_or(POLL, Duration::from_millis).clamp(SHORTEST, LONGEST)
}

/// Asks a person each question.
pub(super) async fn answers(
    requests: InputRequests,
    ask: &impl AsyncFn(ElicitRequestParams) -> Result<ElicitResult, ErrorData>,
) -> Result<InputResponses, Failure> {
    let mut answers = InputResponses::new();
    for (key, request) in requests {
        let answer = match request {
            InputRequest::Elicitation(request) => json!(ask(request.params).await?),
            InputRequest::ListRoots(_) => json!({ "roots": [] }),
            InputRequest::CreateMessage(_) => {
                return Err(Failure::refused(
                    "the server asks for a language model, which this client does not have",
                ));
            }
            _ => {
                return Err(Failure::refused("the server asks for something that this client does not know"));
            }
        };
        answers.insert(key, answer);
    }
    Ok(answers)
}

/// Reads answers of the command line: the content of a form, or a whole result with its `action`.
fn read_answers(pairs: &[String]) -> Result<InputResponses, Failure> {
    let mut answers = InputResponses::new();
    for pair in pairs {
        let (key, text) = pair.split_once('=').ok_or_else(|| {
            Failure::usage(format!("{pair:?}: expected KEY=JSON, with the key of a question"))
        })?;
        let value: Value = serde_json::from_str(text)
            .map_err(|error| Failure::usage(format!("{key}: not JSON: {error}")))?;
        let answer = if value.get("action").is_some() {
            value
        } else {
            json!({ "action": "accept", "content": value })
        };
        answers.insert(key.to_owned(), answer);
    }
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_is_the_one_that_the_server_asks_for_within_limits() {
        assert_eq!(pause(Some(250)), Duration::from_millis(250));
        assert_eq!(pause(Some(0)), SHORTEST);
        assert_eq!(pause(Some(u64::MAX)), LONGEST);
        assert_eq!(pause(None), POLL);
    }

    #[test]
    fn an_answer_is_the_content_of_a_form_or_a_whole_result() {
        let pairs = [r#"a={"name":"x"}"#.to_owned(), r#"b={"action":"decline"}"#.to_owned()];
        let answers = read_answers(&pairs).expect("read");
        assert_eq!(answers["a"], json!({ "action": "accept", "content": { "name": "x" } }));
        assert_eq!(answers["b"], json!({ "action": "decline" }));
        assert!(read_answers(&["a".to_owned()]).is_err() && read_answers(&["a={".to_owned()]).is_err());
    }
}
