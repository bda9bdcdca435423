//! The tools: what `tools/list` shows and what `tools/call` runs.

use mcp_lambda_server::rmcp::{
    ErrorData, RoleServer,
    model::{CallToolRequestParams, CallToolResponse, JsonObject, Tool},
    service::RequestContext,
};
use serde_json::Value;

use crate::{content, elicitation, mrtr, running, sampling, schemas, tasks};

/// Every tool, always in this order. The first one accepts `{}`: the suite's header checks call it so.
pub(crate) fn all() -> Vec<Tool> {
    let plain =
        |(name, description): &(&'static str, &'static str)| tool(name, description, schemas::nothing());
    let mut tools: Vec<Tool> = WITHOUT_ARGUMENTS.iter().chain(mrtr::TOOLS).map(plain).collect();
    tools.extend([
        tool("test_sampling", "Asks the client's model", schemas::string("prompt", "What to ask the model")),
        tool("test_elicitation", "Asks the user", schemas::string("message", "What to show the user")),
        tool("test_header_mirror", "Takes its arguments from headers too", schemas::mirrored_in_headers()),
        tool(
            "json_schema_2020_12_tool",
            "Tool with JSON Schema 2020-12 features",
            schemas::json_schema_2020_12(),
        ),
        tool("greet", "Greets, always at once", schemas::string("name", "Whom to greet")),
    ]);
    tools.extend(tasks::all());
    tools
}

const WITHOUT_ARGUMENTS: &[(&str, &str)] = &[
    ("test_simple_text", "Returns text"),
    ("test_image_content", "Returns an image"),
    ("test_audio_content", "Returns audio"),
    ("test_embedded_resource", "Returns an embedded resource"),
    ("test_multiple_content_types", "Returns text, an image and a resource"),
    ("test_error_handling", "Always fails"),
    ("test_tool_with_logging", "Logs three messages while it runs"),
    ("test_logging_tool", "Logs one message, whatever level was asked for"),
    ("test_tool_with_progress", "Reports its progress"),
    ("test_reconnection", "Closes its stream before it answers"),
    ("test_trigger_tool_change", "Says that the list of tools has changed"),
    ("test_trigger_prompt_change", "Says that the list of prompts has changed"),
    ("test_trigger_resource_change", "Says that the list of resources has changed"),
    ("test_trigger_resource_update", "Says that test://watched-resource has changed"),
    ("test_elicitation_sep1034_defaults", "Asks the user for values that all have defaults"),
    ("test_elicitation_sep1330_enums", "Asks the user for all kinds of enumerations"),
];

fn tool(name: &'static str, description: &'static str, schema: Value) -> Tool {
    Tool::new(name, description, schemas::object(schema))
}

/// Runs a tool. Absent `arguments` are `{}`.
pub(crate) async fn call(
    request: &CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResponse, ErrorData> {
    let nothing = JsonObject::new();
    let arguments = request.arguments.as_ref().unwrap_or(&nothing);
    if let Some(result) = tasks::call(request, context).await {
        return result;
    }
    let result = match request.name.as_ref() {
        "test_simple_text" => content::say("This is a simple text response for testing."),
        "test_image_content" => content::image(),
        "test_audio_content" => content::audio(),
        "test_embedded_resource" => content::embedded_resource(),
        "test_multiple_content_types" => content::mixed(),
        "test_error_handling" => content::fail("This tool intentionally returns an error for testing"),
        "test_tool_with_logging" => running::three_logs(context).await?,
        "test_logging_tool" => running::one_log(context).await?,
        "test_tool_with_progress" => running::progress(context).await?,
        "test_reconnection" => running::reconnection(context).await,
        "test_trigger_tool_change" => running::tools_changed(context).await?,
        "test_trigger_prompt_change" => running::prompts_changed(context).await?,
        "test_trigger_resource_change" => running::resources_changed(context).await?,
        "test_trigger_resource_update" => running::resource_updated(context).await?,
        "test_sampling" => sampling::ask(string(arguments, "prompt")?, context).await,
        "test_elicitation" => elicitation::contact(string(arguments, "message")?, context).await?,
        "test_elicitation_sep1034_defaults" => elicitation::defaults(context).await?,
        "test_elicitation_sep1330_enums" => elicitation::enumerations(context).await?,
        "test_header_mirror" => content::say(format!("Looking in {}", string(arguments, "region")?)),
        "json_schema_2020_12_tool" => content::say(Value::Object(arguments.clone()).to_string()),
        "greet" => content::say(format!("Hello, {}!", string(arguments, "name")?)),
        _ => return mrtr::call(request, context),
    };
    Ok(result.into())
}

fn string<'a>(arguments: &'a JsonObject, name: &str) -> Result<&'a str, ErrorData> {
    let value = arguments.get(name).and_then(Value::as_str);
    value.ok_or_else(|| ErrorData::invalid_params(format!("{name} is required and is a string"), None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_tool_accepts_no_arguments() {
        let first = all().remove(0);
        assert_eq!(first.input_schema.get("required"), None);
    }

    #[test]
    fn no_two_tools_share_a_name() {
        let mut names: Vec<_> = all().into_iter().map(|tool| tool.name).collect();
        let listed = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), listed);
    }
}
