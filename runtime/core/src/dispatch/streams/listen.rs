//! `subscriptions/listen`: the events that a 2026-07-28 client subscribes to, for as long as a stream may live.
//! <https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions> (read 2026-11-20).

use std::sync::Arc;

use futures::StreamExt;
use rmcp::{
    ErrorData,
    model::{ClientCapabilities, DetailedTask, ErrorCode, JsonRpcError, RequestId, SubscriptionFilter},
};
use serde_json::{Map, Value, json};

use super::{
    BoundedStream, EventLag, Source, Step, Streams, is_about, normalized,
    task_watch::{TaskWatch, task_ids},
};
use crate::{
    dispatch::{Caller, JsonReply, Reply},
    error::{Causes, StoreError},
    events::{Event, LoggedEvent, Scope, Subscription},
    ingress::Delivery,
    limits::StreamPermit,
    protocol::{
        Era, Fault, JsonRpcResponse, StatelessRequest, encode,
        meta::{SERVER_INFO, SUBSCRIPTION_ID, notification},
    },
    stream::Frame,
    tasks::{TaskError, TaskId},
    time::Deadline,
};

/// What a listen stream is asked for.
pub(in crate::dispatch) struct ListenFilter {
    /// The part of it that the server can deliver.
    honoured: SubscriptionFilter,
    /// The tasks, for a client that declares the extension.
    tasks: Result<Vec<TaskId>, UndeclaredTasks>,
}

