//! Event streams of calls, and the progress in them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::links::{EVENT_STREAMS, HTTP, LISTENING, PROGRESS, RECEIVING, SENDING, STREAMS};
use crate::check::{
    finding::{Checked, ensure, failed, skipped, warning},
    probe::Probe,
    row::{Check, check},
    wire::{Answer, Next, SseEvent, brief},
};

pub(crate) const CHECKS: &[Check] = &[
    check!(
        "streaming.event-name",
        Streaming,
        Each,
        "Names of events",
        "Events have no name, or the name \"message\": clients that follow HTML give others to no one.",
        EVENT_STREAMS,
        event_name
    ),
    check!(
        "streaming.event-id",
        Streaming,
        Session,
        "Ids of events",
        "The id of an event has no NUL, and is unique in its session.",
        EVENT_STREAMS,
        event_id
    ),
    check!(
        "streaming.event-once",
        Streaming,
        Each,
        "Each message once",
        "A message is sent once.",
        STREAMS,
        event_once
    ),
    check!(
        "streaming.end",
        Streaming,
        Each,
        "The end of a stream",
        "A stream ends after the response to its request.",
        RECEIVING,
        end
    ),
    check!(
        "streaming.after-response",
        Streaming,
        Each,
        "Messages after the response",
        "The response is the last message of its stream: progress comes before it.",
        PROGRESS,
        after_response
    ),
    check!(
        "streaming.progress-increases",
        Streaming,
        Each,
        "Progress increases",
        "The progress of a request increases with each notification.",
        PROGRESS,
        progress_increases
    ),
    check!(
        "streaming.progress-token",
        Streaming,
        Each,
        "Progress tokens",
        "Progress carries the token of its request, in value and in JSON type.",
        PROGRESS,
        progress_token
    ),
    check!(
        "streaming.progress-unasked",
        Streaming,
        Each,
        "Progress without a token",
        "A request without a progress token gets no progress.",
        PROGRESS,
        progress_unasked
    ),
    check!(
        "streaming.stateless-ids",
        Streaming,
        Stateless,
        "No event ids in 2026-07-28",
        "Streams of 2026-07-28 cannot be resumed: they have no event ids and no retry.",
        HTTP,
        stateless_ids
    ),
    check!(
        "streaming.stateless-requests",
        Streaming,
        Stateless,
        "No requests of the server in 2026-07-28",
        "No stream of 2026-07-28 carries a request of the server.",
        RECEIVING,
        stateless_requests
    ),
    check!(
        "streaming.buffering",
        Streaming,
        Stateless,
        "X-Accel-Buffering",
        "An event stream should ask proxies not to buffer it: X-Accel-Buffering: no.",
        RECEIVING,
        buffering
    ),
    check!(
        "streaming.priming",
        Streaming,
        Session,
        "Priming events",
        "A stream of 2025-11-25 should begin with an event that has an id and empty data.",
        SENDING,
        priming
    ),
    check!(
        "streaming.get",
        Streaming,
        Session,
        "The GET stream",
        "A GET of a session is answered with an event stream, or with 405.",
        LISTENING,
        get
    ),
];

/// Calls the tool that sends progress.
pub(super) async fn speak(probe: &Probe<'_>, token: Option<Value>) -> Checked<Answer> {
    let Some((tool, arguments)) = probe.speaker() else {
        skipped!("no tool that may be called sends progress (readOnlyHint, or --tool)")
    };
    let answer = probe.call(tool, arguments, token).await?.send().await?;
    if !answer.is_stream() && answer.status.is_success() {
        skipped!("the call was answered without a stream");
    }
    ensure!(answer.status.is_success(), "the call got HTTP {}", answer.status.as_u16());
    Ok(answer)
}

/// What a stream carried.
struct Spoken {
    events: Vec<SseEvent>,
    messages: Vec<Value>,
    is_ended: bool,
}

impl Spoken {
    /// The progress of its call, each notification once.
    fn progress(&self) -> Vec<&Value> {
        let mut progress: Vec<&Value> = Vec::new();
        for message in self.messages.iter().filter(|one| one["method"] == "notifications/progress") {
            if !progress.contains(&message) {
                progress.push(message);
            }
        }
        progress
    }
}

fn is_response(message: &Value) -> bool {
    message.get("result").is_some() || message.get("error").is_some()
}

/// Reads a stream to its end, or until nothing comes any more after the response.
async fn whole(probe: &Probe<'_>, mut answer: Answer) -> Checked<Spoken> {
    let mut spoken = Spoken { events: Vec::new(), messages: Vec::new(), is_ended: false };
    loop {
        let is_answered = spoken.messages.iter().any(is_response);
        let patience = if is_answered { probe.plan.quiet } else { probe.plan.timeout };
        let event = match answer.event_within(patience).await? {
            Next::Event(event) => event,
            Next::End => {
                spoken.is_ended = true;
                break;
            }
            Next::Nothing => break,
        };
        match event.json() {
            Some(Ok(message)) => spoken.messages.push(message),
            Some(Err(error)) => failed!("an event has data that is not JSON ({error}): {:?}", event.data),
            None => {}
        }
        spoken.events.push(event);
    }
    ensure!(spoken.messages.iter().any(is_response), "the stream ended without a response");
    Ok(spoken)
}

async fn spoken(probe: &Probe<'_>) -> Checked<Spoken> {
    let answer = speak(probe, Some(json!("mcp-lambda-progress"))).await?;
    whole(probe, answer).await
}

