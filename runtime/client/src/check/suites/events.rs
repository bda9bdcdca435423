//! Subscriptions of 2026-07-28, and events on the GET stream of a session.

use serde_json::{Value, json};

use super::links::{EMPTY_SUBSCRIPTION, STREAMS, SUBSCRIPTIONS};
use crate::check::{
    finding::{Checked, ensure, failed, skipped, warning},
    probe::Probe,
    row::{Check, check},
    wire::{Answer, Next, brief},
};

pub(crate) const CHECKS: &[Check] = &[
    check!(
        "events.acknowledged",
        Events,
        Stateless,
        "The acknowledgement",
        "The first message of a subscription acknowledges it, with the part of the filter that is honoured.",
        SUBSCRIPTIONS,
        acknowledged
    ),
    check!(
        "events.subscription-id",
        Events,
        Stateless,
        "Ids of subscriptions",
        "Every message of a subscription carries the id of its request, in its JSON type.",
        SUBSCRIPTIONS,
        subscription_id
    ),
    check!(
        "events.filter",
        Events,
        Stateless,
        "A subscription without a filter",
        "A subscription without notifications is refused with -32602.",
        SUBSCRIPTIONS,
        filter
    ),
    check!(
        "events.empty",
        Events,
        Stateless,
        "An empty subscription",
        "A subscription of which nothing is honoured should end at once: it costs a connection and brings nothing.",
        EMPTY_SUBSCRIPTION,
        empty
    ),
    check!(
        "events.delivered",
        Events,
        Stateless,
        "An event reaches its subscription",
        "A change of a resource reaches the subscriptions that name it, once.",
        SUBSCRIPTIONS,
        delivered
    ),
    check!(
        "events.filtered",
        Events,
        Stateless,
        "Nothing that was not asked for",
        "A subscription gets only what its filter names.",
        SUBSCRIPTIONS,
        filtered
    ),
    check!(
        "events.one-stream",
        Events,
        Session,
        "Each message on one stream",
        "A message is sent on one of the streams of a client, once.",
        STREAMS,
        one_stream
    ),
];

const ACKNOWLEDGED: &str = "notifications/subscriptions/acknowledged";
const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";
const UPDATED: &str = "notifications/resources/updated";

/// What the server offers to subscribe to.
fn offered(probe: &Probe<'_>) -> Checked<Value> {
    let capabilities = probe.capabilities();
    let mut filter = json!({});
    for (name, key) in [
        ("tools", "toolsListChanged"),
        ("prompts", "promptsListChanged"),
        ("resources", "resourcesListChanged"),
    ] {
        if capabilities[name]["listChanged"] == true {
            filter[key] = json!(true);
        }
    }
    if filter == json!({}) && capabilities["resources"]["subscribe"] != true {
        skipped!("the server declares neither listChanged nor subscribe");
    }
    Ok(filter)
}

/// Opens a subscription, and returns its first message.
async fn listen(probe: &Probe<'_>, id: Value, filter: &Value) -> Checked<(Answer, Value)> {
    let draft = probe.stateless("subscriptions/listen", json!({ "notifications": filter })).id(id);
    let mut answer = draft.send().await?;
    let Some(first) = answer.message().await? else { failed!("the subscription ended without a message") };
    if let Some(error) = first.get("error") {
        failed!("subscriptions/listen got {}", brief(error));
    }
    Ok((answer, first))
}

async fn acknowledged(probe: &Probe<'_>) -> Checked {
    let filter = offered(probe)?;
    let (_, first) = listen(probe, json!(1), &filter).await?;
    ensure!(first["method"] == ACKNOWLEDGED, "the first message is {}", brief(&first));
    let honoured = &first["params"]["notifications"];
    ensure!(honoured.is_object(), "the acknowledgement does not say what is honoured: {}", brief(&first));
    let asked = |key: &String| filter.get(key).is_some();
    let extra =
        honoured.as_object().into_iter().flatten().find(|(key, value)| **value == true && !asked(key));
    if let Some((key, _)) = extra {
        failed!("the acknowledgement names {key}, which was not asked for");
    }
    Ok(())
}

async fn subscription_id(probe: &Probe<'_>) -> Checked {
    let filter = offered(probe)?;
    for id in [json!("a subscription"), json!(4711)] {
        let (_, first) = listen(probe, id.clone(), &filter).await?;
        let found = &first["params"]["_meta"][SUBSCRIPTION];
        ensure!(*found == id, "the subscription {id} is named {found}");
    }
    Ok(())
}

