//! Events as resources: `event://<source>/<type>`, listed as long as there are any, readable, and subscribable. So what
//! other systems say reaches every client inside the standard.
//!
//! A layer around the user's handler, below both eras: its answers are shaped like the handler's.

use std::{borrow::Cow, cmp::Reverse, collections::BTreeSet, sync::Arc};

use futures::future::{BoxFuture, try_join_all};
use rmcp::{
    ErrorData, RoleServer,
    model::{
        ClientNotification, ClientRequest, ListResourceTemplatesResult, ListResourcesResult, ProtocolVersion,
        ReadResourceResult, Resource, ResourceContents, ResourceTemplate, ServerConfig, ServerResult, Tool,
    },
    service::{NotificationContext, RequestContext},
};
use serde_json::{Value, json};

use crate::{
    auth::Principal,
    error::{Causes, StoreError},
    events::{Event, EventKey, EventLog, LoggedEvent, SCHEME, Scope, TEMPLATE},
    handler::Handler,
};

/// Events a resource holds.
const NEWEST: usize = 100;
/// Topics of everybody on one page of the list, and of the caller's own in all: those come on the first page.
const PAGE: usize = 500;

/// A handler, and the resources of the event log beside its own.
pub(super) struct EventResources {
    inner: Arc<dyn Handler>,
    log: Arc<dyn EventLog>,
}

impl EventResources {
    pub(super) fn new(inner: Arc<dyn Handler>, log: Arc<dyn EventLog>) -> Self {
        Self { inner, log }
    }

