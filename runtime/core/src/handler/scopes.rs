//! The scopes that a tool requires of its caller.

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt};
use rmcp::model::ClientRequest;

use super::{Handler, HandlerResult, Layer, Request, page, refuse};
use crate::{auth::ScopeTable, protocol::Fault};

/// The layer: a call of a tool is refused without the scopes of the tool, and `tools/list` leaves such tools out.
pub(super) struct Scopes {
    inner: Arc<dyn Handler>,
    tools: ScopeTable,
}

impl Scopes {
    pub(super) fn new(inner: Arc<dyn Handler>, tools: ScopeTable) -> Self {
        Self { inner, tools }
    }
}

impl Layer for Scopes {
    fn inner(&self) -> &dyn Handler {
        &*self.inner
    }

    fn request(&self, request: Request) -> BoxFuture<'_, HandlerResult> {
        match &request.typed {
            ClientRequest::CallToolRequest(call) => {
                let tool = &call.params.name;
                if self.tools.allows(&request.principal, tool) {
                    return self.inner.request(request);
                }
                let needed = self.tools.of(tool).into_iter().map(str::to_owned).collect();
                refuse(Fault::InsufficientScope { needed })
            }
            ClientRequest::ListToolsRequest(_) => {
                let principal = request.principal.clone();
                let result = self.inner.request(request);
                Box::pin(result.map(move |result| {
                    let mut result = result?;
                    page::retain_tools(&mut result, |tool| self.tools.allows(&principal, tool));
                    // The list is the caller's own.
                    page::make_private(&mut result);
                    Ok(result)
                }))
            }
            _ => self.inner.request(request),
        }
    }
}
