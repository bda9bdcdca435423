//! `sampling/createMessage` of the 2025 era: the call waits for the client's model.
#![expect(deprecated, reason = "deprecated by SEP-2577, and tested until it is gone")]

use mcp_lambda_server::rmcp::{
    RoleServer,
    model::{CallToolResult, CreateMessageRequestParams, SamplingMessage},
    service::RequestContext,
};

use crate::content;

const MAX_TOKENS: u32 = 100;

/// One question with the role of the user.
pub(crate) fn question(text: &str, max_tokens: u32) -> CreateMessageRequestParams {
    CreateMessageRequestParams::new(vec![SamplingMessage::user_text(text)], max_tokens)
}

pub(crate) async fn ask(prompt: &str, context: &RequestContext<RoleServer>) -> CallToolResult {
    if context.client_capabilities().is_none_or(|client| client.sampling.is_none()) {
        return content::fail("The client does not support sampling");
    }
    match context.peer.create_message(question(prompt, MAX_TOKENS)).await {
        Ok(answer) => {
            let text = answer.message.content.first().and_then(|block| block.as_text());
            content::say(format!("LLM response: {}", text.map_or("", |block| &block.text)))
        }
        Err(error) => content::fail(format!("The client did not answer: {error}")),
    }
}
