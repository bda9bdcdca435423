//! One message of the client, and all that comes back for it.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use serde_json::{Value, json};

use super::{
    backoff::Backoff,
    fault,
    message::{self, Id, Kind, Message},
    post::{self, Posted},
    renewal, response,
    shared::Shared,
    sse::Events,
};
use crate::{Error, sender::ResponseBody};

/// The pause before a stream is resumed, if the server names none.
const RESUME: Duration = Duration::from_secs(1);
/// How often a session is opened again for one request.
const RENEWALS: u32 = 2;
/// Pages of tools that are read for the annotations of one.
const PAGES: u32 = 50;
const HEADER_MISMATCH: i64 = -32020;

/// Sends a message, and passes on what the server answers. A request that comes to nothing is answered with an error.
pub(super) async fn run(shared: &Arc<Shared>, message: &Message) {
    let result = exchange(shared, message).await;
    match (result, message.id()) {
        (Ok(()), _) => {}
        (Err(error), Some(id)) => shared.deliver(fault::response(id, &error)).await,
        (Err(error), None) => tracing::warn!(%error, method = message.method, "a message was not delivered"),
    }
}

async fn exchange(shared: &Arc<Shared>, message: &Message) -> Result<(), Error> {
    let mut renewals = 0;
    let mut learned = false;
    loop {
        let Posted { response, generation, named_session } = post::post(shared, message).await?;
        let forgotten =
            response.status() == StatusCode::NOT_FOUND && named_session && message.is_of_session();
        if forgotten && renewals < RENEWALS {
            renewals += 1;
            renewal::renew(shared, generation).await?;
            continue;
        }
        let Some(id) = message.id() else { return acknowledged(shared, message, response).await };
        if response::is_event_stream(&response) {
            return follow(shared, message, id, response).await;
        }
        let (head, body) = response.into_parts();
        let body = response::collect(body, shared.limits.message_bytes).await?;
        // Its body may be a JSON-RPC error, but no request has been read: the caller has to prove who it is.
        if head.status == StatusCode::UNAUTHORIZED {
            return Err(response::refusal(shared, head.status, &body));
        }
        let value: Option<Value> = serde_json::from_slice(&body).ok();
        let Some(value) = value.filter(|value| value.get("result").is_some() || response::is_error(value))
        else {
            return Err(response::refusal(shared, head.status, &body));
        };
        if value["error"]["code"] == HEADER_MISMATCH && message.method == "tools/call" && !learned {
            learned = true;
            learn_tools(shared, message).await?;
            continue;
        }
        observe(shared, message, &head.headers, &value);
        let correlated = message::kind_of(&body) == Some(Kind::Response(id.clone()));
        shared.deliver(if correlated { body } else { with_id(value, id) }).await;
        return Ok(());
    }
}

/// The error of a server that could not read the id: the client waits for it under its own.
fn with_id(mut value: Value, id: &Id) -> Bytes {
    value["id"] = serde_json::from_str(id.json()).unwrap_or_default();
    value.to_string().into()
}

/// The server has taken a notification or a response, or has not.
async fn acknowledged(
    shared: &Shared,
    message: &Message,
    response: Response<ResponseBody>,
) -> Result<(), Error> {
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let body = response::collect(response.into_body(), shared.limits.message_bytes).await?;
    tracing::debug!(method = message.method, %status, "refused");
    Err(response::refusal(shared, status, &body))
}

