//! The resources of AWS that tools of the program may use.

use super::{Env, ToolResourceConfig, Variable, invalid_value, variables::*};
use crate::error::ConfigError;

/// The most resources of one kind: a call without a valid name is answered with all of them.
const MOST: usize = 50;

impl ToolResourceConfig {
    /// The types of resources that can be listed.
    pub const MONITORED: [&'static str; 6] = ["EC2", "RDS", "Lambda", "ECS", "S3", "CloudFormation"];

    pub(super) fn read(env: &Env<'_>) -> Result<Self, ConfigError> {
        let tables = "ARNs of tables, as arn:aws:dynamodb:us-east-1:123456789012:table/orders";
        let topics = "ARNs of topics, as arn:aws:sns:us-east-1:123456789012:orders";
        let queues = "ARNs of queues, as arn:aws:sqs:us-east-1:123456789012:orders";
        Ok(Self {
            tables: list(env, &TOOL_TABLES, tables, |text| is_arn(text, "dynamodb", "table/"))?,
            topics: list(env, &TOOL_TOPICS, topics, |text| is_arn(text, "sns", ""))?,
            queues: list(env, &TOOL_QUEUES, queues, |text| is_arn(text, "sqs", ""))?,
            metric_namespaces: list(
                env,
                &TOOL_METRIC_NAMESPACES,
                "namespaces of metrics, such as AWS/Lambda",
                is_namespace,
            )?,
            monitored: list(env, &TOOL_MONITOR, "of EC2, RDS, Lambda, ECS, S3 and CloudFormation", |text| {
                Self::MONITORED.contains(&text)
            })?,
            regions: list(env, &TOOL_REGIONS, "regions, such as us-east-1", is_region)?,
        })
    }
}

/// A list with commas. An item that is named twice counts once.
fn list(
    env: &Env<'_>,
    variable: &Variable,
    expected: &str,
    is_valid: impl Fn(&str) -> bool,
) -> Result<Vec<String>, ConfigError> {
    let text = env.get(variable).unwrap_or_default();
    let mut items: Vec<String> = Vec::new();
    for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        if !is_valid(item) {
            return Err(invalid_value(variable, item, expected));
        }
        if !items.iter().any(|known| known == item) {
            items.push(item.to_owned());
        }
    }
    if items.len() > MOST {
        let found = format!("{} items", items.len());
        return Err(invalid_value(variable, &found, &format!("{MOST} {expected} at most")));
    }
    Ok(items)
}

/// Whether a text is the ARN of one resource of a service: without wildcards, in a region and an account.
fn is_arn(text: &str, service: &str, prefix: &str) -> bool {
    let parts: Vec<_> = text.split(':').collect();
    let ["arn", partition, found, region, account, name] = parts[..] else { return false };
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    found == service
        && !partition.is_empty()
        && is_region(region)
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && name.strip_prefix(prefix).is_some_and(is_name)
}

fn is_region(text: &str) -> bool {
    (3..=32).contains(&text.len())
        && text.contains('-')
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Metric.html> (read 2026-11-28).
fn is_namespace(text: &str) -> bool {
    text.len() <= 255
        && !text.starts_with(':')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._/#:- ".contains(&byte))
}