async fn event_name(probe: &Probe<'_>) -> Checked {
    let spoken = spoken(probe).await?;
    let mut named = spoken.events.iter().filter_map(|event| event.event.as_deref());
    if let Some(name) = named.find(|name| !["message", ""].contains(name)) {
        failed!("an event is named {name:?}");
    }
    Ok(())
}

async fn event_id(probe: &Probe<'_>) -> Checked {
    let (mut seen, mut count) = (BTreeSet::new(), 0);
    for _ in 0..2 {
        let spoken = spoken(probe).await?;
        let mut here = BTreeSet::new();
        for id in spoken.events.iter().filter_map(|event| event.id.clone()).filter(|id| !id.is_empty()) {
            ensure!(!id.contains('\0'), "the event id {id:?} has a NUL, so clients ignore it");
            count += 1;
            here.insert(id);
        }
        if let Some(id) = here.intersection(&seen).next() {
            failed!("two streams of a session have the event id {id:?}");
        }
        seen.extend(here);
    }
    if count == 0 {
        skipped!("the streams have no event ids");
    }
    Ok(())
}

async fn event_once(probe: &Probe<'_>) -> Checked {
    let spoken = spoken(probe).await?;
    let mut seen: Vec<&Value> = Vec::new();
    for message in &spoken.messages {
        ensure!(!seen.contains(&message), "a message came twice: {}", brief(message));
        seen.push(message);
    }
    Ok(())
}

async fn end(probe: &Probe<'_>) -> Checked {
    let spoken = spoken(probe).await?;
    ensure!(spoken.is_ended, "the stream is open {:?} after the response", probe.plan.quiet);
    Ok(())
}

async fn after_response(probe: &Probe<'_>) -> Checked {
    let spoken = spoken(probe).await?;
    let mut after = spoken.messages.iter().skip_while(|message| !is_response(message)).skip(1);
    match after.find(|message| !is_response(message)) {
        Some(message) => failed!("a message came after the response: {}", brief(message)),
        None => Ok(()),
    }
}

async fn progress_increases(probe: &Probe<'_>) -> Checked {
    let spoken = spoken(probe).await?;
    let before = spoken.messages.iter().take_while(|message| !is_response(message)).count();
    let mut last = f64::NEG_INFINITY;
    for message in spoken.progress().into_iter().take(before) {
        let Some(progress) = message["params"]["progress"].as_f64() else {
            failed!("progress without a number: {}", brief(message))
        };
        ensure!(progress > last, "the progress is {progress} after {last}");
        last = progress;
    }
    Ok(())
}

async fn progress_token(probe: &Probe<'_>) -> Checked {
    for token in [json!("a token of text"), json!(4711)] {
        let answer = speak(probe, Some(token.clone())).await?;
        for message in whole(probe, answer).await?.progress() {
            let found = &message["params"]["progressToken"];
            ensure!(*found == token, "the token of the request is {token}, that of its progress {found}");
        }
    }
    Ok(())
}

async fn progress_unasked(probe: &Probe<'_>) -> Checked {
    let Some((tool, arguments)) = probe.speaker() else {
        skipped!("no tool that may be called sends progress (readOnlyHint, or --tool)")
    };
    let messages = probe.call(tool, arguments, None).await?.send().await?.messages().await?;
    match messages.iter().find(|message| message["method"] == "notifications/progress") {
        Some(message) => failed!("a call without a progress token got {}", brief(message)),
        None => Ok(()),
    }
}

async fn stateless_ids(probe: &Probe<'_>) -> Checked {
    for event in spoken(probe).await?.events {
        ensure!(event.id.is_none(), "an event has the id {:?}", event.id);
        ensure!(event.retry.is_none(), "the stream has the retry {:?}", event.retry);
    }
    Ok(())
}

async fn stateless_requests(probe: &Probe<'_>) -> Checked {
    let spoken = spoken(probe).await?;
    let mut requests =
        spoken.messages.iter().filter(|one| one.get("method").is_some() && one.get("id").is_some());
    match requests.next() {
        Some(request) => failed!("the stream carries a request: {}", brief(request)),
        None => Ok(()),
    }
}

async fn buffering(probe: &Probe<'_>) -> Checked {
    let answer = speak(probe, Some(json!("buffering"))).await?;
    let value = answer.header("x-accel-buffering");
    if value.as_deref() != Some("no") {
        warning!("the header X-Accel-Buffering is {value:?}");
    }
    Ok(())
}

async fn priming(probe: &Probe<'_>) -> Checked {
    if probe.session().await?.version != "2025-11-25" {
        skipped!("the version of the session is older than 2025-11-25");
    }
    let spoken = spoken(probe).await?;
    let first = spoken.events.iter().find(|event| event.id.is_some() || event.data.is_some());
    let is_primed = first.is_some_and(|event| event.id.is_some() && event.json().is_none());
    if !is_primed {
        warning!("the first event is not a priming event: {first:?}");
    }
    Ok(())
}

async fn get(probe: &Probe<'_>) -> Checked {
    let answer = probe.get_stream(probe.session().await?).send().await?;
    match (answer.status.as_u16(), answer.is_stream()) {
        (200, true) | (405, _) => Ok(()),
        (status, _) => failed!("GET got HTTP {status} and {:?}", answer.media_type()),
    }
}
