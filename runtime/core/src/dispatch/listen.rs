//! `subscriptions/listen`: the events of the log, for as long as a stream may live.
//! <https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions> (read 2026-11-20).

use std::{collections::VecDeque, sync::Arc, time::Duration};

use futures::StreamExt;
use rmcp::{
    ErrorData,
    model::{ClientCapabilities, ErrorCode, JsonRpcError, RequestId, SubscriptionFilter},
};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::{
    App, call,
    reply::{Answer, Caller, Final, Reply, encode},
};
use crate::{
    error::Causes,
    events::{Event, Scope, Subscription},
    ingress::Delivery,
    limits::StreamPermit,
    protocol::{Era, Fault, StatelessRequest},
    stream::{Frame, FrameStream},
    time::Deadline,
};

pub(super) async fn open(app: &Arc<App>, caller: &Caller, read: &StatelessRequest) -> Result<Reply, Fault> {
    if !app.config.streams.enabled {
        return Err(Fault::MethodNotFound(read.request.method.clone()));
    }
    let asked = asked(read)?;
    if asked.get("taskIds").is_some_and(|ids| !ids.is_null()) && !read.declares_tasks {
        return Ok(missing_tasks(&read.request.id));
    }
    let asked: SubscriptionFilter = serde_json::from_value(Value::Object(asked))
        .map_err(|error| Fault::invalid_params(format!("params.notifications cannot be read: {error}")))?;
    if !caller.accepts.events {
        return Err(Fault::InvalidRequest(
            "subscriptions/listen answers with an event stream: accept text/event-stream".into(),
        ));
    }
    let id = read.request.id.clone();
    let honoured = honoured(app, &asked);
    let acknowledged =
        notification(&id, "notifications/subscriptions/acknowledged", json!({ "notifications": honoured }));
    // Nothing to wait for: holding the stream would only cost.
    if honoured == SubscriptionFilter::default() || caller.ingress.delivery == Delivery::Buffered {
        let frames = [acknowledged, closing(app, &id).into_frame()];
        return Ok(Reply::Stream(futures::stream::iter(frames).boxed()));
    }
    let deadline = life(app, caller);
    // Before the acknowledgement: an event between the two would be lost.
    let (slot, subscription) = futures::join!(
        app.slot(caller, &deadline),
        Subscription::open(&app.tail, Scope::visible_to(&caller.principal), None),
    );
    let mut slot = slot?;
    let subscription = match subscription {
        Ok(subscription) => subscription,
        Err(error) => {
            tracing::error!(error = %Causes(&error), "the event log cannot be read");
            slot.release().await;
            return Err(Fault::Unavailable);
        }
    };
    let listener = Listener {
        app: Arc::clone(app),
        id,
        honoured,
        subscription,
        waiting: VecDeque::new(),
        slot,
        deadline,
    };
    let first = futures::stream::iter([acknowledged]);
    Ok(Reply::Stream(first.chain(listener.stream()).boxed()))
}

/// Kept back of a request's time, so that a stream says goodbye and is not cut off.
const CLOSING: Duration = Duration::from_secs(3);

/// How long a stream that waits for events may live.
pub(super) fn life(app: &App, caller: &Caller) -> Deadline {
    caller
        .ingress
        .deadline
        .minus(CLOSING)
        .capped(app.config.streams.life.unwrap_or(caller.ingress.stream_lifetime))
}

/// What was asked for, and can be delivered.
fn honoured(app: &App, requested: &SubscriptionFilter) -> SubscriptionFilter {
    let mut honoured = requested.supported_by(&app.capabilities);
    honoured.resource_subscriptions = honoured.resource_subscriptions.filter(|uris| !uris.is_empty());
    honoured
}

struct Listener {
    app: Arc<App>,
    id: RequestId,
    honoured: SubscriptionFilter,
    subscription: Subscription,
    /// Messages of an event whose first one has been said.
    waiting: VecDeque<Frame>,
    slot: StreamPermit,
    deadline: Deadline,
}

impl Listener {
    fn stream(self) -> FrameStream {
        futures::stream::unfold(Some(self), async |listener| {
            let mut listener = listener?;
            let (frame, more) = listener.next().await;
            Some((frame, more.then_some(listener)))
        })
        .boxed()
    }