/// Passes on the events of a stream until the response, and resumes the stream if it breaks before.
async fn follow(
    shared: &Shared,
    message: &Message,
    id: &Id,
    response: Response<ResponseBody>,
) -> Result<(), Error> {
    let mut last_event: Option<String> = None;
    let mut pause = RESUME;
    let (head, body) = response.into_parts();
    let mut body = Some(body);
    let mut backoff = Backoff::new(shared.limits.retry_for);
    loop {
        let end = match body.take() {
            Some(body) => {
                let mut events = Events::new(body, shared.limits.message_bytes);
                let end =
                    read(shared, message, id, &head.headers, &mut events, &mut last_event, &mut pause).await;
                match end {
                    Ok(true) => return Ok(()),
                    Ok(false) => None,
                    Err(error) => Some(error),
                }
            }
            None => None,
        };
        let resumable = last_event.as_deref().filter(|_| message.is_of_session());
        if end.as_ref().is_some_and(|error| !error.is_of_the_network()) || resumable.is_none() {
            return Err(
                end.unwrap_or_else(|| response::lost(shared, "the stream ended without the response"))
            );
        }
        let Some(pause) = backoff.pause(Some(pause)) else {
            return Err(
                end.unwrap_or_else(|| response::lost(shared, "the stream could not be resumed in time"))
            );
        };
        tokio::time::sleep(pause).await;
        match post::get(shared, resumable).await {
            Ok(response) if response::is_event_stream(&response) => {
                backoff = Backoff::new(shared.limits.retry_for);
                body = Some(response.into_body());
            }
            Ok(response) => {
                let status = response.status();
                return Err(response::lost(shared, &format!("HTTP {status} when the stream was resumed")));
            }
            Err(error) if error.is_of_the_network() => {}
            Err(error) => return Err(error),
        }
    }
}

/// Passes on events. Returns whether the response was among them.
async fn read(
    shared: &Shared,
    message: &Message,
    id: &Id,
    headers: &HeaderMap,
    events: &mut Events,
    last_event: &mut Option<String>,
    pause: &mut Duration,
) -> Result<bool, Error> {
    while let Some(event) = events.next().await? {
        if event.id.is_some() {
            *last_event = event.id;
        }
        *pause = event.retry.unwrap_or(*pause);
        if event.data.is_empty() {
            continue;
        }
        let data = Bytes::from(event.data);
        let is_response = match message::kind_of(&data) {
            Some(Kind::Response(of)) => of == *id,
            Some(Kind::Uncorrelated) => {
                serde_json::from_slice(&data).is_ok_and(|value| response::is_error(&value))
            }
            _ => false,
        };
        if is_response {
            let value: Value = serde_json::from_slice(&data).unwrap_or_default();
            observe(shared, message, headers, &value);
            let data = if value["id"].is_null() { with_id(value, id) } else { data };
            shared.deliver(data).await;
            return Ok(true);
        }
        shared.deliver(data).await;
    }
    Ok(false)
}

/// Learns from a response what later requests need.
fn observe(shared: &Shared, message: &Message, headers: &HeaderMap, response: &Value) {
    let Some(result) = response.get("result") else { return };
    match message.method.as_str() {
        "initialize" => shared.session().opened(headers, result),
        "tools/list" if !message.is_of_session() => shared.tools().learn(result),
        _ => {}
    }
}

/// Reads the list of tools: its annotations name the arguments that headers repeat.
async fn learn_tools(shared: &Shared, call: &Message) -> Result<(), Error> {
    let meta: Option<Value> = call.params().meta.and_then(|meta| serde_json::from_str(meta.get()).ok());
    let mut cursor: Option<Value> = None;
    for _ in 0..PAGES {
        let mut params = json!({ "_meta": meta });
        if let Some(cursor) = cursor {
            params["cursor"] = cursor;
        }
        let list =
            json!({ "jsonrpc": "2.0", "id": "mcp-lambda/tools", "method": "tools/list", "params": params });
        let list = Message::read(list.to_string().into())
            .map_err(|_| Error::Protocol("the list of tools cannot be asked for".to_owned()))?;
        let Posted { response, .. } = post::post(shared, &list).await?;
        let page = response::result(shared, &list, response).await?;
        shared.tools().learn(&page);
        cursor = page.get("nextCursor").filter(|cursor| cursor.is_string()).cloned();
        if cursor.is_none() {
            break;
        }
    }
    Ok(())
}

/// Sends a message that opens or confirms the session, before any other.
pub(super) async fn run_in_order(shared: &Arc<Shared>, message: &Message) {
    shared.session().note(message);
    run(shared, message).await;
    if message.method == "notifications/initialized" {
        shared.ready.send_replace(shared.session().generation());
    }
}
