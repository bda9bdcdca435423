//! The topic of events.

use serde_json::{Value, json};

use super::links::{SNS_DEAD_LETTERS, SNS_LAMBDA, SNS_POLICY, SNS_TLS};
use crate::{
    aws::Service,
    check::{
        finding::{Checked, ensure, failed, skipped, warning},
        probe::Probe,
        row::{Check, check},
        stack::{View, arn_of, name_of},
    },
};

pub(crate) const CHECKS: &[Check] = &[
    check!(
        "infrastructure.topic-subscription",
        Infrastructure,
        Once,
        "The topic invokes the server",
        "A function of the server is subscribed to the topic of events.",
        SNS_LAMBDA,
        subscription
    ),
    check!(
        "infrastructure.topic-dead-letters",
        Infrastructure,
        Once,
        "Messages that SNS cannot deliver",
        "The subscription should have a dead-letter queue.",
        SNS_DEAD_LETTERS,
        dead_letters
    ),
    check!(
        "infrastructure.topic-publishers",
        Infrastructure,
        Once,
        "Who may publish events",
        "Only named principals, or those of one account, may publish to the topic.",
        SNS_POLICY,
        publishers
    ),
    check!(
        "infrastructure.topic-tls",
        Infrastructure,
        Once,
        "Events come over TLS",
        "The topic should refuse requests without TLS.",
        SNS_TLS,
        tls
    ),
];

const VARIABLE: &str = "SNS_TOPIC_ARN";

async fn topic(stack: &View<'_>) -> Checked<String> {
    stack.named(VARIABLE, "topic of events").await
}

/// The subscription of a function of the server.
async fn own(stack: &View<'_>, topic: &str) -> Checked<Option<Value>> {
    let input = json!({ "TopicArn": topic });
    let subscriptions = stack.list(Service::Sns, "ListSubscriptionsByTopic", input, "Subscriptions").await?;
    let functions = stack.functions().await?;
    Ok(subscriptions.into_iter().find(|one| {
        let endpoint = arn_of(one["Endpoint"].as_str().unwrap_or_default());
        one["Protocol"] == "lambda" && functions.iter().any(|function| function.arn() == endpoint)
    }))
}

async fn subscription(probe: &Probe<'_>) -> Checked {
    let stack = probe.stack()?;
    let topic = topic(&stack).await?;
    let input = json!({ "TopicArn": topic });
    if stack.find(Service::Sns, "GetTopicAttributes", input).await?.is_none() {
        failed!("the topic {topic} does not exist");
    }
    let Some(own) = own(&stack, &topic).await? else {
        failed!(
            "no function of the server is subscribed to the topic {}: events reach no client",
            name_of(&topic)
        );
    };
    let arn = own["SubscriptionArn"].as_str().unwrap_or_default();
    ensure!(arn.starts_with("arn:"), "the subscription of the topic {} is {arn}", name_of(&topic));
    Ok(())
}

async fn dead_letters(probe: &Probe<'_>) -> Checked {
    let stack = probe.stack()?;
    let topic = topic(&stack).await?;
    let Some(own) = own(&stack, &topic).await? else {
        skipped!("no function of the server is subscribed to the topic");
    };
    let input = json!({ "SubscriptionArn": own["SubscriptionArn"] });
    let answer = stack.read(Service::Sns, "GetSubscriptionAttributes", input).await?;
    let policy = answer["Attributes"]["RedrivePolicy"].as_str().unwrap_or_default();
    if !policy.contains("deadLetterTargetArn") {
        warning!("the subscription has no dead-letter queue: messages that SNS cannot deliver are lost");
    }
    Ok(())
}

/// The statements of the topic's policy.
async fn statements(stack: &View<'_>) -> Checked<Vec<Value>> {
    let input = json!({ "TopicArn": topic(stack).await? });
    let answer = stack.read(Service::Sns, "GetTopicAttributes", input).await?;
    let policy = answer["Attributes"]["Policy"].as_str().unwrap_or("{}");
    let policy: Value = serde_json::from_str(policy).unwrap_or_default();
    Ok(match &policy["Statement"] {
        Value::Array(statements) => statements.clone(),
        Value::Object(_) => vec![policy["Statement"].clone()],
        _ => Vec::new(),
    })
}

async fn publishers(probe: &Probe<'_>) -> Checked {
    let statements = statements(&probe.stack()?).await?;
    let open = statements.iter().find(|one| {
        let principal = &one["Principal"];
        let is_anyone = *principal == "*" || principal["AWS"] == "*";
        let has_condition = one["Condition"].as_object().is_some_and(|conditions| !conditions.is_empty());
        one["Effect"] == "Allow" && is_anyone && !has_condition && publishes(&one["Action"])
    });
    if let Some(statement) = open {
        failed!("everybody may publish events: the policy of the topic has the statement {statement}");
    }
    Ok(())
}

fn publishes(action: &Value) -> bool {
    let is_publish = |one: &Value| {
        let one = one.as_str().unwrap_or_default().to_ascii_lowercase();
        ["*", "sns:*", "sns:publish"].contains(&one.as_str())
    };
    action.as_array().map_or_else(|| is_publish(action), |actions| actions.iter().any(is_publish))
}

async fn tls(probe: &Probe<'_>) -> Checked {
    let statements = statements(&probe.stack()?).await?;
    let refuses = |one: &Value| {
        one["Effect"] == "Deny"
            && one["Condition"]["Bool"]["aws:SecureTransport"].to_string().contains("false")
    };
    if !statements.iter().any(refuses) {
        warning!("the policy of the topic refuses no request without TLS");
    }
    Ok(())
}
