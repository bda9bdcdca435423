//! Tools that are enabled and disabled while the server runs.

use std::sync::Arc;

use futures::future::BoxFuture;
use rmcp::model::ClientRequest;

use super::{Handler, HandlerError, HandlerResult, Layer, Request, page};
use crate::{protocol::Fault, tools::Tools};

/// The layer: a call of a disabled tool is refused like a call of an unknown one, and `tools/list` leaves it out.
pub(super) struct DynamicTools {
    inner: Arc<dyn Handler>,
    tools: Tools,
}

impl DynamicTools {
    pub(super) fn new(inner: Arc<dyn Handler>, tools: Tools) -> Self {
        Self { inner, tools }
    }

    async fn call(&self, request: Request, tool: String) -> HandlerResult {
        self.tools.check().await;
        if !self.tools.is_active(&tool) {
            let fault = Fault::invalid_params(format!("unknown tool: {tool}"));
            return Err(HandlerError::Refused(fault));
        }
        self.inner.request(request).await
    }

    async fn list(&self, request: Request) -> HandlerResult {
        self.tools.check().await;
        let mut result = self.inner.request(request).await?;
        page::retain_tools(&mut result, |tool| self.tools.is_active(tool));
        Ok(result)
    }
}

impl Layer for DynamicTools {
    fn inner(&self) -> &dyn Handler {
        &*self.inner
    }

    fn request(&self, request: Request) -> BoxFuture<'_, HandlerResult> {
        match &request.typed {
            ClientRequest::CallToolRequest(call) => {
                let tool = call.params.name.to_string();
                Box::pin(self.call(request, tool))
            }
            ClientRequest::ListToolsRequest(_) => Box::pin(self.list(request)),
            _ => self.inner.request(request),
        }
    }
}
