//! `Mcp-Param-*` headers, which mirror arguments of a tool in 2026-07-28.

use std::sync::Arc;

use futures::future::BoxFuture;
use rmcp::model::ClientRequest;

use super::{Handler, HandlerResult, Layer, Request, refuse};
use crate::{
    ingress::WithoutHeaders,
    protocol::{Era, Fault, headers},
};

/// The layer: a call is refused if its headers do not match its arguments. It has no half behind the handler.
pub(super) struct ParamHeaders {
    inner: Arc<dyn Handler>,
}

impl ParamHeaders {
    pub(super) fn new(inner: Arc<dyn Handler>) -> Self {
        Self { inner }
    }

    fn check(&self, request: &Request) -> Result<(), Fault> {
        let ClientRequest::CallToolRequest(call) = &request.typed else { return Ok(()) };
        // A request that did not come over HTTP has no headers.
        let Some(parts) = request.context.extensions.get::<http::request::Parts>() else { return Ok(()) };
        if parts.extensions.get::<WithoutHeaders>().is_some() {
            return Ok(());
        }
        match self.inner.tool(&call.params.name) {
            Some(tool) => {
                headers::check_params(&parts.headers, &tool.input_schema, call.params.arguments.as_ref())
            }
            None => Ok(()),
        }
    }
}

impl Layer for ParamHeaders {
    fn inner(&self) -> &dyn Handler {
        &*self.inner
    }

    fn request(&self, request: Request) -> BoxFuture<'_, HandlerResult> {
        if request.era == Era::Stateless
            && let Err(fault) = self.check(&request)
        {
            return refuse(fault);
        }
        self.inner.request(request)
    }
}
