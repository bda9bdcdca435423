//! Completions: of one prompt argument and the variable of the template, and none for anything else.

use mcp_lambda_server::rmcp::{
    ErrorData,
    model::{CompleteRequestParams, CompleteResult, CompletionInfo, Reference},
};

use crate::{prompts, resources};

const ARG1: &[&str] = &["paris", "park", "party", "test", "testValue1"];
const IDS: &[&str] = &["a film", "a song"];

pub(crate) fn complete(request: &CompleteRequestParams) -> Result<CompleteResult, ErrorData> {
    let known = match &request.r#ref {
        Reference::Prompt(prompt)
            if prompt.name == prompts::WITH_ARGUMENTS && request.argument.name == "arg1" =>
        {
            ARG1
        }
        Reference::Resource(resource)
            if resource.uri == resources::template() && request.argument.name == "id" =>
        {
            IDS
        }
        _ => &[],
    };
    let typed = request.argument.value.as_str();
    let values = known.iter().filter(|value| value.starts_with(typed)).map(ToString::to_string).collect();
    let completion =
        CompletionInfo::with_all_values(values).map_err(|error| ErrorData::internal_error(error, None))?;
    Ok(CompleteResult::new(completion))
}