/// A filter names tasks, and its client does not declare the extension.
struct UndeclaredTasks;

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
        let tasks = match requested.get("taskIds").filter(|ids| !ids.is_null()) {
            Some(_) if !read.declares_tasks => Err(UndeclaredTasks),
            Some(ids) => Ok(task_ids(ids)?),
            None => Ok(Vec::new()),
        };
        let requested: SubscriptionFilter =
            serde_json::from_value(Value::Object(requested)).map_err(|error| {
                Fault::invalid_params(format!("params.notifications cannot be read: {error}"))
            })?;
        Ok(ListenFilter { honoured: self.honoured(&requested), tasks })
    }

    /// Opens a listen stream.
    pub(in crate::dispatch) async fn open_listen(
        self: &Arc<Self>,
        caller: &Caller,
        read: &StatelessRequest,
        filter: ListenFilter,
    ) -> Result<Reply, Fault> {
        let ListenFilter { mut honoured, tasks } = filter;
        let Ok(tasks) = tasks else { return Ok(missing_tasks(&read.request.id)) };
        if !caller.accepts.events {
            return Err(Fault::InvalidRequest(
                "subscriptions/listen is answered with an event stream: accept text/event-stream".into(),
            ));
        }
        let id = read.request.id.clone();
        let (watch, states) = self.watch(caller, &tasks).await?;
        let opening: Vec<_> = std::iter::once(acknowledged(&id, &honoured, &states))
            .chain(states.iter().map(|state| task_message(&id, state)))
            .collect();
        let closing = self.closing(&id);
        let hears_events = honoured != SubscriptionFilter::default();
        // Nothing to wait for: an open stream would only cost.
        if (!hears_events && watch.is_none()) || caller.ingress.delivery == Delivery::Buffered {
            return Ok(Reply::Stream(futures::stream::iter(opening.into_iter().chain([closing])).boxed()));
        }
        let deadline = self.lifetime(caller);
        let (permit, subscription) = self.subscribe(caller, &deadline, hears_events).await?;
        let has_event_resources = self.capabilities.has_event_resources();
        for uri in honoured.resource_subscriptions.iter_mut().flatten() {
            *uri = normalized(uri).into_owned();
        }
        let lag = self.event_lag();
        let source = Listen { id, honoured, has_event_resources, closing, subscription, watch, lag };
        let stream = BoundedStream::new(self, source, deadline, Some(permit));
        Ok(Reply::Stream(stream.opening_with(opening)))
    }

    /// Counts the stream, and subscribes to the events of the caller: before the acknowledgement, as an event between the
    /// two would be lost.
    async fn subscribe(
        &self,
        caller: &Caller,
        deadline: &Deadline,
        hears_events: bool,
    ) -> Result<(StreamPermit, Option<Subscription>), Fault> {
        let scopes = Scope::visible_to(&caller.principal);
        let (permit, subscription) = futures::join!(self.permit(caller, deadline), async {
            match hears_events {
                true => Subscription::open(&self.tail, scopes, None).await.map(Some),
                false => Ok(None),
            }
        });
        let mut permit = permit?;
        match subscription {
            Ok(subscription) => Ok((permit, subscription)),
            Err(error) => {
                tracing::error!(error = %Causes(&error), "the event log cannot be read");
                permit.release().await;
                Err(Fault::of_store(&error))
            }
        }
    }

    /// Begins to watch the caller's own of some tasks. Returns the state of each; there is nothing to watch once all have
    /// ended.
    async fn watch(
        &self,
        caller: &Caller,
        ids: &[TaskId],
    ) -> Result<(Option<TaskWatch>, Vec<DetailedTask>), Fault> {
        let Some(tasks) = self.tasks.as_ref().filter(|_| !ids.is_empty()) else {
            return Ok((None, Vec::new()));
        };
        match TaskWatch::open(tasks, &self.clock, &caller.principal, ids).await {
            Ok((watch, states)) => Ok(((!watch.is_over()).then_some(watch), states)),
            Err(TaskError::Store(error)) => {
                tracing::error!(error = %Causes(&error), "the tasks of a stream cannot be read");
                Err(Fault::of_store(&error))
            }
            Err(_) => Err(Fault::Internal),
        }
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

/// The events and the tasks of one listen stream.
struct Listen {
    id: RequestId,
    honoured: SubscriptionFilter,
    has_event_resources: bool,
    closing: Frame,
    /// `None`: the client hears of tasks only.
    subscription: Option<Subscription>,
    /// `None`: the client names no task, or each has ended.
    watch: Option<TaskWatch>,
    lag: EventLag,
}

/// What a listen stream waits for.
enum Item {
    Event(Result<(Scope, LoggedEvent), StoreError>),
    Tasks(Vec<DetailedTask>),
}

impl Source for Listen {
    type Item = Item;

    async fn wait(&mut self) -> Item {
        let event = async {
            match &mut self.subscription {
                Some(subscription) => subscription.next().await,
                None => std::future::pending().await,
            }
        };
        let changed = async {
            match &mut self.watch {
                Some(watch) => watch.changed().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            event = event => Item::Event(event),
            changed = changed => Item::Tasks(changed),
        }
    }

    async fn frames(&mut self, item: Item) -> Step {
        match item {
            Item::Event(Ok((_, logged))) => {
                let messages = self.messages(&logged.event);
                if !messages.is_empty() {
                    self.lag.sent(logged.at);
                }
                Step::Frames(messages)
            }
            Item::Event(Err(error)) => {
                tracing::error!(error = %Causes(&error), "the event log cannot be read; a listen stream ends");
                Step::End
            }
            Item::Tasks(changed) => {
                let mut messages: Vec<_> =
                    changed.iter().map(|state| task_message(&self.id, state)).collect();
                self.watch.take_if(|watch| watch.is_over());
                if self.subscription.is_some() || self.watch.is_some() {
                    return Step::Frames(messages);
                }
                messages.push(self.closing.clone());
                Step::Last(messages)
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

/// The first message: what is honoured. rmcp's type of the filter has no `taskIds`, which the tasks extension adds.
fn acknowledged(id: &RequestId, honoured: &SubscriptionFilter, tasks: &[DetailedTask]) -> Frame {
    let mut honoured = json!(honoured);
    if !tasks.is_empty() {
        honoured["taskIds"] = tasks.iter().map(|state| state.task.task_id.as_str()).collect();
    }
    message(id, notification::SUBSCRIPTIONS_ACKNOWLEDGED, json!({ "notifications": honoured }))
}

/// A task as `tasks/get` would return it.
fn task_message(id: &RequestId, state: &DetailedTask) -> Frame {
    message(id, notification::TASKS, json!(state))
}

fn message(id: &RequestId, method: &str, mut params: Value) -> Frame {
    params["_meta"] = json!({ SUBSCRIPTION_ID: id });
    let json = encode(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    Frame::Message { id: None, json }
}

/// The filter as JSON.
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
