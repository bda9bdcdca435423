//! The text of structured results. Models read the text of a result, and clients before 2025-06-18 have nothing else.

use std::{io, sync::Arc};

use futures::future::{BoxFuture, FutureExt};
use rmcp::model::{CallToolResult, ClientRequest, ContentBlock, ServerResult};
use serde_json::Value;

use super::{Handler, HandlerResult, Layer, Request};

/// The layer: a result with `structuredContent` has its JSON as a text too, beside what the tool says:
/// <https://modelcontextprotocol.io/specification/2026-07-28/server/tools#structured-content> (read 2026-11-26).
pub(super) struct StructuredContent {
    inner: Arc<dyn Handler>,
}

impl StructuredContent {
    pub(super) fn new(inner: Arc<dyn Handler>) -> Self {
        Self { inner }
    }
}

impl Layer for StructuredContent {
    fn inner(&self) -> &dyn Handler {
        &*self.inner
    }

    fn request(&self, request: Request) -> BoxFuture<'_, HandlerResult> {
        let is_call = matches!(request.typed, ClientRequest::CallToolRequest(_));
        let result = self.inner.request(request);
        if !is_call {
            return result;
        }
        result
            .map(|result| {
                let mut result = result?;
                if let ServerResult::CallToolResult(called) = &mut result {
                    complete(called);
                }
                Ok(result)
            })
            .boxed()
    }
}

fn complete(result: &mut CallToolResult) {
    let Some(structured) = &result.structured_content else { return };
    if !result.content.iter().any(|block| is_json_of(block, structured)) {
        result.content.push(ContentBlock::text(structured.to_string()));
    }
}

/// Whether a block is the JSON of a value, with any spaces and any order of keys.
fn is_json_of(block: &ContentBlock, value: &Value) -> bool {
    let ContentBlock::Text(text) = block else { return false };
    let mut rest = Rest(text.text.as_bytes());
    if serde_json::to_writer(&mut rest, value).is_ok() && rest.0.is_empty() {
        return true;
    }
    let begins_like = |text: &str| match value {
        Value::Object(_) => text.starts_with('{'),
        Value::Array(_) => text.starts_with('['),
        _ => false,
    };
    begins_like(text.text.trim_start())
        && serde_json::from_str::<Value>(&text.text).is_ok_and(|read| read == *value)
}

/// The part of a text that was not written again yet: the comparison ends at the first difference, and copies nothing.
struct Rest<'a>(&'a [u8]);

impl io::Write for Rest<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.strip_prefix(bytes).ok_or(io::ErrorKind::InvalidData)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
