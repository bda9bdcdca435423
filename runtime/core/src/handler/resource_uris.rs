//! URIs of the handler's resources: one resource has one answer, however a client writes its URI.

use std::sync::Arc;

use futures::future::BoxFuture;
use rmcp::{
    ErrorData,
    model::{
        ClientRequest, ErrorCode, ListResourceTemplatesRequest, ListResourcesRequest, PaginatedRequestParams,
        RequestOptionalParam, ServerResult,
    },
};
use serde_json::json;

use super::{Handler, HandlerError, HandlerResult, Layer, Request, Results, page, uri_template::UriTemplate};
use crate::{
    protocol::{Method, Params, explain::short},
    uri::{covers, normalized},
};

/// How many pages of a list are searched for a URI. A longer list is trusted to have it.
const PAGES: usize = 20;

/// The layer: a resource is read under every form of its URI that is equal by RFC 3986, 6.2.2, because clients normalize
/// URIs; and a subscription to what the handler neither lists nor has a template for is refused, as reading it is.
pub(super) struct ResourceUris {
    inner: Arc<dyn Handler>,
}

impl ResourceUris {
    pub(super) fn new(inner: Arc<dyn Handler>) -> Self {
        Self { inner }
    }

    /// Asks for the resource under the URI as it came, and if there is none, under the URI as it is listed.
    async fn read(&self, request: Request, uri: String) -> HandlerResult {
        let mut again = request.clone();
        let not_found = match self.inner.request(request).await {
            // rmcp makes the one of the other in 2026-07-28.
            Err(HandlerError::Handler(error))
                if matches!(error.code, ErrorCode::RESOURCE_NOT_FOUND | ErrorCode::INVALID_PARAMS) =>
            {
                error
            }
            other => return other,
        };
        let listed = self.listed_as(&again, &uri).await;
        match (listed, &mut again.typed) {
            (Some(listed), ClientRequest::ReadResourceRequest(read)) => {
                read.params.uri = listed;
                self.inner.request(again).await
            }
            _ => Err(not_found.into()),
        }
    }

    /// Another form of a URI, under which the handler may know it: the listed one, else the normalized one.
    async fn listed_as(&self, ask: &Request, uri: &str) -> Option<String> {
        let wanted = normalized(uri);
        let mut listed = None;
        self.search(ask, &Method::ListResources, |page| {
            let same = |known: &&str| *known != uri && normalized(known) == wanted;
            listed = page::resource_uris(page).into_iter().find(same).map(str::to_owned);
            listed.is_some()
        })
        .await;
        listed.or_else(|| (wanted != uri).then(|| wanted.into_owned()))
    }

    /// A handler that serves `resources/subscribe` decides about it. For one that does not, its lists decide.
    async fn subscribe(&self, request: Request, uri: String) -> HandlerResult {
        let ask = request.clone();
        match self.inner.request(request).await {
            Err(HandlerError::Handler(error)) if error.code == ErrorCode::METHOD_NOT_FOUND => {
                self.check(&ask, vec![uri]).await
            }
            decided => decided,
        }
    }

    /// Refuses the first URI that no resource and no template of the handler can ever match.
    async fn check(&self, ask: &Request, uris: Vec<String>) -> HandlerResult {
        let mut open: Vec<_> = uris.iter().map(|uri| (uri, normalized(uri))).collect();
        if self.inner.info().capabilities.resources.is_some() {
            let is_all_listed = self
                .search(ask, &Method::ListResources, |page| {
                    if let ServerResult::ListResourcesResult(page) = page {
                        for resource in &page.resources {
                            let listed = normalized(&resource.uri);
                            open.retain(|(_, uri)| !covers(uri, &listed));
                        }
                    }
                    open.is_empty()
                })
                .await;
            let is_trusted = is_all_listed
                || self
                    .search(ask, &Method::ListResourceTemplates, |page| {
                        if let ServerResult::ListResourceTemplatesResult(page) = page {
                            for template in &page.resource_templates {
                                let template = UriTemplate::new(&template.uri_template);
                                open.retain(|(_, uri)| !template.can_match(uri));
                            }
                        }
                        open.is_empty()
                    })
                    .await;
            if is_trusted {
                return Ok(ServerResult::empty(()));
            }
        }
        match open.first() {
            Some((uri, _)) => Err(unknown(uri).into()),
            None => Ok(ServerResult::empty(())),
        }
    }

    /// Reads the pages of a list until one has what is looked for. A list that cannot be read to its end is trusted to
    /// have it.
    async fn search(
        &self,
        ask: &Request,
        method: &Method,
        mut is_found: impl FnMut(&ServerResult) -> bool + Send,
    ) -> bool {
        let mut cursor = None;
        for _ in 0..PAGES {
            let mut request = ask.clone();
            request.typed = list(method, cursor);
            request.message.method = method.clone();
            request.message.params = Params::default();
            let Ok(result) = self.inner.request(request).await else { return true };
            if is_found(&result) {
                return true;
            }
            cursor = page::next_cursor(&result).map(str::to_owned);
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

/// The refusal of a subscription to what cannot be read.
pub(super) fn unknown(uri: &str) -> ErrorData {
    let text = format!("resource not found: no resource and no template is or can become {:?}", short(uri));
    ErrorData::resource_not_found(text, Some(json!({ "uri": uri })))
}

impl Layer for ResourceUris {
    fn inner(&self) -> &dyn Handler {
        &*self.inner
    }

    fn request(&self, request: Request) -> BoxFuture<'_, HandlerResult> {
        match &request.typed {
            ClientRequest::ReadResourceRequest(read) => {
                let uri = read.params.uri.clone();
                Box::pin(self.read(request, uri))
            }
            // Another server decides itself.
            _ if self.inner.results() == Results::Passed => self.inner.request(request),
            ClientRequest::SubscribeRequest(subscribe) => {
                let uri = subscribe.params.uri.clone();
                Box::pin(self.subscribe(request, uri))
            }
            ClientRequest::SubscriptionsListenRequest(listen) => {
                let uris = listen.params.notifications.resource_subscriptions.clone().unwrap_or_default();
                Box::pin(async move { self.check(&request, uris).await })
            }
            _ => self.inner.request(request),
        }
    }
}
