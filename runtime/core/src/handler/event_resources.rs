//! The resources of the event log: `event://<source>/<type>`, listed as long as the log has such events, readable, and
//! subscribable. So events of other systems reach every client within the standard.

use std::{cmp::Reverse, collections::BTreeSet, sync::Arc};

use futures::future::{BoxFuture, try_join_all};
use rmcp::{
    ErrorData,
    model::{
        ClientRequest, ListResourceTemplatesResult, ListResourcesResult, ReadResourceResult, Resource,
        ResourceContents, ResourceTemplate, ServerResult,
    },
};
use serde_json::{Value, json};

use super::{Handler, HandlerError, HandlerResult, Layer, Request, cursors, page, resource_uris};
use crate::{
    error::{Causes, StoreError},
    events::{Event, EventKey, EventLog, LoggedEvent, NewestLimits, SCHEME, Scope, TEMPLATE},
    protocol::{Era, explain::short},
};

/// How many events of each scope a resource holds, and how large they may be together: what one response can carry through
/// every gateway, and DynamoDB returns in two requests.
const NEWEST: NewestLimits = NewestLimits::new(100, 1024 * 1024);
/// How many resources of the global scope a page of the list holds, and how many of the caller's own scope are listed
/// at all: those are on the first page.
const PAGE: usize = 500;

/// The layer: the resources of the event log beside those of the handler.
pub(super) struct EventResources {
    inner: Arc<dyn Handler>,
    log: Arc<dyn EventLog>,
}

impl EventResources {
    pub(super) fn new(inner: Arc<dyn Handler>, log: Arc<dyn EventLog>) -> Self {
        Self { inner, log }
    }

    async fn answer(&self, mut request: Request) -> HandlerResult {
        let scopes = Scope::visible_to(&request.principal);
        let era = request.era;
        let mut result = match &mut request.typed {
            ClientRequest::ReadResourceRequest(read) if EventKey::is_scheme_of(&read.params.uri) => {
                self.read(&scopes, &read.params.uri).await?
            }
            ClientRequest::SubscribeRequest(subscribe) if EventKey::is_scheme_of(&subscribe.params.uri) => {
                if !EventKey::can_match(&subscribe.params.uri) {
                    return Err(resource_uris::unknown(&subscribe.params.uri).into());
                }
                ServerResult::empty(())
            }
            ClientRequest::UnsubscribeRequest(subscribe) if EventKey::is_scheme_of(&subscribe.params.uri) => {
                ServerResult::empty(())
            }
            ClientRequest::SubscriptionsListenRequest(listen) => {
                let uris = listen.params.notifications.resource_subscriptions.get_or_insert_default();
                let of_events = uris.extract_if(.., |uri| EventKey::is_scheme_of(uri));
                let unknown = of_events.filter(|uri| !EventKey::can_match(uri)).last();
                return match unknown {
                    Some(uri) => Err(resource_uris::unknown(&uri).into()),
                    None if uris.is_empty() => Ok(ServerResult::empty(())),
                    None => self.inner.request(request).await,
                };
            }
            ClientRequest::ListResourcesRequest(list) => {
                let cursor = list.params.as_ref().and_then(|page| page.cursor.as_deref());
                match cursor.filter(|cursor| cursor.starts_with(SCHEME)).map(EventKey::parse) {
                    Some(Some(after)) => {
                        self.check_cursor(after.uri()).await?;
                        self.list(&scopes, ListResourcesResult::default().into(), Some(&after)).await
                    }
                    Some(None) => return Err(no_page(cursor)),
                    None => {
                        let own = self.of_handler(request, ListResourcesResult::default()).await?;
                        match page::next_cursor(&own) {
                            None => self.list(&scopes, own, None).await,
                            Some(_) => own,
                        }
                    }
                }
            }
            ClientRequest::ListResourceTemplatesRequest(_) => {
                let mut own = self.of_handler(request, ListResourceTemplatesResult::default()).await?;
                if page::next_cursor(&own).is_none() {
                    page::add_template(&mut own, template());
                }
                own
            }
            _ => return self.inner.request(request).await,
        };
        // As rmcp shapes the results of a handler.
        match era {
            Era::Stateless => result.fill_missing_cache_hints(),
            Era::Session => result.strip_result_type_for_legacy_peer(),
        }
        Ok(result)
    }

    /// Refuses a cursor if this list has no second page. The cursor is the last event key of a full page.
    async fn check_cursor(&self, cursor: String) -> Result<(), HandlerError> {
        match self.log.event_keys(&Scope::Global, None, PAGE).await {
            Ok(first) if first.len() < PAGE => Err(no_page(Some(&cursor))),
            _ => Ok(()),
        }
    }

    /// The result of the handler, or an empty one if it has no resources.
    async fn of_handler(&self, request: Request, empty: impl Into<ServerResult>) -> HandlerResult {
        match self.inner.info().capabilities.resources {
            Some(_) => self.inner.request(request).await,
            None => match cursors::cursor(&request.typed) {
                Some(cursor) => Err(no_page(Some(cursor))),
                None => Ok(empty.into()),
            },
        }
    }

