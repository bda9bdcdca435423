//! `subscriptions/listen`: the events that a 2026-07-28 client subscribes to, for as long as a stream may live.
//! <https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions> (read 2026-11-20).

use std::sync::Arc;

use futures::StreamExt;
use rmcp::{
    ErrorData,
    model::{ClientCapabilities, ErrorCode, JsonRpcError, RequestId, SubscriptionFilter},
};
use serde_json::{Map, Value, json};

use super::{BoundedStream, EventLag, Source, Step, Streams, is_about, normalized};
use crate::{
    dispatch::{Caller, JsonReply, Reply},
    error::{Causes, StoreError},
    events::{Event, LoggedEvent, Scope, Subscription},
    ingress::Delivery,
    protocol::{
        Era, Fault, JsonRpcResponse, StatelessRequest, encode,
        meta::{SERVER_INFO, SUBSCRIPTION_ID, notification},
    },
    stream::Frame,
};

/// What a listen stream is asked for.
pub(in crate::dispatch) struct ListenFilter {
    /// The part of it that the server can deliver.
    honoured: SubscriptionFilter,
    names_tasks: bool,
}

impl ListenFilter {
    /// The URIs of the resources.
    pub(in crate::dispatch) fn resources(&self) -> &[String] {
        self.honoured.resource_subscriptions.as_deref().unwrap_or_default()
    }
}

impl Streams {
    /// Reads the filter of a request for a listen stream.
    pub(in crate::dispatch) fn listen_filter(&self, read: &StatelessRequest) -> Result<ListenFilter, Fault> {
        if !self.config.enabled {
            return Err(Fault::MethodNotFound(read.request.method.to_string()));
        }
        let requested = requested(read)?;
        let names_tasks = requested.get("taskIds").is_some_and(|ids| !ids.is_null());
        let requested: SubscriptionFilter =
            serde_json::from_value(Value::Object(requested)).map_err(|error| {
                Fault::invalid_params(format!("params.notifications cannot be read: {error}"))
            })?;
        Ok(ListenFilter { honoured: self.honoured(&requested), names_tasks })
    }

    /// Opens a listen stream.
    pub(in crate::dispatch) async fn open_listen(
        self: &Arc<Self>,
        caller: &Caller,
        read: &StatelessRequest,
        filter: ListenFilter,
    ) -> Result<Reply, Fault> {
        let ListenFilter { honoured, names_tasks } = filter;
        if names_tasks && !read.declares_tasks {
            return Ok(missing_tasks(&read.request.id));
        }
        if !caller.accepts.events {
            return Err(Fault::InvalidRequest(
                "subscriptions/listen is answered with an event stream: accept text/event-stream".into(),
            ));
        }
        let id = read.request.id.clone();
        let acknowledged =
            message(&id, notification::SUBSCRIPTIONS_ACKNOWLEDGED, json!({ "notifications": honoured }));
        let closing = self.closing(&id);
        // Nothing to wait for: an open stream would only cost.
        if honoured == SubscriptionFilter::default() || caller.ingress.delivery == Delivery::Buffered {
            return Ok(Reply::Stream(futures::stream::iter([acknowledged, closing]).boxed()));
        }
        let deadline = self.lifetime(caller);
        // The subscription begins before the acknowledgement: an event between the two would be lost.
        let (permit, subscription) = futures::join!(
            self.permit(caller, &deadline),
            Subscription::open(&self.tail, Scope::visible_to(&caller.principal), None),
        );
        let mut permit = permit?;
        let subscription = match subscription {
            Ok(subscription) => subscription,
            Err(error) => {
                tracing::error!(error = %Causes(&error), "the event log cannot be read");
                permit.release().await;
                return Err(Fault::of_store(&error));
            }
        };
        let has_event_resources = self.capabilities.has_event_resources();
        let mut honoured = honoured;
        for uri in honoured.resource_subscriptions.iter_mut().flatten() {
            *uri = normalized(uri).into_owned();
        }
        let lag = self.event_lag();
        let source = Listen { id, honoured, has_event_resources, closing, subscription, lag };
        let stream = BoundedStream::new(self, source, deadline, Some(permit));
        Ok(Reply::Stream(stream.opening_with([acknowledged])))
    }

