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
    output,
    rounds::{Round, rounds},
    tasks, tools,
};

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
    match outcome(client.peer(), params, &elicitation::ask).await? {
        Outcome::Result(result) => output::print_result(args.client.form.output, &result),
        Outcome::Task(task) if args.detach => output::print(args.client.form.output, &task, tasks::line),
        Outcome::Task(task) => tasks::wait(client, task.task_id, args.client.form.output).await,
    }
}

/// Calls a tool.
pub(super) async fn outcome(
    peer: &Peer<RoleClient>,
    params: CallToolRequestParams,
    ask: &impl AsyncFn(ElicitRequestParams) -> Result<ElicitResult, ErrorData>,
) -> Result<Outcome, Failure> {
    rounds(&params.name, ask, async |answers, state| {
        let mut params = params.clone();
        (params.input_responses, params.request_state) = (answers, state);
        Ok(match peer.call_tool_once(params).await? {
            CallToolResponse::Complete(result) => Round::Result(Outcome::Result(result)),
            CallToolResponse::Task(created) => Round::Result(Outcome::Task(created.task)),
            CallToolResponse::InputRequired(asked) => Round::Questions(asked),
            _ => Round::Unknown,
        })
    })
    .await
}
