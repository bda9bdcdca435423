//! Messages and their HTTP exchange, in both eras.

use serde_json::{Value, json};

use super::links::{ERRORS, HTTP, RECEIVING, REQUESTS, RESPONSES, SENDING};
use crate::check::{
    finding::{Checked, ensure, failed, warning},
    probe::Probe,
    row::{Check, check},
    wire::{Draft, brief},
};

pub(crate) const CHECKS: &[Check] = &[
    check!(
        "protocol.response-id",
        Protocol,
        Each,
        "Ids of responses",
        "A response has the id of its request, in value and in JSON type.",
        RESPONSES,
        response_id
    ),
    check!(
        "protocol.response-shape",
        Protocol,
        Each,
        "Shape of responses",
        "A response is JSON-RPC 2.0 and has either a result or an error; the code of an error is an integer, its message a string.",
        RESPONSES,
        response_shape
    ),
    check!(
        "protocol.content-type",
        Protocol,
        Each,
        "Media type of responses",
        "A request is answered with application/json or text/event-stream.",
        RECEIVING,
        content_type
    ),
    check!(
        "protocol.notification",
        Protocol,
        Each,
        "Notifications",
        "An accepted notification is answered with 202 and no body.",
        HTTP,
        notification
    ),
    check!(
        "protocol.parse-error",
        Protocol,
        Each,
        "A body that is not JSON",
        "A body that is not JSON is refused with 400 and the code -32700.",
        ERRORS,
        parse_error
    ),
    check!(
        "protocol.batch",
        Protocol,
        Each,
        "Batches",
        "A body is one message: an array of messages is refused since 2025-06-18.",
        SENDING,
        batch
    ),
    check!(
        "protocol.null-id",
        Protocol,
        Each,
        "A request whose id is null",
        "The id of a request is a string or an integer, and never null.",
        REQUESTS,
        null_id
    ),
    check!(
        "protocol.unknown-method",
        Protocol,
        Each,
        "An unknown method",
        "An unknown method is refused with the code -32601; 2026-07-28 wants HTTP 404 with it.",
        ERRORS,
        unknown_method
    ),
];

/// A request that every server answers.
pub(super) async fn basic<'a>(probe: &Probe<'a>) -> Checked<Draft<'a>> {
    let method = if probe.is_stateless() { "server/discover" } else { "ping" };
    probe.request(method, json!({})).await
}

async fn response_id(probe: &Probe<'_>) -> Checked {
    for id in [json!("an id of text"), json!(7), json!("7")] {
        let response = basic(probe).await?.id(id.clone()).send().await?.response().await?;
        ensure!(response["id"] == id, "the request has the id {id}, the response has {}", response["id"]);
    }
    Ok(())
}

async fn response_shape(probe: &Probe<'_>) -> Checked {
    let good = basic(probe).await?.send().await?.response().await?;
    let bad = probe.request("mcp-lambda/unknown", json!({})).await?.send().await?.response().await?;
    for response in [good, bad] {
        let shown = brief(&response);
        ensure!(response["jsonrpc"] == "2.0", "no \"jsonrpc\": \"2.0\" in {shown}");
        match (response.get("result"), response.get("error")) {
            (Some(result), None) => ensure!(result.is_object(), "the result is not an object: {shown}"),
            (None, Some(error)) => {
                ensure!(error["code"].is_i64(), "the code of the error is not an integer: {shown}");
                ensure!(error["message"].is_string(), "the message of the error is not a string: {shown}");
            }
            _ => failed!("a response has a result or an error, and not both: {shown}"),
        }
    }
    Ok(())
}

async fn content_type(probe: &Probe<'_>) -> Checked {
    let answer = basic(probe).await?.send().await?;
    let found = answer.media_type();
    ensure!(
        ["application/json", "text/event-stream"].contains(&found.as_str()),
        "the response to a request is {found:?}"
    );
    Ok(())
}

async fn notification(probe: &Probe<'_>) -> Checked {
    let message = json!({
        "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": "none", "reason": "a check" },
    });
    let draft = basic(probe).await?;
    let draft = if probe.is_stateless() {
        let meta = draft.body()["params"]["_meta"].clone();
        draft
            .header("mcp-method", "notifications/cancelled")
            .json(message)
            .edit(|body| body["params"]["_meta"] = meta)
    } else {
        draft.json(message)
    };
    let mut answer = draft.send().await?;
    let status = answer.status.as_u16();
    ensure!(status == 202, "HTTP {status} instead of 202");
    let body = answer.text().await?;
    ensure!(body.is_empty(), "202 has a body: {body:?}");
    Ok(())
}

async fn parse_error(probe: &Probe<'_>) -> Checked {
    let refusal =
        probe.raw(r#"{"jsonrpc": "2.0", "id": 1, "method":"#).await?.send().await?.refusal().await?;
    refusal.expect("a body that is not JSON", &[400], -32700)
}

async fn batch(probe: &Probe<'_>) -> Checked {
    let draft = basic(probe).await?;
    let message = draft.body();
    let mut answer = draft.json(Value::Array(vec![message])).send().await?;
    let refusal = answer.refusal().await?;
    // The rule binds clients: a server that is lenient breaks none.
    if !(400..500).contains(&refusal.status) {
        warning!("a batch got {refusal}");
    }
    Ok(())
}

async fn null_id(probe: &Probe<'_>) -> Checked {
    let refusal = basic(probe).await?.id(Value::Null).send().await?.refusal().await?;
    ensure!(refusal.body.get("result").is_none(), "a request whose id is null got {refusal}");
    ensure!(refusal.status < 500, "a request whose id is null got {refusal}");
    Ok(())
}

async fn unknown_method(probe: &Probe<'_>) -> Checked {
    let refusal = probe.request("mcp-lambda/unknown", json!({})).await?.send().await?.refusal().await?;
    let statuses: &[u16] = if probe.is_stateless() { &[404] } else { &[200, 400, 404] };
    refusal.expect("an unknown method", statuses, -32601)
}