    /// The part of a requested subscription that the server can deliver.
    fn honoured(&self, requested: &SubscriptionFilter) -> SubscriptionFilter {
        let mut honoured = requested.supported_by(self.capabilities.get());
        honoured.resource_subscriptions = honoured.resource_subscriptions.filter(|uris| !uris.is_empty());
        honoured
    }

    /// The graceful end of a listen stream: the result of its request.
    fn closing(&self, id: &RequestId) -> Frame {
        let result = json!({
            "resultType": "complete",
            "_meta": { SUBSCRIPTION_ID: id, SERVER_INFO: self.server_info },
        });
        Frame::Message { id: None, json: JsonRpcResponse::result(id, &result).json }
    }
}

/// The events of one listen stream.
struct Listen {
    id: RequestId,
    honoured: SubscriptionFilter,
    has_event_resources: bool,
    closing: Frame,
    subscription: Subscription,
    lag: EventLag,
}

impl Source for Listen {
    type Item = Result<(Scope, LoggedEvent), StoreError>;

    async fn wait(&mut self) -> Self::Item {
        self.subscription.next().await
    }

    async fn frames(&mut self, item: Self::Item) -> Step {
        match item {
            Ok((_, logged)) => {
                let messages = self.messages(&logged.event);
                if !messages.is_empty() {
                    self.lag.sent(logged.at);
                }
                Step::Frames(messages)
            }
            Err(error) => {
                tracing::error!(error = %Causes(&error), "the event log cannot be read; a listen stream ends");
                Step::End
            }
        }
    }

    fn farewell(&mut self) -> Frame {
        self.closing.clone()
    }
}

impl Listen {
    /// The messages that an event means for this client: none, one, or two for the first event of its key.
    fn messages(&self, event: &Event) -> Vec<Frame> {
        match event {
            Event::Global { event, is_first } if self.has_event_resources => {
                let changed = is_first.then(|| self.message(&Event::ResourcesListChanged)).flatten();
                let updated = self.message(&Event::ResourceUpdated { uri: event.key().uri() });
                changed.into_iter().chain(updated).collect()
            }
            event => self.message(event).into_iter().collect(),
        }
    }

    fn message(&self, event: &Event) -> Option<Frame> {
        let changed = |honoured: Option<bool>, method: &str| {
            (honoured == Some(true)).then(|| message(&self.id, method, json!({})))
        };
        let honoured = &self.honoured;
        match event {
            Event::ToolsListChanged => changed(honoured.tools_list_changed, notification::TOOLS_LIST_CHANGED),
            Event::PromptsListChanged => {
                changed(honoured.prompts_list_changed, notification::PROMPTS_LIST_CHANGED)
            }
            Event::ResourcesListChanged => {
                changed(honoured.resources_list_changed, notification::RESOURCES_LIST_CHANGED)
            }
            Event::ResourceUpdated { uri } => {
                let subscribed = honoured.resource_subscriptions.iter().flatten();
                is_about(subscribed, uri)
                    .then(|| message(&self.id, notification::RESOURCE_UPDATED, json!({ "uri": uri })))
            }
            // In this revision a log message belongs to a request, never to a listen stream. Other events are updates
            // of their resources, where there are any.
            Event::Message { .. } | Event::Global { .. } => None,
        }
    }
}

fn message(id: &RequestId, method: &str, mut params: Value) -> Frame {
    params["_meta"] = json!({ SUBSCRIPTION_ID: id });
    let json = encode(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    Frame::Message { id: None, json }
}

/// The filter as JSON: rmcp's type has no `taskIds`, which the tasks extension adds.
fn requested(read: &StatelessRequest) -> Result<Map<String, Value>, Fault> {
    #[derive(serde::Deserialize)]
    struct Params {
        notifications: Map<String, Value>,
    }
    read.request.parse().map(|params: Params| params.notifications)
}

fn missing_tasks(id: &RequestId) -> Reply {
    let needed = ClientCapabilities::builder().enable_tasks().build();
    let error = ErrorData::missing_required_client_capability(needed);
    let json = encode(&JsonRpcError::new(Some(id.clone()), error));
    let code = Some(ErrorCode::MISSING_REQUIRED_CLIENT_CAPABILITY.0);
    Reply::Json(JsonReply { era: Era::Stateless, json, code, session: None })
}
