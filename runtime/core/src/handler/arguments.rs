//! Arguments of tools, checked against the input schema of their tool before the tool runs.
//!
//! An argument that does not fit is a result with `isError`, in every tool alike, so that a model reads it and calls
//! again: <https://modelcontextprotocol.io/specification/2025-11-25/server/tools#error-handling> (read 2026-11-20).

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt, ready};
use rmcp::{
    ErrorData,
    model::{CallToolResult, ClientRequest, ContentBlock, ErrorCode, JsonObject, ServerResult},
};

#[cfg(feature = "argument-checks")]
use super::schemas::Schemas;
use super::{Handler, HandlerError, HandlerResult, Layer, Request, integers};
use crate::protocol::{Era, explain};

/// What rmcp says of an unknown tool, and the beginning of what it says of arguments that it cannot read.
const RMCP_UNKNOWN: &str = "tool not found";
const RMCP_UNREADABLE: &str = "failed to deserialize parameters: ";
const RMCP_EXTENSION: &str = "missing extension ";

/// The layer: arguments are checked, and each argument error is a result.
pub(super) struct Arguments {
    inner: Arc<dyn Handler>,
    #[cfg(feature = "argument-checks")]
    schemas: Option<Schemas>,
}

/// A call that is passed on.
struct Passed {
    tool: String,
    era: Era,
    is_known: bool,
}

impl Arguments {
    /// `check`: whether arguments are checked against the schema. A program without the feature `argument-checks`
    /// leaves that to its tools.
    pub(super) fn new(inner: Arc<dyn Handler>, check: bool) -> Self {
        #[cfg(not(feature = "argument-checks"))]
        let _ = check;
        Self {
            inner,
            #[cfg(feature = "argument-checks")]
            schemas: check.then(Schemas::default),
        }
    }

    /// Checks the arguments of a call of a tool that the handler finds by its name.
    fn check(&self, tool: &str, arguments: &mut Option<JsonObject>) -> Result<bool, String> {
        let Some(definition) = self.inner.tool(tool) else { return Ok(false) };
        if let Some(arguments) = arguments {
            integers::normalise(&definition.input_schema, arguments);
        }
        #[cfg(feature = "argument-checks")]
        if let Some(schemas) = &self.schemas {
            // Taken and put back, as the check reads a value.
            let is_sent = arguments.is_some();
            let value = serde_json::Value::Object(arguments.take().unwrap_or_default());
            let checked = schemas.check(tool, &definition.input_schema, &value);
            if let (serde_json::Value::Object(object), true) = (value, is_sent) {
                *arguments = Some(object);
            }
            checked?;
        }
        Ok(true)
    }
}

impl Layer for Arguments {
    fn inner(&self) -> &dyn Handler {
        &*self.inner
    }

    fn request(&self, mut request: Request) -> BoxFuture<'_, HandlerResult> {
        let ClientRequest::CallToolRequest(call) = &mut request.typed else {
            return self.inner.request(request);
        };
        let tool = call.params.name.to_string();
        let era = request.era;
        match self.check(&tool, &mut call.params.arguments) {
            Ok(is_known) => {
                let passed = Passed { tool, era, is_known };
                Box::pin(self.inner.request(request).map(move |result| passed.settle(result)))
            }
            Err(faults) => ready(Ok(failed(era, format!("Invalid arguments for {tool}: {faults}")))).boxed(),
        }
    }
}

impl Passed {
    /// Names an unknown tool, and makes a result of every argument error.
    fn settle(&self, result: HandlerResult) -> HandlerResult {
        match result {
            Ok(ServerResult::CallToolResult(mut result)) => {
                if result.is_error == Some(true)
                    && let Some(text) = result.content.first().and_then(|block| block.as_text())
                    && let Some(error) = text.text.strip_prefix(RMCP_UNREADABLE)
                {
                    result.content = vec![ContentBlock::text(self.unreadable(error))];
                }
                Ok(ServerResult::CallToolResult(result))
            }
            Err(HandlerError::Handler(error)) if error.code == ErrorCode::INVALID_PARAMS => self.fault(error),
            other => other,
        }
    }

    fn fault(&self, mut error: ErrorData) -> HandlerResult {
        if error.message == RMCP_UNKNOWN {
            error.message = format!("unknown tool: {}", self.tool).into();
        } else if let Some(text) = error.message.strip_prefix(RMCP_UNREADABLE) {
            return Ok(failed(self.era, self.unreadable(text)));
        } else if self.is_known && !error.message.starts_with(RMCP_EXTENSION) {
            return Ok(failed(self.era, format!("Invalid arguments for {}: {}", self.tool, error.message)));
        }
        Err(error.into())
    }

    fn unreadable(&self, error: &str) -> String {
        let is_missing = error.starts_with("missing field");
        let subject = if is_missing { "arguments" } else { "a value of the arguments" };
        format!("Invalid arguments for {}: {}", self.tool, explain::reworded(subject, error))
    }
}

/// The result of a call whose arguments do not fit, as rmcp shapes the results of a handler.
fn failed(era: Era, text: String) -> ServerResult {
    let mut result = ServerResult::CallToolResult(CallToolResult::error(vec![ContentBlock::text(text)]));
    if era == Era::Session {
        result.strip_result_type_for_legacy_peer();
    }
    result
}
