//! Sessions: their ids, their end, and what keeps them apart.

use http::Method;
use serde_json::{Value, json};

use super::links::{RESPONSES, SESSIONS};
use crate::check::{
    era::SESSION,
    finding::{Checked, ensure, failed, skipped, warning},
    probe::{Probe, Session},
    row::{Check, check},
};

pub(crate) const CHECKS: &[Check] = &[
    check!(
        "session.visible-id",
        Session,
        Session,
        "Characters of ids",
        "A session id has visible ASCII characters only (0x21 to 0x7E).",
        SESSIONS,
        visible_id
    ),
    check!(
        "session.unguessable-id",
        Session,
        Session,
        "Ids that cannot be guessed",
        "Session ids should be unique and cryptographically secure.",
        SESSIONS,
        unguessable_id
    ),
    check!(
        "session.missing-id",
        Session,
        Session,
        "A message without its session",
        "A server that requires sessions should answer a message without a session id with 400.",
        SESSIONS,
        missing_id
    ),
    check!(
        "session.unknown-id",
        Session,
        Session,
        "An unknown session",
        "A message of a session that does not exist is answered with 404.",
        SESSIONS,
        unknown_id
    ),
    check!(
        "session.end",
        Session,
        Session,
        "The end of a session",
        "DELETE ends a session: messages are answered with 404 from then on. A server that does not allow it answers 405.",
        SESSIONS,
        end
    ),
    check!(
        "session.equal-ids",
        Session,
        Session,
        "Equal request ids",
        "Requests of two sessions that have one id get each its own response.",
        RESPONSES,
        equal_ids
    ),
    check!(
        "session.concurrent",
        Session,
        Session,
        "Sessions at the same time",
        "Sessions that are opened at the same time have different ids, and each answers its own requests.",
        SESSIONS,
        concurrent
    ),
];

/// How many sessions are opened at the same time.
const AT_ONCE: usize = 5;

fn has_ids(probe: &Probe<'_>) -> Checked {
    if !probe.facts.has_session_ids {
        skipped!("the server gives no session ids");
    }
    Ok(())
}

async fn id(probe: &Probe<'_>) -> Checked<String> {
    has_ids(probe)?;
    match probe.open().await?.id {
        Some(id) => Ok(id),
        None => failed!("initialize has given no session id this time"),
    }
}

async fn visible_id(probe: &Probe<'_>) -> Checked {
    let id = id(probe).await?;
    let is_visible = !id.is_empty() && id.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
    ensure!(is_visible, "the session id {id:?} has other characters");
    Ok(())
}

async fn unguessable_id(probe: &Probe<'_>) -> Checked {
    let (first, second) = (id(probe).await?, id(probe).await?);
    ensure!(first != second, "two sessions have the id {first:?}");
    if first.len() < 16 {
        warning!("the session id {first:?} is short enough to be guessed");
    }
    let differ = first.bytes().zip(second.bytes()).filter(|(a, b)| a != b).count();
    if differ < 8 && first.len() == second.len() {
        warning!("the session ids {first:?} and {second:?} differ in {differ} characters");
    }
    Ok(())
}

async fn missing_id(probe: &Probe<'_>) -> Checked {
    has_ids(probe)?;
    let session = probe.open().await?;
    let answer = probe.of_session(&session, "tools/list", json!({})).without("mcp-session-id").send().await?;
    match answer.status.as_u16() {
        400 => Ok(()),
        200 => skipped!("the server serves messages without a session"),
        status => failed!("a message without a session id got HTTP {status} instead of 400"),
    }
}

async fn unknown_id(probe: &Probe<'_>) -> Checked {
    has_ids(probe)?;
    let session = Session { id: Some("0123456789abcdef0123456789abcdef".into()), version: SESSION.into() };
    let answer = probe.of_session(&session, "tools/list", json!({})).send().await?;
    let status = answer.status.as_u16();
    ensure!(status == 404, "an unknown session got HTTP {status} instead of 404");
    Ok(())
}

async fn end(probe: &Probe<'_>) -> Checked {
    has_ids(probe)?;
    let session = probe.open().await?;
    let status = Probe::in_session(&session, probe.draft(Method::DELETE)).send().await?.status.as_u16();
    if status == 405 {
        skipped!("the server does not let clients end sessions (405)");
    }
    ensure!((200..300).contains(&status), "DELETE got HTTP {status}");
    for attempt in 1..=3 {
        let answer = probe.of_session(&session, "tools/list", json!({})).send().await?;
        let status = answer.status.as_u16();
        ensure!(status == 404, "message {attempt} after DELETE got HTTP {status} instead of 404");
    }
    Ok(())
}

async fn equal_ids(probe: &Probe<'_>) -> Checked {
    has_ids(probe)?;
    let (one, two) = (probe.open().await?, probe.open().await?);
    let list = probe.of_session(&one, "tools/list", json!({})).id(4711).send().await?.response().await?;
    let pong = probe.of_session(&two, "ping", json!({})).id(4711).send().await?.response().await?;
    ensure!(list.get("error").is_some() || list["result"]["tools"].is_array(), "tools/list got {list}");
    ensure!(pong["result"].get("tools").is_none(), "ping of one session got the list of tools of another");
    Ok(())
}

async fn concurrent(probe: &Probe<'_>) -> Checked {
    has_ids(probe)?;
    let sessions = futures::future::try_join_all((0..AT_ONCE).map(|_| probe.open())).await?;
    let mut ids: Vec<&Option<String>> = sessions.iter().map(|session| &session.id).collect();
    ids.sort();
    ids.dedup();
    ensure!(ids.len() == AT_ONCE, "{AT_ONCE} sessions have {} ids", ids.len());
    let asked = sessions.iter().enumerate().map(|(at, session)| async move {
        let id = json!(format!("concurrent-{at}"));
        let response =
            probe.of_session(session, "ping", json!({})).id(id.clone()).send().await?.response().await?;
        Ok((id, response["id"].clone()))
    });
    let pairs: Vec<(Value, Value)> = futures::future::try_join_all(asked).await?;
    for (asked, answered) in pairs {
        ensure!(asked == answered, "the request {asked} was answered as {answered}");
    }
    Ok(())
}
