//! The queue of tasks, and the dead-letter queues.

use serde_json::{Value, json};

use super::links::{SQS_BATCH, SQS_REDRIVE, SQS_VISIBILITY};
use crate::{
    aws::Service,
    check::{
        finding::{Checked, ensure, failed, skipped, warning},
        probe::Probe,
        row::{Check, check},
        stack::{Function, View, arn_of, name_of},
    },
};

pub(crate) const CHECKS: &[Check] = &[
    check!(
        "infrastructure.queue-redrive",
        Infrastructure,
        Once,
        "Tasks that fail again and again",
        "The queue of tasks has a dead-letter queue.",
        SQS_REDRIVE,
        redrive
    ),
    check!(
        "infrastructure.queue-visibility",
        Infrastructure,
        Once,
        "A task runs once at a time",
        "The visibility timeout of the queue of tasks is at least the timeout of the function that runs them.",
        SQS_VISIBILITY,
        visibility
    ),
    check!(
        "infrastructure.queue-consumer",
        Infrastructure,
        Once,
        "The queue invokes the worker",
        "An event source mapping of the queue invokes a function of the server, is enabled, and reports failed messages one by one.",
        SQS_BATCH,
        consumer
    ),
    check!(
        "infrastructure.dead-letters",
        Infrastructure,
        Once,
        "Dead-letter queues are empty",
        "The dead-letter queues of the stack should be empty: a message in one was not handled.",
        SQS_REDRIVE,
        dead_letters
    ),
];

async fn attributes(stack: &View<'_>, url: &str) -> Checked<Option<Value>> {
    let input = json!({ "QueueUrl": url, "AttributeNames": ["All"] });
    let answer = stack.find(Service::Sqs, "GetQueueAttributes", input).await?;
    Ok(answer.map(|answer| answer["Attributes"].clone()))
}

/// The queue of tasks: its name and attributes.
async fn queue(stack: &View<'_>) -> Checked<(String, Value)> {
    let url = stack.named("TASK_QUEUE_URL", "queue of tasks").await?;
    match attributes(stack, &url).await? {
        Some(attributes) => Ok((name_of(&url).to_owned(), attributes)),
        None => failed!("the queue {url} does not exist"),
    }
}

/// The mapping of the queue to a function of the server.
async fn mapping(stack: &View<'_>, queue: &Value) -> Checked<Option<(Function, Value)>> {
    let input = json!({ "EventSourceArn": queue["QueueArn"] });
    let answer = stack.read(Service::Lambda, "ListEventSourceMappings", input).await?;
    let functions = stack.functions().await?;
    let mappings = answer["EventSourceMappings"].as_array().into_iter().flatten();
    let mut own = mappings.filter_map(|mapping| {
        let arn = arn_of(mapping["FunctionArn"].as_str().unwrap_or_default());
        let function = functions.iter().find(|function| function.arn() == arn)?;
        Some((function.clone(), mapping.clone()))
    });
    Ok(own.next())
}

async fn redrive(probe: &Probe<'_>) -> Checked {
    let (name, attributes) = queue(&probe.stack()?).await?;
    let policy = attributes["RedrivePolicy"].as_str().unwrap_or_default();
    ensure!(
        policy.contains("deadLetterTargetArn"),
        "the queue {name} has no dead-letter queue: a message that cannot be handled is received again and again"
    );
    Ok(())
}

async fn visibility(probe: &Probe<'_>) -> Checked {
    let stack = probe.stack()?;
    let (name, attributes) = queue(&stack).await?;
    let Some((worker, _)) = mapping(&stack, &attributes).await? else {
        skipped!("no mapping of the queue invokes a function of the server");
    };
    let hidden: u64 =
        attributes["VisibilityTimeout"].as_str().and_then(|text| text.parse().ok()).unwrap_or_default();
    let timeout = worker.0["Timeout"].as_u64().unwrap_or_default();
    ensure!(
        hidden >= timeout,
        "the queue {name} hides a message for {hidden} s, and {} may work on it for {timeout} s",
        worker.name()
    );
    Ok(())
}

async fn consumer(probe: &Probe<'_>) -> Checked {
    let stack = probe.stack()?;
    let (name, attributes) = queue(&stack).await?;
    let Some((worker, mapping)) = mapping(&stack, &attributes).await? else {
        warning!("no mapping of the queue {name} invokes a function of the server: workers have to poll it");
    };
    let state = mapping["State"].as_str().unwrap_or_default();
    ensure!(
        !state.starts_with("Disabl"),
        "the mapping of the queue {name} to {} is {state}: no task runs",
        worker.name()
    );
    let types = mapping["FunctionResponseTypes"].as_array().cloned().unwrap_or_default();
    ensure!(
        types.contains(&json!("ReportBatchItemFailures")),
        "the mapping of the queue {name} lacks ReportBatchItemFailures: one failed message repeats its whole batch"
    );
    Ok(())
}

async fn dead_letters(probe: &Probe<'_>) -> Checked {
    let stack = probe.stack()?;
    let tasks = stack.server().await?.variable("TASK_QUEUE_URL").map(str::to_owned);
    let mut filled = Vec::new();
    for url in stack.ids("AWS::SQS::Queue").await?.into_iter().filter(|url| Some(url) != tasks.as_ref()) {
        let attributes = attributes(&stack, &url).await?.unwrap_or_default();
        let count = attributes["ApproximateNumberOfMessages"].as_str().unwrap_or("0");
        if count != "0" {
            filled.push(format!("{} ({count})", name_of(&url)));
        }
    }
    if !filled.is_empty() {
        warning!("dead-letter queues have messages: {}", filled.join(", "));
    }
    Ok(())
}
