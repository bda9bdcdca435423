//! The event lag: a subscription, an event, and how long it takes from its publisher to the subscription.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    Remote, aws,
    check::{Checked, Next, Probe, ensure, failed, skipped},
};

const SOURCE: &str = "mcp-lambda-monitor";
const ACKNOWLEDGED: &str = "notifications/subscriptions/acknowledged";
const UPDATED: &str = "notifications/resources/updated";

/// What publishes the event.
#[derive(Debug, Clone)]
pub(super) struct Publisher {
    way: Way,
    /// The type of the event: two monitors do not hear of each other's events.
    kind: String,
}

#[derive(Debug, Clone)]
enum Way {
    Tool,
    Topic(String, Arc<Remote>),
}

impl Publisher {
    pub(super) fn tool() -> Self {
        Self::of(Way::Tool)
    }

    pub(super) fn topic(topic: String, remote: Remote) -> Self {
        Self::of(Way::Topic(topic, Arc::new(remote)))
    }

    fn of(way: Way) -> Self {
        Self { way, kind: format!("lag-{:08x}", fastrand::u32(..)) }
    }

    fn uri(&self) -> String {
        format!("event://{SOURCE}/{}", self.kind)
    }

    async fn publish(&self, probe: &Probe<'_>) -> Checked {
        match &self.way {
            Way::Tool => {
                let arguments = json!({ "source": SOURCE, "event_type": self.kind, "payload": {} });
                let params = json!({ "name": "publish_event", "arguments": arguments });
                let result = probe.request("tools/call", params).await?.send().await?.result().await?;
                ensure!(result["isError"] != true, "publish_event failed: {}", result["content"][0]["text"]);
            }
            Way::Topic(topic, remote) => {
                let event = aws::external_event(SOURCE, &self.kind, &json!({}));
                let api = match remote.aws_api(aws::region_of_topic(topic)).await {
                    Ok(api) => api,
                    Err(error) => failed!("the event cannot be published: {error}"),
                };
                if let Err(error) = aws::publish(&api, topic, &event, None, None).await {
                    failed!("the event cannot be published: {error}");
                }
            }
        }
        Ok(())
    }
}

/// Subscribes, publishes, and returns the milliseconds until the notification is there.
pub(super) async fn measure(probe: &Probe<'_>, publisher: &Publisher) -> Checked<f64> {
    if probe.facts.stateless.is_none() {
        skipped!("the server does not speak 2026-07-28, whose subscriptions the event lag is measured with");
    }
    let filter = json!({ "notifications": { "resourceSubscriptions": [publisher.uri()] } });
    let mut answer = probe.stateless("subscriptions/listen", filter).send().await?;
    let first = answer.message().await?.unwrap_or_default();
    ensure!(first["method"] == ACKNOWLEDGED, "subscriptions/listen got {}", shown(&first));
    let began = Instant::now();
    publisher.publish(probe).await?;
    let end = began + probe.plan.timeout.mul_f64(0.8);
    loop {
        let left = end.saturating_duration_since(Instant::now());
        match answer.event_within(left).await? {
            Next::Event(event) => {
                let message = event.json().and_then(Result::ok).unwrap_or_default();
                if message["method"] == UPDATED && message["params"]["uri"] == publisher.uri().as_str() {
                    return Ok(milliseconds(began.elapsed()));
                }
            }
            Next::End => failed!("the subscription ended before the event came"),
            Next::Nothing => failed!("the event did not come within {:.1} s", began.elapsed().as_secs_f64()),
        }
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn shown(message: &Value) -> String {
    crate::check::brief(message)
}
