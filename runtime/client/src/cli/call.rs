//! `mcp-lambda call`.

use rmcp::{
    RoleClient,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ElicitRequestParams, ElicitResult,
        ErrorData, Task,
    },
    service::Peer,
};
use serde_json::Value;

use super::{
    args::CallArgs,
    arguments,
    client::{self, Client},
    elicitation,
    failure::Failure,
    output, tasks, tools,
};

/// Rounds of questions that one request may ask.
pub(super) const ROUNDS: usize = 20;

/// What became of a call.
pub(super) enum Outcome {
    Result(CallToolResult),
    Task(Task),
}

/// Calls a tool, and prints its result.
pub(super) async fn run(args: CallArgs) -> Result<(), Failure> {
    let client = client::connect(&args.client).await?;
    let result = call(&client, &args).await;
    // The session ends also after an error.
    let _ = client.cancel().await;
    result
}

async fn call(client: &Client, args: &CallArgs) -> Result<(), Failure> {
    let pairs = [args.arguments.as_slice(), args.arg.as_slice()].concat();
    // Only pairs need the schema.
    let schema = if pairs.is_empty() { Value::Null } else { tools::input_schema(client, &args.tool).await? };
    let arguments = arguments::read(args.json.as_deref(), &pairs, &schema)?;
    let params = CallToolRequestParams::new(args.tool.clone()).with_arguments(arguments);
    match rounds(client.peer(), params, &elicitation::ask).await? {
        Outcome::Result(result) => output::print_result(args.client.form.output, &result),
        Outcome::Task(task) if args.detach => output::print(args.client.form.output, &task, tasks::line),
        Outcome::Task(task) => tasks::wait(client, task.task_id, args.client.form.output).await,
    }
}

/// Calls a tool. Questions of 2026-07-28 come as results: each is asked, and the call repeated with the answers.
pub(super) async fn rounds(
    peer: &Peer<RoleClient>,
    mut params: CallToolRequestParams,
    ask: &impl AsyncFn(ElicitRequestParams) -> Result<ElicitResult, ErrorData>,
) -> Result<Outcome, Failure> {
    for _ in 0..ROUNDS {
        match peer.call_tool_once(params.clone()).await? {
            CallToolResponse::Complete(result) => return Ok(Outcome::Result(result)),
            CallToolResponse::Task(created) => return Ok(Outcome::Task(created.task)),
            CallToolResponse::InputRequired(asked) => {
                let answers = tasks::answers(asked.input_requests.unwrap_or_default(), ask).await?;
                params.input_responses = (!answers.is_empty()).then_some(answers);
                params.request_state = asked.request_state;
            }
            _ => break,
        }
    }
    Err(endless(&params.name))
}

/// The failure of a request that asks and asks.
pub(super) fn endless(name: &str) -> Failure {
    Failure::refused(format!("{name} asked for input {ROUNDS} times without a result"))
}
