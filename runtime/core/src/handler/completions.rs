//! Completions of arguments of prompts and resource templates.

use std::sync::Arc;

use futures::future::BoxFuture;
use rmcp::model::{
    ClientRequest, ListPromptsRequest, ListResourceTemplatesRequest, ListResourcesRequest,
    PaginatedRequestParams, Reference, RequestOptionalParam, ServerResult,
};

use super::{Handler, HandlerError, HandlerResult, Layer, Request};
use crate::protocol::{Fault, Method, Params, explain::short};

/// How many pages of a list are searched for a name. A longer list is trusted.
const PAGES: usize = 20;

/// The layer: a completion for a prompt or template that is not listed is refused. Handlers answer it with no values, as
/// they answer one that has no suggestions.
/// <https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/completion#error-handling> (read 2026-11-20).
pub(super) struct Completions {
    inner: Arc<dyn Handler>,
}

impl Completions {
    pub(super) fn new(inner: Arc<dyn Handler>) -> Self {
        Self { inner }
    }

    async fn complete(&self, request: Request, reference: Reference) -> HandlerResult {
        let ask = request.clone();
        let result = self.inner.request(request).await?;
        let ServerResult::CompleteResult(completed) = &result else { return Ok(result) };
        if !completed.completion.values.is_empty() || self.is_listed(&ask, &reference).await {
            return Ok(result);
        }
        Err(HandlerError::Refused(Fault::invalid_params(match reference {
            Reference::Prompt(prompt) => format!("unknown prompt: {:?}", short(&prompt.name)),
            Reference::Resource(template) => format!("unknown resource template: {:?}", short(&template.uri)),
            _ => "params.ref is of an unknown type".to_owned(),
        })))
    }

    /// Whether the handler lists it. A list that cannot be read to its end refuses nothing.
    async fn is_listed(&self, ask: &Request, reference: &Reference) -> bool {
        match reference {
            Reference::Prompt(prompt) => {
                let is_it = |page: &ServerResult| match page {
                    ServerResult::ListPromptsResult(page) => {
                        page.prompts.iter().any(|one| one.name == prompt.name)
                    }
                    _ => false,
                };
                self.search(ask, Method::ListPrompts, is_it).await
            }
            Reference::Resource(template) => {
                let is_it = |page: &ServerResult| match page {
                    ServerResult::ListResourceTemplatesResult(page) => {
                        page.resource_templates.iter().any(|one| one.uri_template == template.uri)
                    }
                    ServerResult::ListResourcesResult(page) => {
                        page.resources.iter().any(|one| one.uri == template.uri)
                    }
                    _ => false,
                };
                self.search(ask, Method::ListResourceTemplates, is_it).await
                    || self.search(ask, Method::ListResources, is_it).await
            }
            // A kind of reference that a later revision adds.
            _ => true,
        }
    }

    /// Reads the pages of a list until one has it.
    async fn search(&self, ask: &Request, method: Method, is_it: impl Fn(&ServerResult) -> bool) -> bool {
        let mut cursor = None;
        for _ in 0..PAGES {
            let mut request = ask.clone();
            request.typed = list(&method, cursor);
            request.message.method = method.clone();
            request.message.params = Params::default();
            let Ok(page) = self.inner.request(request).await else { return true };
            if is_it(&page) {
                return true;
            }
            cursor = super::page::next_cursor(&page).map(str::to_owned);
            if cursor.is_none() {
                return false;
            }
        }
        true
    }
}

fn list(method: &Method, cursor: Option<String>) -> ClientRequest {
    let page = PaginatedRequestParams::default().with_cursor(cursor);
    match method {
        Method::ListPrompts => {
            let list: ListPromptsRequest = RequestOptionalParam::with_param(page);
            ClientRequest::ListPromptsRequest(list)
        }
        Method::ListResources => {
            let list: ListResourcesRequest = RequestOptionalParam::with_param(page);
            ClientRequest::ListResourcesRequest(list)
        }
        _ => {
            let list: ListResourceTemplatesRequest = RequestOptionalParam::with_param(page);
            ClientRequest::ListResourceTemplatesRequest(list)
        }
    }
}

impl Layer for Completions {
    fn inner(&self) -> &dyn Handler {
        &*self.inner
    }

    fn request(&self, request: Request) -> BoxFuture<'_, HandlerResult> {
        match &request.typed {
            ClientRequest::CompleteRequest(complete) => {
                let reference = complete.params.r#ref.clone();
                Box::pin(self.complete(request, reference))
            }
            _ => self.inner.request(request),
        }
    }
}
