//! Resources: each is asked of the handler that lists its URI, or has a template for it.

use std::collections::HashMap;

use rmcp::model::{
    ClientRequest, ListResourceTemplatesRequest, ListResourcesRequest, PaginatedRequestParams, Reference,
    RequestOptionalParam, ServerResult,
};
use serde_json::Value;
use tokio::time::timeout;

use super::mounts::{Composed, LIST_TIME, Mount};
use crate::{
    handler::{HandlerResult, Request, cursors, resource_uris, uri_template::UriTemplate},
    protocol::{Method, Params},
    uri::normalized,
};

/// The most pages of a list that are searched for a URI.
const PAGES: usize = 20;

impl Composed {
    /// Passes a request about a URI to the handler that has it. If none lists it, they are asked one after the other.
    pub(super) async fn by_uri(&self, mut mounts: Vec<&Mount>, request: Request) -> HandlerResult {
        let Some(uri) = uri_of(&request.typed).map(str::to_owned) else {
            return self.first_that_knows(mounts, request).await;
        };
        if mounts.len() > 1 {
            let owner = self.owner(&mounts, &request, &uri).await;
            if let Some(at) = mounts.iter().position(|mount| Some(mount.prefix.as_str()) == owner.as_deref())
            {
                mounts.swap(0, at);
                mounts.truncate(1);
            }
        }
        self.first_that_knows(mounts, request).await
    }

    async fn owner(&self, mounts: &[&Mount], ask: &Request, uri: &str) -> Option<String> {
        match self.owners.of(uri) {
            Some(owner) => Some(owner),
            None => self.search(mounts, ask, uri).await,
        }
    }

    /// Lets each handler hear of the resources that a listen stream names, of those that it has.
    pub(super) async fn listen(&self, mounts: Vec<&Mount>, request: Request) -> HandlerResult {
        let ClientRequest::SubscriptionsListenRequest(listen) = &request.typed else {
            return self.first_that_knows(mounts, request).await;
        };
        let uris = listen.params.notifications.resource_subscriptions.clone().unwrap_or_default();
        let mut of_owner: HashMap<String, Vec<String>> = HashMap::new();
        for uri in uris {
            match self.owner(&mounts, &request, &uri).await {
                Some(owner) => of_owner.entry(owner).or_default().push(uri),
                None => return Err(resource_uris::unknown(&uri).into()),
            }
        }
        for mount in mounts {
            let Some(uris) = of_owner.remove(mount.prefix.as_str()) else { continue };
            let mut request = request.clone();
            if let ClientRequest::SubscriptionsListenRequest(listen) = &mut request.typed {
                listen.params.notifications.resource_subscriptions = Some(uris);
            }
            self.handler(mount).request(request).await?;
        }
        Ok(ServerResult::empty(()))
    }

    /// The handler that lists a URI, or else the first one with a template that can become it.
    async fn search(&self, mounts: &[&Mount], ask: &Request, uri: &str) -> Option<String> {
        let wanted = normalized(uri);
        for method in [Method::ListResources, Method::ListResourceTemplates] {
            for mount in mounts {
                let found = timeout(LIST_TIME, self.lists(mount, ask, &method, uri, &wanted));
                if found.await.unwrap_or(false) {
                    self.owners.learn(uri, mount.prefix.as_str());
                    return Some(mount.prefix.as_str().to_owned());
                }
            }
        }
        None
    }

    async fn lists(&self, mount: &Mount, ask: &Request, method: &Method, uri: &str, wanted: &str) -> bool {
        let mut cursor = None;
        for _ in 0..PAGES {
            let mut request = ask.clone();
            request.typed = list(method, cursor.take());
            request.message.method = method.clone();
            request.message.params = Params::default();
            let Ok(result) = self.handler(mount).request(request).await else { return false };
            let page = serde_json::to_value(result).unwrap_or_default();
            let is_it = |item: &Value| match (item["uri"].as_str(), item["uriTemplate"].as_str()) {
                (Some(listed), _) => normalized(listed) == wanted,
                (None, Some(template)) => template == uri || UriTemplate::new(template).can_become(wanted),
                (None, None) => false,
            };
            let items = page["resources"].as_array().or_else(|| page["resourceTemplates"].as_array());
            if items.into_iter().flatten().any(is_it) {
                return true;
            }
            cursor = page["nextCursor"].as_str().map(str::to_owned);
            if cursor.is_none() {
                return false;
            }
        }
        false
    }
}

fn uri_of(request: &ClientRequest) -> Option<&str> {
    Some(match request {
        ClientRequest::ReadResourceRequest(read) => &read.params.uri,
        ClientRequest::SubscribeRequest(subscribe) => &subscribe.params.uri,
        ClientRequest::UnsubscribeRequest(unsubscribe) => &unsubscribe.params.uri,
        ClientRequest::ReadResourceDirectoryRequest(read) => &read.params.uri,
        ClientRequest::CompleteRequest(complete) => match &complete.params.r#ref {
            Reference::Resource(template) => &template.uri,
            _ => return None,
        },
        _ => return None,
    })
}

fn list(method: &Method, cursor: Option<String>) -> ClientRequest {
    let mut request = match method {
        Method::ListResources => {
            let list: ListResourcesRequest =
                RequestOptionalParam::with_param(PaginatedRequestParams::default());
            ClientRequest::ListResourcesRequest(list)
        }
        _ => {
            let list: ListResourceTemplatesRequest =
                RequestOptionalParam::with_param(PaginatedRequestParams::default());
            ClientRequest::ListResourceTemplatesRequest(list)
        }
    };
    cursors::set_cursor(&mut request, cursor);
    request
}
