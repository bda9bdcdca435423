//! Resuming a stream that broke off: `Last-Event-ID`.

use serde_json::{Value, json};

use super::{
    links::{HIJACKING, RESUMING},
    streaming::speak,
};
use crate::check::{
    finding::{Checked, ensure, failed, skipped},
    probe::Probe,
    row::{Check, check},
    wire::{Answer, Next, SseEvent, brief},
};

pub(crate) const CHECKS: &[Check] = &[
    check!(
        "streaming.resume",
        Streaming,
        Session,
        "The rest of a stream",
        "A GET with Last-Event-ID brings what the client has missed, up to the response.",
        RESUMING,
        complete
    ),
    check!(
        "streaming.resume-own",
        Streaming,
        Session,
        "Nothing of another stream",
        "A GET with Last-Event-ID brings no message of another stream.",
        RESUMING,
        own
    ),
    check!(
        "streaming.resume-after",
        Streaming,
        Session,
        "Nothing again",
        "A GET with Last-Event-ID brings what came after that event, and nothing from before.",
        RESUMING,
        after
    ),
    check!(
        "streaming.resume-session",
        Streaming,
        Session,
        "Nothing of another session",
        "A stream can be resumed in its own session only.",
        HIJACKING,
        other_session
    ),
];

/// A stream that was left after an event, and what a resume of it brought.
struct Resumed {
    /// What had come before.
    seen: Vec<Value>,
    /// What the resume brought.
    messages: Vec<Value>,
}

/// Reads up to the first message with an id, and leaves.
async fn leave(mut answer: Answer) -> Checked<(String, Vec<Value>)> {
    while let Some(event) = answer.event().await? {
        if let (Some(id), Some(Ok(message))) = (&event.id, event.json())
            && message["method"] == "notifications/progress"
        {
            return Ok((id.clone(), vec![message]));
        }
    }
    skipped!("the progress of the stream has no event ids, so it cannot be resumed")
}

/// Two calls: the first is left after its first progress, the second is read to its end. Then the first is resumed.
async fn resumed(probe: &Probe<'_>) -> Checked<Resumed> {
    let first = speak(probe, Some(json!("resume-one"))).await?;
    let (id, seen) = leave(first).await?;
    speak(probe, Some(json!("resume-two"))).await?.response().await?;
    let mut answer = probe.get_stream(probe.session().await?).header("last-event-id", &id).send().await?;
    match answer.status.as_u16() {
        200 => {}
        405 => skipped!("the server does not resume streams (405)"),
        status => failed!("GET with Last-Event-ID {id:?} got HTTP {status}"),
    }
    let messages = rest(probe, &mut answer).await?;
    Ok(Resumed { seen, messages })
}

/// Reads until the end, or until nothing comes any more.
async fn rest(probe: &Probe<'_>, answer: &mut Answer) -> Checked<Vec<Value>> {
    let mut messages = Vec::new();
    while let Next::Event(event) = answer.event_within(probe.plan.quiet).await? {
        if let Some(Ok(message)) = SseEvent::json(&event) {
            messages.push(message);
        }
    }
    Ok(messages)
}

async fn complete(probe: &Probe<'_>) -> Checked {
    let resumed = resumed(probe).await?;
    let is_answered = resumed.messages.iter().any(|message| message.get("result").is_some());
    ensure!(
        is_answered,
        "the resumed stream brought no response: {}",
        brief(&Value::Array(resumed.messages))
    );
    Ok(())
}

async fn own(probe: &Probe<'_>) -> Checked {
    let resumed = resumed(probe).await?;
    let foreign = |message: &&Value| message["params"]["progressToken"] == "resume-two";
    match resumed.messages.iter().find(foreign) {
        Some(message) => failed!("the resumed stream brought a message of another: {}", brief(message)),
        None => Ok(()),
    }
}

async fn after(probe: &Probe<'_>) -> Checked {
    let resumed = resumed(probe).await?;
    match resumed.messages.iter().find(|message| resumed.seen.contains(message)) {
        Some(message) => failed!("the resumed stream repeated {}", brief(message)),
        None => Ok(()),
    }
}

async fn other_session(probe: &Probe<'_>) -> Checked {
    let answer = speak(probe, Some(json!("resume-one"))).await?;
    let (id, _) = leave(answer).await?;
    let other = probe.open().await?;
    ensure!(other.id.is_some(), "initialize has given no session id this time");
    let mut answer = probe.get_stream(&other).header("last-event-id", &id).send().await?;
    if !answer.is_stream() {
        return Ok(());
    }
    let brought = rest(probe, &mut answer).await?;
    match brought
        .iter()
        .find(|message| message["params"]["progressToken"] == "resume-one" || message.get("result").is_some())
    {
        Some(message) => failed!("another session got {}", brief(message)),
        None => Ok(()),
    }
}
