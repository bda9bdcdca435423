//! The functions of the server: status, memory, time, logs, tracing, variables.

use serde_json::json;

use super::links::{ENVIRONMENT, EVENTS_ASYNC, LOGS, MEMORY, STACK_STATUS, STATES, TIMEOUT, TRACING};
use crate::{
    aws::Service,
    check::{
        finding::{Checked, ensure, failed, skipped, warning},
        probe::Probe,
        row::{Check, check},
        stack::{Function, arn_of},
    },
};

pub(crate) const CHECKS: &[Check] = &[
    check!(
        "infrastructure.stack",
        Infrastructure,
        Once,
        "The stack is complete",
        "The last deployment of the stack has ended, and was not rolled back.",
        STACK_STATUS,
        status_of_stack
    ),
    check!(
        "infrastructure.function-state",
        Infrastructure,
        Once,
        "The functions are active",
        "Each function is active, and its last update has ended.",
        STATES,
        state
    ),
    check!(
        "infrastructure.function-environment",
        Infrastructure,
        Once,
        "Variables that the server needs",
        "All functions use the same tables, and the one that serves requests has keys for requestState, and a topic if there are events.",
        ENVIRONMENT,
        environment
    ),
    check!(
        "infrastructure.function-memory",
        Infrastructure,
        Once,
        "Memory",
        "The function should have 256 MB: with less its share of a processor makes TLS slow.",
        MEMORY,
        memory
    ),
    check!(
        "infrastructure.function-timeout",
        Infrastructure,
        Once,
        "Time",
        "The function's timeout should be 5 seconds longer than its streams, which otherwise end early.",
        TIMEOUT,
        timeout
    ),
    check!(
        "infrastructure.function-logs",
        Infrastructure,
        Once,
        "Logs end",
        "The log groups of the functions should have a retention: without one lines are kept, and paid, for ever.",
        LOGS,
        logs
    ),
    check!(
        "infrastructure.function-tracing",
        Infrastructure,
        Once,
        "Tracing",
        "The function should be traced.",
        TRACING,
        tracing
    ),
    check!(
        "infrastructure.async-failures",
        Infrastructure,
        Once,
        "Events that cannot be written",
        "Events that the subscribed function fails to handle should go to a queue.",
        EVENTS_ASYNC,
        async_failures
    ),
];

async fn status_of_stack(probe: &Probe<'_>) -> Checked {
    let stack = probe.stack()?.stack().await?;
    let status = stack["StackStatus"].as_str().unwrap_or_default();
    if status == "UPDATE_ROLLBACK_COMPLETE" {
        warning!("the last deployment was rolled back ({status})");
    }
    let good =
        ["CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"];
    ensure!(good.contains(&status), "the stack is {status}");
    Ok(())
}

async fn state(probe: &Probe<'_>) -> Checked {
    for function in probe.stack()?.functions().await? {
        let text = |name: &str| function.0[name].as_str().unwrap_or_default().to_owned();
        let (state, update) = (text("State"), text("LastUpdateStatus"));
        if state == "Pending" {
            warning!(
                "{} is Pending: it is being created or updated, and cannot be invoked yet",
                function.name()
            );
        }
        // A function that was not invoked for weeks is inactive, and the next invocation activates it.
        ensure!(["Active", "Inactive"].contains(&state.as_str()), "{} is {state}", function.name());
        ensure!(update != "Failed", "the last update of {} has failed", function.name());
    }
    Ok(())
}

async fn environment(probe: &Probe<'_>) -> Checked {
    let stack = probe.stack()?;
    let server = stack.server().await?;
    for variable in ["SESSION_TABLE_NAME", "EVENT_TABLE_NAME"] {
        ensure!(server.variable(variable).is_some(), "{variable} is not set in {}", server.name());
    }
    ensure!(server.has_state_keys(), "MCP_STATE_KEYS_SECRET is not set in {}", server.name());
    let has_topic = server.variable("SNS_TOPIC_ARN").is_some();
    ensure!(
        server.variable("MCP_EVENTS") != Some("on") || has_topic,
        "MCP_EVENTS is on, and SNS_TOPIC_ARN is not set in {}: its events reach no topic",
        server.name()
    );
    for function in stack.functions().await? {
        for variable in ["SESSION_TABLE_NAME", "EVENT_TABLE_NAME"] {
            let (its, ours) = (function.variable(variable), server.variable(variable));
            ensure!(
                its.is_none() || its == ours,
                "{variable} of {} is {its:?}, that of {} is {ours:?}",
                function.name(),
                server.name()
            );
        }
    }
    Ok(())
}

