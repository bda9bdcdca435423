//! Authorization: what a server does without a token, with a damaged one, and with that of another caller.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};

use super::links::{AUTHORIZATION, HIJACKING, PROTECTED_RESOURCE, TASKS, TOKENS};
use crate::check::{
    era::STATELESS,
    finding::{Checked, ensure, failed, skipped},
    probe::Probe,
    row::{Check, check},
    wire::{Answer, Draft, Http, brief},
};

pub(crate) const CHECKS: &[Check] = &[
    check!(
        "auth.required",
        Auth,
        Once,
        "Requests without a token",
        "A protected server refuses every request to its endpoint that has no token, of every method, with 401.",
        AUTHORIZATION,
        required
    ),
    check!(
        "auth.challenge",
        Auth,
        Once,
        "The challenge",
        "401 comes with WWW-Authenticate: Bearer; it should name the protected resource metadata.",
        AUTHORIZATION,
        challenge
    ),
    check!(
        "auth.metadata",
        Auth,
        Once,
        "Protected resource metadata",
        "The metadata is served without a token, and names the resource and at least one authorization server.",
        PROTECTED_RESOURCE,
        metadata
    ),
    check!(
        "auth.invalid-token",
        Auth,
        Once,
        "An invalid token",
        "A token that is invalid is refused with 401.",
        TOKENS,
        invalid_token
    ),
    check!(
        "auth.damaged-token",
        Auth,
        Once,
        "A damaged token",
        "The signature of a token is checked: a token with another signature is refused with 401.",
        TOKENS,
        damaged_token
    ),
    check!(
        "auth.query-token",
        Auth,
        Once,
        "A token in the URL",
        "A token in the query of the URL does not authorize.",
        TOKENS,
        query_token
    ),
    check!(
        "auth.session",
        Auth,
        Session,
        "The session of another caller",
        "A session belongs to its caller: another caller gets nothing through it.",
        HIJACKING,
        session
    ),
    check!(
        "auth.session-end",
        Auth,
        Session,
        "The end of another caller's session",
        "A caller cannot end the session of another.",
        HIJACKING,
        session_end
    ),
    check!(
        "auth.task",
        Auth,
        Stateless,
        "The task of another caller",
        "A task belongs to its caller: for another caller it is unknown.",
        TASKS,
        task
    ),
];

/// The request that the checks of refusals send.
fn request<'a>(probe: &Probe<'a>) -> Draft<'a> {
    if probe.facts.stateless.is_some() {
        probe.stateless("server/discover", json!({}))
    } else {
        probe.initialize("2025-11-25")
    }
}

fn anonymous<'a>(probe: &Probe<'a>) -> Checked<&'a dyn Http> {
    match &probe.target.anonymous {
        Some(http) => Ok(&**http),
        None => skipped!("there is no transport without credentials"),
    }
}

/// What a request without a token is answered with. Skips the check if the server is open.
async fn refused(probe: &Probe<'_>) -> Checked<Answer> {
    let answer = request(probe).by(anonymous(probe)?).send().await?;
    match answer.status.as_u16() {
        401 => Ok(answer),
        403 => skipped!(
            "a request without credentials got 403: the server is protected by something else than tokens"
        ),
        _ => {
            skipped!("the server is open: a request without credentials got HTTP {}", answer.status.as_u16())
        }
    }
}

async fn required(probe: &Probe<'_>) -> Checked {
    refused(probe).await?;
    let list = probe.stateless("tools/list", json!({}));
    let get = probe.draft(Method::GET).header("accept", "text/event-stream");
    for (what, draft) in [("tools/list", list), ("GET", get), ("DELETE", probe.draft(Method::DELETE))] {
        let status = draft.by(anonymous(probe)?).send().await?.status.as_u16();
        ensure!(status == 401, "{what} without a token got HTTP {status} instead of 401");
    }
    Ok(())
}

/// The parameter of a challenge.
fn parameter(challenge: &str, name: &str) -> Option<String> {
    let (_, rest) = challenge.split_once(&format!("{name}=\""))?;
    Some(rest.split_once('"')?.0.to_owned())
}

async fn challenge(probe: &Probe<'_>) -> Checked {
    let challenge = refused(probe).await?.header("www-authenticate");
    let Some(challenge) = challenge else { failed!("401 has no WWW-Authenticate") };
    let is_bearer = challenge.to_ascii_lowercase().starts_with("bearer");
    ensure!(is_bearer, "the challenge is {challenge:?}");
    let named = parameter(&challenge, "resource_metadata");
    ensure!(named.is_some(), "the challenge does not name resource_metadata: {challenge:?}");
    Ok(())
}

