//! Arguments and responses in the log: only where the deployment asks for them, because they may hold secrets.

use bytes::Bytes;
use rmcp::model::{ClientRequest, JsonObject};

use super::text::shortened;

const TARGET: &str = "mcp_lambda_server::payload";

/// Logs the payloads of calls, of which so many characters. Zero: none is logged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Payloads(pub(crate) usize);

impl Payloads {
    /// Logs the arguments of a call.
    pub(crate) fn arguments(self, request: &ClientRequest) {
        if self.0 == 0 {
            return;
        }
        let arguments: Option<&JsonObject> = match request {
            ClientRequest::CallToolRequest(request) => request.params.arguments.as_ref(),
            ClientRequest::GetPromptRequest(request) => request.params.arguments.as_ref(),
            _ => None,
        };
        if let Some(arguments) = arguments {
            let text = serde_json::to_string(arguments).unwrap_or_default();
            tracing::info!(target: TARGET, arguments = shortened(&text, self.0), bytes = text.len(), "called");
        }
    }

    /// Logs the response to a call.
    pub(crate) fn response(self, json: &Bytes) {
        if self.0 > 0 {
            let text = String::from_utf8_lossy(json);
            tracing::info!(target: TARGET, response = shortened(&text, self.0), bytes = json.len(), "responded");
        }
    }
}
