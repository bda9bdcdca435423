//! `mcp-lambda tools` and `mcp-lambda schema`.

use rmcp::model::Tool;
use serde_json::{Map, Value, json};

use super::{
    args::{SchemaArgs, ToolsArgs},
    client::{self, Client},
    failure::Failure,
    output,
};

/// Lists the tools.
pub(super) async fn list(args: ToolsArgs) -> Result<(), Failure> {
    let client = client::connect(&args.client).await?;
    let tools = client.list_all_tools().await;
    let _ = client.cancel().await;
    output::print(args.client.form.output, &tools?, text)
}

/// Name, arguments and the first line of the description of each tool.
pub(super) fn text(tools: &Value) -> String {
    let lines: Vec<String> = tools.as_array().into_iter().flatten().map(line).collect();
    if lines.is_empty() { "The server has no tools.".to_owned() } else { lines.join("\n") }
}

fn line(tool: &Value) -> String {
    let schema = &tool["inputSchema"];
    let required: Vec<&Value> = schema["required"].as_array().into_iter().flatten().collect();
    let arguments: Vec<String> = schema["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, property)| {
            let kind = property["type"].as_str().unwrap_or("any");
            let optional = if required.iter().any(|required| *required == name) { "" } else { "?" };
            format!("{name}{optional}: {kind}")
        })
        .collect();
    let description = tool["description"].as_str().and_then(|text| text.lines().next()).unwrap_or_default();
    format!("{}({})  {description}", tool["name"].as_str().unwrap_or_default(), arguments.join(", "))
}

/// Prints the schemas of the tools, by name.
pub(super) async fn schema(args: SchemaArgs) -> Result<(), Failure> {
    let client = client::connect(&args.client).await?;
    let tools = client.list_all_tools().await;
    let _ = client.cancel().await;
    let tools = tools?;
    let schemas = match &args.tool {
        Some(name) => schemas(find(&tools, name)?),
        None => Value::Object(
            tools.iter().map(|tool| (tool.name.to_string(), schemas(tool))).collect::<Map<_, _>>(),
        ),
    };
    output::print(args.client.form.output, &schemas, output::pretty)
}

fn schemas(tool: &Tool) -> Value {
    let mut schemas = json!({ "inputSchema": tool.input_schema });
    if let Some(output) = &tool.output_schema {
        schemas["outputSchema"] = json!(output);
    }
    schemas
}

/// The schema of the arguments of a tool.
pub(super) async fn input_schema(client: &Client, name: &str) -> Result<Value, Failure> {
    let tools = client.list_all_tools().await?;
    Ok(json!(find(&tools, name)?.input_schema))
}

fn find<'t>(tools: &'t [Tool], name: &str) -> Result<&'t Tool, Failure> {
    tools.iter().find(|tool| tool.name == name).ok_or_else(|| {
        let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_ref()).collect();
        Failure::refused(format!("the server has no tool {name:?}; it has {}", names.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_a_line_with_its_arguments() {
        let tools = json!([{ "name": "run", "description": "Runs.\nMore.", "inputSchema": {
            "required": ["a"], "properties": { "a": { "type": "string" }, "b": {} } } }]);
        assert_eq!(text(&tools), "run(a: string, b?: any)  Runs.");
        assert_eq!(text(&json!([])), "The server has no tools.");
    }
}
