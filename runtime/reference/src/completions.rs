//! Completion of the arguments of the prompt and of the resource template that have a fixed set of values.

use rmcp::{
    ErrorData,
    model::{CompleteRequestParams, CompleteResult, CompletionInfo, Reference},
};

use crate::{prompts::AREAS, resources};

pub(crate) fn complete(request: &CompleteRequestParams) -> Result<CompleteResult, ErrorData> {
    let argument = &request.argument;
    let known: &[&str] = match (&request.r#ref, argument.name.as_str()) {
        (Reference::Prompt(prompt), "area") if prompt.name == "diagnose" => &AREAS,
        (Reference::Resource(template), "check") if template.uri == resources::HEALTH => &resources::CHECKS,
        _ => &[],
    };
    let values =
        known.iter().filter(|value| value.starts_with(&argument.value)).map(ToString::to_string).collect();
    CompletionInfo::new(values)
        .map(CompleteResult::new)
        .map_err(|error| ErrorData::internal_error(error, None))
}