async fn metadata(probe: &Probe<'_>) -> Checked {
    let challenge = refused(probe).await?.header("www-authenticate").unwrap_or_default();
    let url = &probe.target.url;
    let path = format!("/.well-known/oauth-protected-resource{}", url.path());
    let places = parameter(&challenge, "resource_metadata")
        .into_iter()
        .chain([path, "/.well-known/oauth-protected-resource".to_owned()])
        .filter_map(|place| url.join(&place).ok());
    for place in places {
        let draft = probe.draft(Method::GET).to(place.as_str()).header("accept", "application/json");
        let mut answer = draft.by(anonymous(probe)?).send().await?;
        if answer.status != 200 {
            continue;
        }
        let text = answer.text().await?;
        let Ok(found) = serde_json::from_str::<Value>(&text) else { failed!("{place} is not JSON") };
        let servers = found["authorization_servers"].as_array().is_some_and(|servers| !servers.is_empty());
        ensure!(servers, "{place} names no authorization server: {}", brief(&found));
        let resource = found["resource"].as_str().unwrap_or_default();
        let covers = url.as_str().starts_with(resource.trim_end_matches('/')) && !resource.is_empty();
        ensure!(covers, "{place} names the resource {resource:?}, and the server is {url}");
        return Ok(());
    }
    failed!("no protected resource metadata at the place of the challenge, nor at the well-known places")
}

async fn with_token(probe: &Probe<'_>, token: &str) -> Checked<u16> {
    let draft = request(probe).by(anonymous(probe)?).header("authorization", format!("Bearer {token}"));
    Ok(draft.send().await?.status.as_u16())
}

async fn invalid_token(probe: &Probe<'_>) -> Checked {
    refused(probe).await?;
    for token in ["mcp-lambda-invalid", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJtY3AtbGFtYmRhIn0."] {
        let status = with_token(probe, token).await?;
        ensure!(status == 401, "the token {token:?} got HTTP {status} instead of 401");
    }
    Ok(())
}

fn token<'a>(probe: &Probe<'a>) -> Checked<&'a str> {
    match &probe.target.token {
        Some(token) => Ok(token),
        None => skipped!("the caller sends no access token (--bearer)"),
    }
}

async fn damaged_token(probe: &Probe<'_>) -> Checked {
    refused(probe).await?;
    let Some((signed, signature)) = token(probe)?.rsplit_once('.') else {
        skipped!("the access token is not a JWT");
    };
    let middle = signature.len() / 2;
    let damaged: String = signature
        .char_indices()
        .map(|(at, letter)| match (at == middle, letter) {
            (true, 'A') => 'B',
            (true, _) => 'A',
            (false, _) => letter,
        })
        .collect();
    let status = with_token(probe, &format!("{signed}.{damaged}")).await?;
    ensure!(status == 401, "a token with a damaged signature got HTTP {status} instead of 401");
    Ok(())
}

async fn query_token(probe: &Probe<'_>) -> Checked {
    refused(probe).await?;
    let mut url = probe.target.url.clone();
    url.query_pairs_mut().append_pair("access_token", token(probe)?);
    let draft = request(probe).by(anonymous(probe)?).to(url.as_str());
    let status = draft.send().await?.status.as_u16();
    ensure!(status == 401, "a token in the query got HTTP {status} instead of 401");
    Ok(())
}

fn other<'a>(probe: &Probe<'a>) -> Checked<&'a Arc<dyn Http>> {
    match &probe.target.other {
        Some(http) => Ok(http),
        None => skipped!("there is no second caller (--other-bearer)"),
    }
}

async fn session(probe: &Probe<'_>) -> Checked {
    let other = other(probe)?;
    let session = probe.open().await?;
    if session.id.is_none() {
        skipped!("the server gives no session ids");
    }
    let draft = probe.of_session(&session, "tools/list", json!({})).by(&**other);
    let status = draft.send().await?.status.as_u16();
    ensure!([401, 403, 404].contains(&status), "another caller got HTTP {status} in the session");
    Ok(())
}

async fn session_end(probe: &Probe<'_>) -> Checked {
    let other = other(probe)?;
    let session = probe.open().await?;
    if session.id.is_none() {
        skipped!("the server gives no session ids");
    }
    Probe::in_session(&session, probe.draft(Method::DELETE)).by(&**other).send().await?;
    let status = probe.of_session(&session, "ping", json!({})).send().await?.status.as_u16();
    ensure!(status == 200, "after another caller's DELETE, the session answers HTTP {status}");
    Ok(())
}

async fn task(probe: &Probe<'_>) -> Checked {
    let other = other(probe)?;
    let Some((tool, arguments)) = &probe.facts.task_tool else {
        skipped!("no tool that may be called runs as a task (readOnlyHint, or --tool)")
    };
    let params = json!({ "name": tool["name"], "arguments": arguments });
    let task = probe.with_tasks("tools/call", params).send().await?.result().await?;
    let Some(id) = task["taskId"].as_str() else { skipped!("the call did not become a task this time") };
    let draft = probe.with_tasks("tasks/get", json!({ "taskId": id })).by(&**other);
    let refusal = draft.header("mcp-protocol-version", STATELESS).send().await?.refusal().await?;
    ensure!(refusal.body.get("result").is_none(), "another caller got the task: {refusal}");
    Ok(())
}
