//! `elicitation/create` of the 2025 era: the call waits for the user's answer.

use mcp_lambda_server::rmcp::{
    ErrorData, RoleServer,
    model::{CallToolResult, ElicitRequestParams, ElicitResult, ElicitationSchema},
    service::RequestContext,
};
use serde_json::{Value, json};

use crate::{content, schemas};

/// A form with a schema written by hand.
pub(crate) fn form(message: &str, schema: Value) -> Result<ElicitRequestParams, ErrorData> {
    let requested_schema = ElicitationSchema::from_json_schema(schemas::object(schema))
        .map_err(|error| ErrorData::internal_error(format!("not an elicitation schema: {error}"), None))?;
    Ok(ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: message.to_owned(),
        requested_schema,
    })
}

pub(crate) async fn contact(
    message: &str,
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResult, ErrorData> {
    let form = form(
        message,
        json!({
            "type": "object",
            "properties": {
                "username": { "type": "string", "description": "User's response" },
                "email": { "type": "string", "description": "User's email address" },
            },
            "required": ["username", "email"],
        }),
    )?;
    Ok(ask(form, "User response:", context).await)
}

/// A default for every primitive type (SEP-1034).
pub(crate) async fn defaults(context: &RequestContext<RoleServer>) -> Result<CallToolResult, ErrorData> {
    let form = form(
        "Change what is not right",
        json!({
            "type": "object",
            "properties": {
                "name": { "type": "string", "default": "John Doe" },
                "age": { "type": "integer", "default": 30 },
                "score": { "type": "number", "default": 95.5 },
                "status": { "type": "string", "enum": ["active", "inactive", "pending"], "default": "active" },
                "verified": { "type": "boolean", "default": true },
            },
        }),
    )?;
    Ok(ask(form, "Elicitation completed:", context).await)
}

/// The five ways to write an enumeration (SEP-1330).
pub(crate) async fn enumerations(context: &RequestContext<RoleServer>) -> Result<CallToolResult, ErrorData> {
    let options = ["option1", "option2", "option3"];
    let titled = |kind: &str| {
        json!([
            { "const": "value1", "title": format!("First {kind}") },
            { "const": "value2", "title": format!("Second {kind}") },
            { "const": "value3", "title": format!("Third {kind}") },
        ])
    };
    let form = form(
        "Choose",
        json!({
            "type": "object",
            "properties": {
                "untitledSingle": { "type": "string", "enum": options },
                "titledSingle": { "type": "string", "oneOf": titled("Option") },
                "legacyEnum": {
                    "type": "string",
                    "enum": ["opt1", "opt2", "opt3"],
                    "enumNames": ["Option One", "Option Two", "Option Three"],
                },
                "untitledMulti": { "type": "array", "items": { "type": "string", "enum": options } },
                "titledMulti": { "type": "array", "items": { "anyOf": titled("Choice") } },
            },
        }),
    )?;
    Ok(ask(form, "Elicitation completed:", context).await)
}

async fn ask(form: ElicitRequestParams, lead: &str, context: &RequestContext<RoleServer>) -> CallToolResult {
    if context.client_capabilities().is_none_or(|client| client.elicitation.is_none()) {
        return content::fail("The client does not support elicitation");
    }
    match context.peer.create_elicitation(form).await {
        Ok(ElicitResult { action, content, .. }) => {
            content::say(format!("{lead} action={}, content={}", json!(action), json!(content)))
        }
        Err(error) => content::fail(format!("The client did not answer: {error}")),
    }
}
