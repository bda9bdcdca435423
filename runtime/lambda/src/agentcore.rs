//! Calls of tools by an AgentCore Gateway that has the function as a Lambda target.
//!
//! The event is the arguments of the tool. Everything else is in the client context:
//! <https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway-add-target-lambda.html> (read 2026-11-20).

use bytes::Bytes;
use http::{Request, Response};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Map, Value, json};

use mcp_lambda_core::{
    auth::{AuthenticatedBy, Principal},
    http::{Body, request_of_message, result_of_response, stateless_message, take_server_info},
};

use super::{classify::Named, error::InvocationError, response::BUFFERED_LIMIT};

/// The beginning of the keys that the gateway writes into the client context.
const KEYS: &str = "bedrockAgentCore";
/// What stands between the name of the target and that of the tool.
const SEPARATOR: &str = "___";
/// The name of the client, as tools and lines of the log read it.
const CLIENT: &str = "AgentCore Gateway";

/// Whether a gateway invoked the function. A principal that may invoke the function directly can send any client context, so
/// an invalid one fails its own invocation and no other.
pub(super) fn is_of_gateway(context: &[u8]) -> Result<bool, InvocationError> {
    #[derive(Deserialize)]
    struct ClientContext<'a> {
        #[serde(borrow, default)]
        custom: Option<Named<'a, IgnoredAny>>,
    }
    let context: ClientContext<'_> = serde_json::from_slice(context).map_err(|error| unreadable(&error))?;
    Ok(context.custom.is_some_and(|custom| custom.keys().any(|key| key.starts_with(KEYS))))
}

fn unreadable(error: &serde_json::Error) -> InvocationError {
    InvocationError {
        kind: "InvalidClientContext",
        message: format!("the client context cannot be read: {error}"),
    }
}

/// What the gateway says of a call. Values of other types than text count as absent.
#[derive(Default)]
struct GatewayCall {
    tool: Option<String>,
    message_id: Option<String>,
    gateway_id: Option<String>,
    target_id: Option<String>,
}

impl GatewayCall {
    fn read(context: &[u8]) -> Result<Self, InvocationError> {
        #[derive(Deserialize)]
        struct ClientContext {
            #[serde(default)]
            custom: Option<Map<String, Value>>,
        }
        let context: ClientContext = serde_json::from_slice(context).map_err(|error| unreadable(&error))?;
        let custom = context.custom.unwrap_or_default();
        let text = |key: &str| {
            let value = custom.get(&format!("{KEYS}{key}")).and_then(Value::as_str);
            value.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        Ok(Self {
            tool: text("ToolName"),
            message_id: text("McpMessageId"),
            gateway_id: text("GatewayId"),
            target_id: text("TargetId"),
        })
    }

    /// The name of the tool, behind that of the target. A target's name has no three underscores, a tool's name may have.
    fn tool(&self) -> Result<&str, InvocationError> {
        let name = self.tool.as_deref();
        let name = name.ok_or_else(|| invalid("Missing bedrockAgentCoreToolName in context".into()))?;
        match name.split_once(SEPARATOR) {
            None => Err(invalid(format!("Invalid tool name format: {}", quoted(name)))),
            Some((_, "")) => Err(invalid(format!("Empty tool name: {}", quoted(name)))),
            Some((_, tool)) => Ok(tool),
        }
    }

    /// The principal of a gateway, by its id. Lambda does not pass the identity of the invoker on.
    fn principal(&self) -> Principal {
        let Some(gateway) = &self.gateway_id else { return Principal::invoker() };
        let mut attributes = Map::new();
        attributes.insert("gatewayId".into(), gateway.as_str().into());
        if let Some(target) = &self.target_id {
            attributes.insert("targetId".into(), target.as_str().into());
        }
        Principal::new("aws:agentcore", gateway)
            .with_authentication(AuthenticatedBy::Invoke)
            .with_attributes(attributes)
    }
}

fn invalid(message: String) -> InvocationError {
    InvocationError { kind: "InvalidToolCall", message }
}

/// A name for an error text. An invoker may send one of any length.
fn quoted(name: &str) -> String {
    name.chars().take(200).collect()
}

/// The call as the request that a client would send.
pub(super) fn request(path: &str, event: &str, context: &[u8]) -> Result<Request<Body>, InvocationError> {
    let call = GatewayCall::read(context)?;
    let tool = call.tool()?;
    let arguments: Map<String, Value> = serde_json::from_str(event).map_err(|error| {
        invalid(format!("the event, which is the arguments of the tool, is not a JSON object: {error}"))
    })?;
    let mut params = Map::new();
    params.insert("name".into(), tool.into());
    params.insert("arguments".into(), arguments.into());
    let message = stateless_message(call.message_id.as_deref().unwrap_or("1"), "tools/call", params, CLIENT);
    Ok(request_of_message(path, message, call.principal()))
}

/// The result of the call, which the gateway passes on.
pub(super) async fn result(response: Response<Body>) -> Result<Bytes, InvocationError> {
    let mut result = result_of_response(response)
        .await
        .map_err(|error| InvocationError { kind: "ToolCallFailed", message: error.message.into_owned() })?;
    take_server_info(&mut result);
    let result: Bytes = json!(result).to_string().into();
    if result.len() > BUFFERED_LIMIT {
        let text = format!(
            "the result has {} bytes; Lambda returns at most {BUFFERED_LIMIT} to AgentCore Gateway",
            result.len()
        );
        return Err(InvocationError { kind: "ResponseTooLarge", message: text });
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool_of(name: &Value) -> Result<String, String> {
        let context = json!({ "custom": { "bedrockAgentCoreToolName": name } }).to_string();
        let call = GatewayCall::read(context.as_bytes()).expect("a client context");
        call.tool().map(str::to_owned).map_err(|error| error.message)
    }

    #[test]
    fn a_tool_is_named_behind_the_first_three_underscores() {
        for (name, tool) in [
            ("orders___get_order", "get_order"),
            ("orders___a___b", "a___b"),
            ("orders____a", "_a"),
            ("___a", "a"),
        ] {
            assert_eq!(tool_of(&json!(name)), Ok(tool.to_owned()));
        }
        for (name, text) in [
            (json!("orders__get_order"), "Invalid tool name format: orders__get_order"),
            (json!("orders___"), "Empty tool name: orders___"),
            (json!(""), "Missing bedrockAgentCoreToolName in context"),
            (json!(5), "Missing bedrockAgentCoreToolName in context"),
        ] {
            assert_eq!(tool_of(&name), Err(text.to_owned()));
        }
    }

    #[test]
    fn a_gateway_is_recognised_by_any_of_its_keys() {
        for (context, is_gateway) in [
            (r#"{"custom":{"bedrockAgentCoreGatewayId":5}}"#, true),
            (r#"{"custom":{"bedrockAgentCoreToolName":"a___b"}}"#, true),
            (r#"{"custom":{"bedrock":"a"}}"#, false),
            (r#"{"client":{"bedrockAgentCoreToolName":"a___b"}}"#, false),
        ] {
            assert_eq!(is_of_gateway(context.as_bytes()).ok(), Some(is_gateway), "{context}");
        }
    }
}