    /// A page of the handler's list, and the resources of the log behind it. When the log cannot be read, the list
    /// has the handler's resources alone.
    async fn list(&self, scopes: &[Scope], mut page: ServerResult, after: Option<&EventKey>) -> ServerResult {
        let event_keys = scopes.iter().map(|scope| async move {
            // The caller's own keys are read again for each page, so that none is listed twice.
            let after = after.filter(|_| *scope == Scope::Global);
            self.log.event_keys(scope, after, PAGE).await
        });
        match try_join_all(event_keys).await {
            Ok(mut event_keys) => {
                let mut global = event_keys.remove(0);
                let own: BTreeSet<_> = event_keys.into_iter().flatten().collect();
                let next_cursor = global.last().filter(|_| global.len() == PAGE).map(EventKey::uri);
                global.retain(|key| !own.contains(key));
                if after.is_none() {
                    global.extend(own);
                    global.sort();
                }
                page::add_resources(&mut page, global.iter().map(resource).collect(), next_cursor);
            }
            Err(error) => {
                tracing::error!(error = %Causes(&error), "the event log cannot be listed");
            }
        }
        page
    }

    async fn read(&self, scopes: &[Scope], uri: &str) -> Result<ServerResult, ErrorData> {
        let unknown = || no_events(uri);
        let key = EventKey::parse(uri).ok_or_else(unknown)?;
        let newest = try_join_all(scopes.iter().map(async |scope| {
            let newest = self.log.newest(scope, &key, NEWEST).await?;
            Ok((scope, newest))
        }));
        let newest = newest.await.map_err(|error| unreadable(&error))?;
        let is_cut = newest.iter().any(|(_, newest)| newest.is_cut);
        let events = newest
            .into_iter()
            .flat_map(|(scope, newest)| newest.events.into_iter().map(move |event| (scope, event)));
        let mut events: Vec<_> = events.collect();
        if events.is_empty() {
            return Err(unknown());
        }
        // The events of each scope are in order: the sort keeps that order among events of the same time.
        events.sort_by_key(|(_, logged)| Reverse(logged.at));
        let is_cut = is_cut || events.len() > NEWEST.events;
        events.truncate(NEWEST.events);
        let events: Vec<_> = events.into_iter().filter_map(|(scope, logged)| entry(scope, logged)).collect();
        let mut content = json!({ "source": key.source(), "type": key.kind(), "events": events });
        if is_cut {
            content["has_older"] = true.into();
        }
        let text = content.to_string();
        let contents = ResourceContents::text(text, uri).with_mime_type("application/json");
        Ok(ServerResult::ReadResourceResult(ReadResourceResult::new(vec![contents])))
    }
}

/// An event as a resource shows it. Sequence numbers count within a scope, so an event of the caller's own scope says so.
fn entry(scope: &Scope, logged: LoggedEvent) -> Option<Value> {
    let Event::Global { event, .. } = logged.event else { return None };
    let mut entry = json!({ "seq": logged.seq, "event": event });
    if *scope != Scope::Global {
        entry["scope"] = "principal".into();
    }
    Some(entry)
}

fn no_page(cursor: Option<&str>) -> HandlerError {
    HandlerError::Refused(cursors::unknown(cursor.unwrap_or_default()))
}

fn resource(key: &EventKey) -> Resource {
    Resource::new(key.uri(), format!("{} {}", key.source(), key.kind()))
        .with_description("The newest events of this source and type, newest first")
        .with_mime_type("application/json")
}

fn template() -> ResourceTemplate {
    ResourceTemplate::new(TEMPLATE, "events")
        .with_description(
            "The newest events of a source and type, newest first. An upper-case letter of a source is written as ! \
             and its lower-case letter",
        )
        .with_mime_type("application/json")
}

/// The refusal of a read. A name in a URI as the source writes it is the usual mistake.
fn no_events(uri: &str) -> ErrorData {
    let mut text = format!("resource not found: there are no events of {:?}", short(uri));
    if uri[SCHEME.len()..]
        .split('/')
        .next()
        .is_some_and(|source| source.contains(|c: char| c.is_ascii_uppercase()))
    {
        text.push_str("; an upper-case letter of a source is written as ! and its lower-case letter");
    }
    ErrorData::resource_not_found(text, Some(json!({ "uri": uri })))
}

fn unreadable(error: &StoreError) -> ErrorData {
    tracing::error!(error = %Causes(error), "the event log cannot be read");
    let text = if error.is_retryable() {
        "the events cannot be read at the moment; the request may be retried"
    } else {
        "the events cannot be read"
    };
    ErrorData::internal_error(text, None)
}

impl Layer for EventResources {
    fn inner(&self) -> &dyn Handler {
        &*self.inner
    }

    fn request(&self, request: Request) -> BoxFuture<'_, HandlerResult> {
        match request.typed {
            ClientRequest::ReadResourceRequest(_)
            | ClientRequest::SubscribeRequest(_)
            | ClientRequest::UnsubscribeRequest(_)
            | ClientRequest::SubscriptionsListenRequest(_)
            | ClientRequest::ListResourcesRequest(_)
            | ClientRequest::ListResourceTemplatesRequest(_) => Box::pin(self.answer(request)),
            _ => self.inner.request(request),
        }
    }
}
