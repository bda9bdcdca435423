//! Cursors of lists.

use std::sync::Arc;

use futures::future::BoxFuture;
use rmcp::model::{ClientRequest, PaginatedRequestParams};

use super::{Handler, HandlerError, HandlerResult, Layer, Request, page::next_cursor};
use crate::protocol::Fault;

/// The layer: a cursor for a list of one page is refused, as none was issued. Many handlers do not read cursors, and
/// would answer with their first page for ever. A handler whose first page has a cursor judges cursors itself.
pub(super) struct Cursors {
    inner: Arc<dyn Handler>,
}

impl Cursors {
    pub(super) fn new(inner: Arc<dyn Handler>) -> Self {
        Self { inner }
    }

    async fn page(&self, request: Request, cursor: String) -> HandlerResult {
        let first = self.inner.request(first_page(&request)).await?;
        if next_cursor(&first).is_none() {
            return Err(HandlerError::Refused(unknown(&cursor)));
        }
        self.inner.request(request).await
    }
}

impl Layer for Cursors {
    fn inner(&self) -> &dyn Handler {
        &*self.inner
    }

    fn request(&self, request: Request) -> BoxFuture<'_, HandlerResult> {
        match cursor(&request.typed).map(str::to_owned) {
            Some(cursor) => Box::pin(self.page(request, cursor)),
            None => self.inner.request(request),
        }
    }
}

/// The refusal of a cursor that this server did not issue:
/// <https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/pagination> (read 2026-11-20).
pub(super) fn unknown(cursor: &str) -> Fault {
    let cursor = crate::protocol::explain::short(cursor);
    Fault::invalid_params(format!(
        "params.cursor is {cursor:?}, which this server did not issue; begin without one"
    ))
}

/// The cursor of a request for a page.
pub(super) fn cursor(request: &ClientRequest) -> Option<&str> {
    let page = match request {
        ClientRequest::ListToolsRequest(list) => list.params.as_ref(),
        ClientRequest::ListPromptsRequest(list) => list.params.as_ref(),
        ClientRequest::ListResourcesRequest(list) => list.params.as_ref(),
        ClientRequest::ListResourceTemplatesRequest(list) => list.params.as_ref(),
        ClientRequest::ListSkillsRequest(list) => list.params.as_ref(),
        _ => None,
    };
    page.and_then(|page| page.cursor.as_deref())
}

/// The same request for the first page.
fn first_page(request: &Request) -> Request {
    let mut first = request.clone();
    set_cursor(&mut first.typed, None);
    first
}

/// Sets the cursor of a request for a page.
pub(super) fn set_cursor(request: &mut ClientRequest, cursor: Option<String>) {
    let page = match request {
        ClientRequest::ListToolsRequest(list) => &mut list.params,
        ClientRequest::ListPromptsRequest(list) => &mut list.params,
        ClientRequest::ListResourcesRequest(list) => &mut list.params,
        ClientRequest::ListResourceTemplatesRequest(list) => &mut list.params,
        ClientRequest::ListSkillsRequest(list) => &mut list.params,
        _ => return,
    };
    match (page, cursor) {
        (Some(page), cursor) => page.cursor = cursor,
        (page @ None, Some(cursor)) => {
            *page = Some(PaginatedRequestParams::default().with_cursor(Some(cursor)));
        }
        (None, None) => {}
    }
}
