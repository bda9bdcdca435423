//! `mcp-lambda call`.

use rmcp::model::{CallToolRequestParams, CallToolResponse, InputRequiredResult};
use serde_json::Value;

use super::{
    args::CallArgs,
    arguments,
    client::{self, Client},
    failure::Failure,
    output, tasks, tools,
};

/// Rounds of questions that one call may ask.
const ROUNDS: usize = 20;

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
    let mut params = CallToolRequestParams::new(args.tool.clone()).with_arguments(arguments);
    for _ in 0..ROUNDS {
        match client.peer().call_tool_once(params.clone()).await? {
            CallToolResponse::Complete(result) => {
                return output::print_result(args.client.form.output, &result);
            }
            CallToolResponse::InputRequired(result) => answer(&mut params, result).await?,
            CallToolResponse::Task(created) if args.detach => {
                return output::print(args.client.form.output, &created.task, tasks::line);
            }
            CallToolResponse::Task(created) => {
                return tasks::wait(client, created.task, args.client.form.output).await;
            }
            _ => break,
        }
    }
    Err(Failure::refused(format!("{} asked for input {ROUNDS} times without a result", args.tool)))
}

/// Answers the questions of a round, for the next one.
async fn answer(params: &mut CallToolRequestParams, asked: InputRequiredResult) -> Result<(), Failure> {
    let requests = asked.input_requests.unwrap_or_default();
    let answers = tasks::answers(requests).await?;
    params.input_responses = (!answers.is_empty()).then_some(answers);
    params.request_state = asked.request_state;
    Ok(())
}
