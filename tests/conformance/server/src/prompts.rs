//! The prompts.

use mcp_lambda_server::rmcp::{
    ErrorData, RoleServer,
    model::{
        ContentBlock, GetPromptRequestParams, GetPromptResponse, GetPromptResult, Prompt, PromptArgument,
        PromptMessage, ResourceContents, Role,
    },
    service::RequestContext,
};
use serde_json::Value;

use crate::{content, mrtr};

/// The prompt with an argument that has completions.
pub(crate) const WITH_ARGUMENTS: &str = "test_prompt_with_arguments";

pub(crate) fn all() -> Vec<Prompt> {
    let argument = |name: &str, description: &str| {
        PromptArgument::new(name).with_description(description).with_required(true)
    };
    let prompt = |name: &str, description: &str, arguments| Prompt::new(name, Some(description), arguments);
    vec![
        prompt("test_simple_prompt", "A prompt without arguments", None),
        prompt(
            WITH_ARGUMENTS,
            "A prompt with two arguments",
            Some(vec![argument("arg1", "First test argument"), argument("arg2", "Second test argument")]),
        ),
        prompt(
            "test_prompt_with_embedded_resource",
            "A prompt that embeds a resource",
            Some(vec![argument("resourceUri", "URI of the resource to embed")]),
        ),
        prompt("test_prompt_with_image", "A prompt that shows an image", None),
        prompt(
            "test_input_required_result_prompt",
            "A prompt that asks the user for its context first",
            None,
        ),
    ]
}

pub(crate) fn get(
    request: &GetPromptRequestParams,
    context: &RequestContext<RoleServer>,
) -> Result<GetPromptResponse, ErrorData> {
    let messages = match request.name.as_str() {
        "test_simple_prompt" => vec![text("This is a simple prompt for testing.")],
        WITH_ARGUMENTS => {
            let (arg1, arg2) = (argument(request, "arg1")?, argument(request, "arg2")?);
            vec![text(format!("Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"))]
        }
        "test_prompt_with_embedded_resource" => {
            let uri = argument(request, "resourceUri")?;
            let resource = ResourceContents::text("Embedded resource content for testing.", uri);
            vec![user(ContentBlock::resource(resource)), text("Please process the embedded resource above.")]
        }
        "test_prompt_with_image" => {
            vec![
                user(ContentBlock::image(content::PNG, "image/png")),
                text("Please analyze the image above."),
            ]
        }
        "test_input_required_result_prompt" => match mrtr::prompt_context(request) {
            Some(answer) => vec![text(format!("A prompt about {answer}."))],
            None => return mrtr::ask_for_prompt_context(context).map(Into::into),
        },
        unknown => return Err(ErrorData::invalid_params(format!("Unknown prompt: {unknown}"), None)),
    };
    Ok(GetPromptResult::new(messages).into())
}

fn argument<'a>(request: &'a GetPromptRequestParams, name: &str) -> Result<&'a str, ErrorData> {
    let value = request.arguments.as_ref().and_then(|arguments| arguments.get(name));
    value
        .and_then(Value::as_str)
        .ok_or_else(|| ErrorData::invalid_params(format!("{name} is required and is a string"), None))
}

fn text(text: impl Into<String>) -> PromptMessage {
    user(ContentBlock::text(text))
}

fn user(content: ContentBlock) -> PromptMessage {
    PromptMessage::new(Role::User, content)
}
