//! The alarms of the stack.

use serde_json::{Value, json};

use super::links::{ALARM_ACTIONS, ALARMS};
use crate::{
    aws::Service,
    check::{
        finding::{Checked, skipped, warning},
        probe::Probe,
        row::{Check, check},
        stack::View,
    },
};

pub(crate) const CHECKS: &[Check] = &[
    check!(
        "infrastructure.alarms",
        Infrastructure,
        Once,
        "There are alarms",
        "The stack should have alarms.",
        ALARMS,
        exist
    ),
    check!(
        "infrastructure.alarm-actions",
        Infrastructure,
        Once,
        "Alarms are heard",
        "An alarm of the stack should have an action: without one it changes its colour in the console.",
        ALARM_ACTIONS,
        actions
    ),
    check!(
        "infrastructure.alarm-states",
        Infrastructure,
        Once,
        "No alarm is on",
        "No alarm of the stack should be in the state ALARM.",
        ALARMS,
        states
    ),
];

const KINDS: [&str; 2] = ["AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"];
/// How many alarms one call describes.
const AT_ONCE: usize = 100;

/// The alarms of the stack, of both kinds.
async fn alarms(stack: &View<'_>) -> Checked<Vec<Value>> {
    let mut names = Vec::new();
    for kind in KINDS {
        names.extend(stack.ids(kind).await?);
    }
    let mut alarms = Vec::new();
    for names in names.chunks(AT_ONCE) {
        let input = json!({
            "AlarmNames": names, "AlarmTypes": ["MetricAlarm", "CompositeAlarm"], "MaxRecords": AT_ONCE,
        });
        let answer = stack.read(Service::CloudWatch, "DescribeAlarms", input).await?;
        for list in ["MetricAlarms", "CompositeAlarms"] {
            alarms.extend(answer[list].as_array().cloned().unwrap_or_default());
        }
    }
    Ok(alarms)
}

async fn some(probe: &Probe<'_>) -> Checked<Vec<Value>> {
    let alarms = alarms(&probe.stack()?).await?;
    if alarms.is_empty() {
        skipped!("the stack has no alarms");
    }
    Ok(alarms)
}

fn name(alarm: &Value) -> &str {
    alarm["AlarmName"].as_str().unwrap_or_default()
}

async fn exist(probe: &Probe<'_>) -> Checked {
    if alarms(&probe.stack()?).await?.is_empty() {
        warning!("the stack has no alarms");
    }
    Ok(())
}

async fn actions(probe: &Probe<'_>) -> Checked {
    let alarms = some(probe).await?;
    let acts = |alarm: &&Value| alarm["AlarmActions"].as_array().is_some_and(|actions| !actions.is_empty());
    let enabled = |alarm: &&Value| alarm["ActionsEnabled"] != "false";
    if !alarms.iter().any(|alarm| acts(&alarm)) {
        warning!("none of the {} alarms has an action: nobody hears of them", alarms.len());
    }
    let off: Vec<&str> = alarms.iter().filter(acts).filter(|alarm| !enabled(alarm)).map(name).collect();
    if !off.is_empty() {
        warning!("the actions of these alarms are switched off: {}", off.join(", "));
    }
    Ok(())
}

async fn states(probe: &Probe<'_>) -> Checked {
    let alarms = some(probe).await?;
    let on: Vec<&str> = alarms.iter().filter(|alarm| alarm["StateValue"] == "ALARM").map(name).collect();
    if !on.is_empty() {
        warning!("these alarms are on: {}", on.join(", "));
    }
    Ok(())
}