    /// The next frame, and whether more will come.
    async fn next(&mut self) -> (Frame, bool) {
        if let Some(frame) = self.waiting.pop_front() {
            return (frame, true);
        }
        let quiet_until = Instant::now() + self.app.config.streams.keep_alive;
        loop {
            // In this order: what has been heard is said before a stream ends, unless its time is over.
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(self.deadline.instant()) => return (self.close().await, false),
                event = self.subscription.next() => match event {
                    Ok((_, event)) => {
                        self.waiting.extend(self.frames(&event.event));
                        if let Some(frame) = self.waiting.pop_front() { return (frame, true) }
                    }
                    Err(error) => {
                        tracing::error!(error = %Causes(&error), "the event log cannot be read; the stream ends");
                        return (self.close().await, false);
                    }
                },
                () = self.app.shutdown.cancelled() => return (self.close().await, false),
                () = tokio::time::sleep_until(quiet_until) => return (Frame::KeepAlive, true),
            }
        }
    }

    async fn close(&mut self) -> Frame {
        self.slot.release().await;
        closing(&self.app, &self.id).into_frame()
    }

    /// What an event means for this client: nothing, a message, or two for an event of a new topic.
    fn frames(&self, event: &Event) -> Vec<Frame> {
        match event {
            Event::Global { event, is_first } if self.app.event_resources => {
                let changed = is_first.then(|| self.frame(&Event::ResourcesListChanged)).flatten();
                let updated = self.frame(&Event::ResourceUpdated { uri: event.key().uri() });
                changed.into_iter().chain(updated).collect()
            }
            event => self.frame(event).into_iter().collect(),
        }
    }

    fn frame(&self, event: &Event) -> Option<Frame> {
        let wanted = |flag: Option<bool>, method: &str| {
            (flag == Some(true)).then(|| notification(&self.id, method, json!({})))
        };
        match event {
            Event::ToolsListChanged => {
                wanted(self.honoured.tools_list_changed, "notifications/tools/list_changed")
            }
            Event::PromptsListChanged => {
                wanted(self.honoured.prompts_list_changed, "notifications/prompts/list_changed")
            }
            Event::ResourcesListChanged => {
                wanted(self.honoured.resources_list_changed, "notifications/resources/list_changed")
            }
            Event::ResourceUpdated { uri } => {
                let subscribed = self.honoured.resource_subscriptions.iter().flatten();
                is_about(subscribed, uri)
                    .then(|| notification(&self.id, "notifications/resources/updated", json!({ "uri": uri })))
            }
            // A log message belongs to a request in this revision, never to a listen stream; other events are heard
            // of as updates of their resources, where there are any.
            Event::Message { .. } | Event::Global { .. } => None,
        }
    }
}

/// Whether an updated resource is one of these, or lies below one.
pub(super) fn is_about<'a>(mut subscribed: impl Iterator<Item = &'a String>, uri: &str) -> bool {
    subscribed.any(|known| {
        uri.strip_prefix(known.as_str()).is_some_and(|rest| {
            rest.is_empty() || rest.starts_with('/') || (known.ends_with('/') && !known.ends_with("//"))
        })
    })
}

fn notification(id: &RequestId, method: &str, mut params: Value) -> Frame {
    params["_meta"] = json!({ "io.modelcontextprotocol/subscriptionId": id });
    let json = encode(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    Frame::Message { id: None, json }
}

/// The graceful end: the result of the listen request itself.
fn closing(app: &App, id: &RequestId) -> Final {
    Final::result(
        id,
        &json!({
            "resultType": "complete",
            "_meta": {
                "io.modelcontextprotocol/subscriptionId": id,
                "io.modelcontextprotocol/serverInfo": app.server_info,
            },
        }),
    )
}

/// The filter as it was sent: rmcp's own does not know `taskIds`, which the tasks extension adds.
fn asked(read: &StatelessRequest) -> Result<Map<String, Value>, Fault> {
    #[derive(serde::Deserialize)]
    struct Outer {
        params: Params,
    }
    #[derive(serde::Deserialize)]
    struct Params {
        notifications: Map<String, Value>,
    }
    call::parse(&read.request).map(|outer: Outer| outer.params.notifications)
}

fn missing_tasks(id: &RequestId) -> Reply {
    let needed = ClientCapabilities::builder().enable_tasks().build();
    let error = ErrorData::missing_required_client_capability(needed);
    let json = encode(&JsonRpcError::new(Some(id.clone()), error));
    let code = Some(ErrorCode::MISSING_REQUIRED_CLIENT_CAPABILITY.0);
    Reply::Answer(Answer { era: Era::Stateless, json, code, opens: None })
}
