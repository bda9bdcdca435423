//! Faults of event streams: what an event is called, which ids it has, what is added and left out.

use serde_json::{Value, json};
use test_support::SseEvent;

use crate::{asked::Asked, fault::Fault, memory::Memory, messages::message};

/// What is known of one stream.
#[derive(Default)]
pub(crate) struct StreamState {
    count: usize,
    is_begun: bool,
}

/// Damages one event of a stream.
pub(crate) fn event(
    fault: Fault,
    asked: &Asked,
    event: SseEvent,
    state: &mut StreamState,
    memory: &mut Memory,
) -> Vec<SseEvent> {
    let mut sent = Vec::new();
    if !std::mem::replace(&mut state.is_begun, true) && asked.is_resume() {
        sent.extend(at_the_start_of_a_resume(fault, asked, memory));
    }
    if !event.is_message() {
        if !(fault == Fault::NoPriming && event.id.is_some()) {
            sent.push(event);
        }
        return sent;
    }
    let original = event.json();
    if let (Some(id), Some(session)) = (&event.id, asked.session()) {
        memory.events.insert(id.clone(), (session.to_owned(), original.clone()));
    }
    for changed in
        message(fault, asked, original, memory).into_iter().flat_map(|one| subscription(fault, asked, one))
    {
        state.count += 1;
        sent.push(named(fault, asked, &event, &changed, state.count));
    }
    sent
}

fn at_the_start_of_a_resume(fault: Fault, asked: &Asked, memory: &Memory) -> Option<SseEvent> {
    let message = match fault {
        Fault::ReplayFromThere => memory.events.get(asked.header("last-event-id")?)?.1.clone(),
        Fault::ReplayOfAnotherStream => memory.last_progress.clone()?,
        _ => return None,
    };
    Some(SseEvent { data: Some(message.to_string()), ..SseEvent::default() })
}

/// The event with its damaged name and id.
fn named(fault: Fault, asked: &Asked, event: &SseEvent, message: &Value, count: usize) -> SseEvent {
    let is_progress = message["method"] == "notifications/progress";
    let mut event = SseEvent { data: Some(message.to_string()), ..event.clone() };
    match fault {
        Fault::EventNamed if is_progress => event.event = Some("update".into()),
        Fault::EventIdWithNul if event.id.is_some() => event.id = Some(format!("planted\0{count}")),
        Fault::EventIdsRepeat if event.id.is_some() => event.id = Some(count.to_string()),
        Fault::IdsInStateless if asked.is_stateless() => event.id = Some(count.to_string()),
        _ => {}
    }
    event
}

/// Damages what a subscription, or a GET stream, carries.
fn subscription(fault: Fault, asked: &Asked, mut message: Value) -> Vec<Value> {
    const ID: &str = "io.modelcontextprotocol/subscriptionId";
    let is_acknowledged = message["method"] == "notifications/subscriptions/acknowledged";
    let is_update = message["method"] == "notifications/resources/updated";
    let id = message["params"]["_meta"][ID].clone();
    let change = || json!({ "jsonrpc": "2.0", "method": "notifications/tools/list_changed", "params": { "_meta": { ID: id } } });
    match fault {
        Fault::AcknowledgedLate if is_acknowledged => return vec![change(), message],
        Fault::AcknowledgesMore if is_acknowledged => {
            message["params"]["notifications"]["promptsListChanged"] = json!(true);
        }
        Fault::SubscriptionIdAsText if id.is_i64() => message["params"]["_meta"][ID] = json!(id.to_string()),
        Fault::EventLost if is_update && asked.is_stateless() => return Vec::new(),
        Fault::EventTwice if is_update && asked.is_stateless() => return vec![message.clone(), message],
        Fault::EventUnasked if is_update && asked.is_stateless() => return vec![change(), message],
        Fault::EventTwiceOnGet if is_update && asked.is_get() => return vec![message.clone(), message],
        _ => {}
    }
    vec![message]
}

/// An event as it is written.
pub(crate) fn encoded(event: &SseEvent) -> String {
    let mut text = String::new();
    for (field, value) in
        [("", &event.comment), ("id", &event.id), ("event", &event.event), ("retry", &event.retry)]
    {
        if let Some(value) = value {
            text.push_str(&format!("{field}: {value}\n"));
        }
    }
    for line in event.data.iter().flat_map(|data| data.split('\n')) {
        text.push_str(&format!("data: {line}\n"));
    }
    text + "\n"
}

/// The stream of a response that was one message, and has become several.
pub(crate) fn stream_of(messages: &[Value]) -> String {
    let event = |message: &Value| SseEvent { data: Some(message.to_string()), ..SseEvent::default() };
    messages.iter().map(|message| encoded(&event(message))).collect()
}