async fn memory(probe: &Probe<'_>) -> Checked {
    let server = probe.stack()?.server().await?;
    let memory = server.0["MemorySize"].as_u64().unwrap_or_default();
    if memory < 256 {
        warning!("{} has {memory} MB", server.name());
    }
    Ok(())
}

async fn timeout(probe: &Probe<'_>) -> Checked {
    /// The variable's default on Lambda, in seconds.
    const LIFE: u64 = 60;
    let server = probe.stack()?.server().await?;
    if server.variable("MCP_STREAMS") == Some("off") {
        skipped!("the server offers no streams: MCP_STREAMS is off");
    }
    let timeout = server.0["Timeout"].as_u64().unwrap_or_default();
    let life = server.variable("MCP_STREAM_SECONDS").and_then(|text| text.parse().ok());
    // Without the variable streams are as long as the timeout lets them be, up to a minute.
    let (life, needed) = life.map_or((LIFE, 15), |life: u64| (life, life + 5));
    if timeout < needed {
        warning!(
            "the timeout of {} is {timeout} s, and streams may take {life} s: they end after {} s",
            server.name(),
            timeout.saturating_sub(5)
        );
    }
    Ok(())
}

fn log_group(function: &Function) -> String {
    let named = function.0["LoggingConfig"]["LogGroup"].as_str().map(str::to_owned);
    named.unwrap_or_else(|| format!("/aws/lambda/{}", function.name()))
}

async fn logs(probe: &Probe<'_>) -> Checked {
    let stack = probe.stack()?;
    for function in stack.functions().await? {
        let group = log_group(&function);
        let input = json!({ "logGroupNamePrefix": group });
        let answer = stack.read(Service::Logs, "DescribeLogGroups", input).await?;
        let mut groups = answer["logGroups"].as_array().into_iter().flatten();
        let Some(found) = groups.find(|one| one["logGroupName"] == group.as_str()) else {
            failed!("the log group {group} of {} does not exist: nothing is logged", function.name());
        };
        if found["retentionInDays"].as_u64().is_none() {
            warning!("the log group {group} has no retention");
        }
    }
    Ok(())
}

async fn tracing(probe: &Probe<'_>) -> Checked {
    let server = probe.stack()?.server().await?;
    let mode = server.0["TracingConfig"]["Mode"].as_str().unwrap_or("PassThrough");
    if mode != "Active" {
        warning!("the tracing of {} is {mode}", server.name());
    }
    Ok(())
}

async fn async_failures(probe: &Probe<'_>) -> Checked {
    let stack = probe.stack()?;
    let topic = stack.named("SNS_TOPIC_ARN", "topic of events").await?;
    let input = json!({ "TopicArn": topic });
    let subscriptions = stack.list(Service::Sns, "ListSubscriptionsByTopic", input, "Subscriptions").await?;
    let functions = stack.functions().await?;
    let subscribed = functions.iter().find(|function| {
        subscriptions.iter().any(|one| arn_of(one["Endpoint"].as_str().unwrap_or_default()) == function.arn())
    });
    let Some(function) = subscribed else { skipped!("no function of the server is subscribed to the topic") };
    let mut input = json!({ "FunctionName": function.name() });
    if let Some(alias) = stack.alias(function).await? {
        input["Qualifier"] = json!(alias);
    }
    let config =
        stack.find(Service::Lambda, "GetFunctionEventInvokeConfig", input).await?.unwrap_or_default();
    if config["DestinationConfig"]["OnFailure"]["Destination"].as_str().is_none() {
        warning!("{} has no destination for events that it fails to handle: they are lost", function.name());
    }
    Ok(())
}