    async fn answer(
        &self,
        request: ClientRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<ServerResult, ErrorData> {
        let scopes = match context.extensions.get::<Principal>() {
            Some(caller) => Scope::visible_to(caller),
            None => vec![Scope::Global],
        };
        let is_stateless = context
            .protocol_version()
            .is_some_and(|version| version.as_str() >= ProtocolVersion::V_2026_07_28.as_str());
        let mut result = match &request {
            ClientRequest::ReadResourceRequest(read) if read.params.uri.starts_with(SCHEME) => {
                self.read(&scopes, &read.params.uri).await?
            }
            ClientRequest::SubscribeRequest(subscribe) if subscribe.params.uri.starts_with(SCHEME) => {
                ServerResult::empty(())
            }
            ClientRequest::UnsubscribeRequest(subscribe) if subscribe.params.uri.starts_with(SCHEME) => {
                ServerResult::empty(())
            }
            ClientRequest::ListResourcesRequest(list) => {
                let cursor = list.params.as_ref().and_then(|page| page.cursor.as_deref());
                match cursor.filter(|cursor| cursor.starts_with(SCHEME)).map(EventKey::parse) {
                    Some(Some(after)) => {
                        self.list(&scopes, ListResourcesResult::default(), Some(&after)).await
                    }
                    Some(None) => return Err(ErrorData::invalid_params("there is no such page", None)),
                    None => match self.own(request, context, ListResourcesResult::default()).await? {
                        ServerResult::ListResourcesResult(own) if own.next_cursor.is_none() => {
                            self.list(&scopes, own, None).await
                        }
                        other => other,
                    },
                }
            }
            ClientRequest::ListResourceTemplatesRequest(_) => {
                match self.own(request, context, ListResourceTemplatesResult::default()).await? {
                    ServerResult::ListResourceTemplatesResult(mut own) if own.next_cursor.is_none() => {
                        own.resource_templates.push(template());
                        ServerResult::ListResourceTemplatesResult(own)
                    }
                    other => other,
                }
            }
            _ => return self.inner.request(request, context).await,
        };
        // As rmcp shapes what comes from a handler.
        if is_stateless {
            result.fill_missing_cache_hints();
        } else {
            result.strip_result_type_for_legacy_peer();
        }
        Ok(result)
    }

    /// What the handler says, or nothing if it has no resources.
    async fn own(
        &self,
        request: ClientRequest,
        context: RequestContext<RoleServer>,
        nothing: impl Into<ServerResult>,
    ) -> Result<ServerResult, ErrorData> {
        match self.inner.info().capabilities.resources {
            Some(_) => self.inner.request(request, context).await,
            None => Ok(nothing.into()),
        }
    }

    /// A page of the handler's, and the topics behind it. A log that cannot be read costs its own part of the list.
    async fn list(
        &self,
        scopes: &[Scope],
        mut page: ListResourcesResult,
        after: Option<&EventKey>,
    ) -> ServerResult {
        let event_keys = scopes.iter().map(|scope| async move {
            // The caller's own are read again for each page: what they name already is not named twice.
            let after = after.filter(|_| *scope == Scope::Global);
            self.log.event_keys(scope, after, PAGE).await
        });
        match try_join_all(event_keys).await {
            Ok(mut event_keys) => {
                let mut everybodys = event_keys.remove(0);
                let own: BTreeSet<_> = event_keys.into_iter().flatten().collect();
                page.next_cursor = everybodys.last().filter(|_| everybodys.len() == PAGE).map(EventKey::uri);
                everybodys.retain(|key| !own.contains(key));
                if after.is_none() {
                    everybodys.extend(own);
                    everybodys.sort();
                }
                page.resources.extend(everybodys.iter().map(resource));
            }
            Err(error) => {
                tracing::error!(error = %Causes(&error), "the event log cannot be listed");
            }
        }
        ServerResult::ListResourcesResult(page)
    }

    async fn read(&self, scopes: &[Scope], uri: &str) -> Result<ServerResult, ErrorData> {
        let unknown =
            || ErrorData::resource_not_found("there are no such events", Some(json!({ "uri": uri })));
        let key = EventKey::parse(uri).ok_or_else(unknown)?;
        let newest = try_join_all(scopes.iter().map(async |scope| {
            let events = self.log.newest(scope, &key, NEWEST).await?;
            Ok(events.into_iter().map(move |event| (scope, event)))
        }));
        let newest = newest.await.map_err(|error| unreadable(&error))?;
        let mut newest: Vec<_> = newest.into_iter().flatten().collect();
        if newest.is_empty() {
            return Err(unknown());
        }
        // Each scope's are in order: the sort keeps it among those of one moment.
        newest.sort_by_key(|(_, logged)| Reverse(logged.at));
        newest.truncate(NEWEST);
        let events: Vec<_> = newest.into_iter().filter_map(|(scope, logged)| entry(scope, logged)).collect();
        let text = json!({ "source": key.source(), "type": key.kind(), "events": events }).to_string();
        let contents = ResourceContents::text(text, uri).with_mime_type("application/json");
        Ok(ServerResult::ReadResourceResult(ReadResourceResult::new(vec![contents])))
    }
}

/// An event as a resource shows it. Places count in their scope, so one of the caller's own says that it is.
fn entry(scope: &Scope, logged: LoggedEvent) -> Option<Value> {
    let Event::Global { event, .. } = logged.event else { return None };
    let mut entry = json!({ "seq": logged.seq, "event": event });
    if *scope != Scope::Global {
        entry["scope"] = "principal".into();
    }
    Some(entry)
}

fn resource(key: &EventKey) -> Resource {
    Resource::new(key.uri(), format!("{} {}", key.source(), key.kind()))
        .with_description("The newest events of this source and type, newest first")
        .with_mime_type("application/json")
}

fn template() -> ResourceTemplate {
    ResourceTemplate::new(TEMPLATE, "events")
        .with_description("The newest events of a source and type, newest first")
        .with_mime_type("application/json")
}

fn unreadable(error: &StoreError) -> ErrorData {
    tracing::error!(error = %Causes(error), "the event log cannot be read");
    ErrorData::internal_error("the events cannot be read at the moment", None)
}

impl Handler for EventResources {
    fn request(
        &self,
        request: ClientRequest,
        context: RequestContext<RoleServer>,
    ) -> BoxFuture<'_, Result<ServerResult, ErrorData>> {
        Box::pin(self.answer(request, context))
    }

    fn notification(
        &self,
        notification: ClientNotification,
        context: NotificationContext<RoleServer>,
    ) -> BoxFuture<'_, Result<(), ErrorData>> {
        self.inner.notification(notification, context)
    }

    fn info(&self) -> ServerConfig {
        self.inner.info()
    }

    fn tool(&self, name: &str) -> Option<Tool> {
        self.inner.tool(name)
    }

    fn versions(&self) -> Cow<'static, [ProtocolVersion]> {
        self.inner.versions()
    }
}