async fn filter(probe: &Probe<'_>) -> Checked {
    offered(probe)?;
    let refusal = probe.stateless("subscriptions/listen", json!({})).send().await?.refusal().await?;
    refusal.expect("a subscription without notifications", &[200, 400], -32602)
}

async fn empty(probe: &Probe<'_>) -> Checked {
    offered(probe)?;
    let (mut answer, _) = listen(probe, json!(1), &json!({})).await?;
    loop {
        match answer.event_within(probe.plan.quiet).await? {
            Next::Event(_) => {}
            Next::End => return Ok(()),
            Next::Nothing => warning!("the stream is open after {:?}", probe.plan.quiet),
        }
    }
}

/// Publishes an event with the tool `publish_event` of this project's servers, and returns the URI of its resource.
async fn publish(probe: &Probe<'_>, kind: &str) -> Checked<String> {
    let arguments =
        json!({ "source": "mcp-lambda-test", "event_type": kind, "payload": { "by": "mcp-lambda test" } });
    let params = json!({ "name": "publish_event", "arguments": arguments });
    let result = probe.request("tools/call", params).await?.send().await?.result().await?;
    ensure!(result["isError"] != true, "publish_event failed: {}", brief(&result));
    Ok(uri(kind))
}

fn uri(kind: &str) -> String {
    format!("event://mcp-lambda-test/{kind}")
}

fn can_publish(probe: &Probe<'_>) -> Checked {
    let is_named = probe.plan.tools.iter().any(|tool| tool.name == "publish_event");
    if !is_named || !probe.tools().iter().any(|tool| tool["name"] == "publish_event") {
        skipped!(
            "the check publishes an event: allow it with --tool publish_event, if the server has that tool"
        );
    }
    Ok(())
}

/// The messages that a stream brings until nothing comes any more.
async fn heard(probe: &Probe<'_>, answer: &mut Answer) -> Checked<Vec<Value>> {
    let mut heard = Vec::new();
    // The first event may come from a log that is polled each second or two.
    let mut patience = probe.plan.quiet * 4;
    while let Next::Event(event) = answer.event_within(patience).await? {
        if let Some(Ok(message)) = event.json() {
            heard.push(message);
            patience = probe.plan.quiet;
        }
    }
    Ok(heard)
}

/// Subscribes to one resource, publishes an event of it and one of another, and returns what came.
async fn published(probe: &Probe<'_>, kind: &str) -> Checked<Vec<Value>> {
    can_publish(probe)?;
    let (mut answer, _) =
        listen(probe, json!("published"), &json!({ "resourceSubscriptions": [uri(kind)] })).await?;
    publish(probe, "another-kind").await?;
    publish(probe, kind).await?;
    heard(probe, &mut answer).await
}

async fn delivered(probe: &Probe<'_>) -> Checked {
    let heard = published(probe, "delivered").await?;
    let of_it =
        |message: &&Value| message["method"] == UPDATED && message["params"]["uri"] == uri("delivered");
    let count = heard.iter().filter(of_it).count();
    ensure!(count == 1, "the event came {count} times");
    Ok(())
}

async fn filtered(probe: &Probe<'_>) -> Checked {
    let heard = published(probe, "filtered").await?;
    let is_asked =
        |message: &&Value| message["method"] == UPDATED && message["params"]["uri"] == uri("filtered");
    let is_of_the_stream =
        |message: &&Value| message.get("result").is_some() || message["method"] == ACKNOWLEDGED;
    match heard.iter().find(|message| !is_asked(message) && !is_of_the_stream(message)) {
        Some(message) => failed!("the subscription got {}", brief(message)),
        None => Ok(()),
    }
}

async fn one_stream(probe: &Probe<'_>) -> Checked {
    can_publish(probe)?;
    let session = probe.session().await?;
    let (mut one, mut two) =
        (probe.get_stream(session).send().await?, probe.get_stream(session).send().await?);
    if !(one.is_stream() && two.is_stream()) {
        skipped!("the server has no GET streams");
    }
    probe
        .of_session(session, "resources/subscribe", json!({ "uri": uri("one-stream") }))
        .send()
        .await?
        .result()
        .await?;
    publish(probe, "one-stream").await?;
    let heard = futures::future::try_join(heard(probe, &mut one), heard(probe, &mut two)).await?;
    let count = [heard.0, heard.1].concat().iter().filter(|message| message["method"] == UPDATED).count();
    ensure!(count == 1, "the event came {count} times on two streams");
    Ok(())
}
