//! Alerts, and how a command or a topic hears of them.

use std::{process::Stdio, sync::Arc, time::Duration};

use serde::Serialize;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::Command,
};

use super::{
    notice::Notice,
    rules::{Metric, Rule},
};
use crate::aws;

/// How much of what a command writes to stderr is kept.
const SHOWN: u64 = 1000;

/// A rule that is broken, or kept again.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alert {
    /// The name of the rule.
    pub alert: String,
    /// Whether it is broken (`on`) or kept again (`off`).
    pub state: &'static str,
    /// The name of the endpoint.
    pub endpoint: String,
    /// The figure.
    pub metric: Metric,
    /// Its value.
    pub value: f64,
    /// The threshold in words.
    pub threshold: String,
    /// When, in RFC 3339.
    pub time: String,
    /// All of this in one sentence.
    pub text: String,
}

impl Alert {
    pub(super) fn new(rule: &Rule, endpoint: &str, is_on: bool, value: f64) -> Self {
        let state = if is_on { "on" } else { "off" };
        let threshold = rule.threshold();
        let verb = if is_on {
            format!("{value:.1}, {threshold}")
        } else {
            format!("{value:.1}, no longer {threshold}")
        };
        Self {
            alert: rule.name.clone(),
            state,
            endpoint: endpoint.to_owned(),
            metric: rule.metric,
            value,
            text: format!("{}: {} of {endpoint} is {verb}", rule.name, rule.metric),
            threshold,
            time: rfc3339(),
        }
    }

    /// Whether the rule is broken.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.state == "on"
    }
}

/// The time of the wall clock in RFC 3339.
fn rfc3339() -> String {
    let now = aws_smithy_types::DateTime::from(crate::clock::now());
    now.fmt(aws_smithy_types::date_time::Format::DateTime).unwrap_or_default()
}

impl Notice {
    /// Passes an alert on, within the patience.
    pub(super) async fn send(&self, alert: &Alert, apis: &Apis) -> Result<(), String> {
        let sent = async {
            match self {
                Self::Command(words) => run(words, alert).await,
                Self::Topic(topic) => publish(topic, alert, apis).await,
            }
        };
        match tokio::time::timeout(apis.patience, sent).await {
            Ok(result) => result,
            Err(_) => Err(format!("no end within {} s", apis.patience.as_secs_f32())),
        }
    }
}

/// How topics and commands are reached.
#[derive(Debug, Clone)]
pub(super) struct Apis {
    /// The AWS credentials for topics.
    pub(super) remote: Option<Arc<crate::Remote>>,
    /// How long a command or a topic may take to hear of an alert.
    pub(super) patience: Duration,
}

async fn run(words: &[String], alert: &Alert) -> Result<(), String> {
    let Some((program, arguments)) = words.split_first() else { return Ok(()) };
    let mut child = Command::new(program)
        .args(arguments)
        // What proves the caller to the servers is not for the command.
        .env_remove("MCP_BEARER_TOKEN")
        .env_remove("MCP_OTHER_BEARER_TOKEN")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("{program}: {error}"))?;
    let text = json!(alert).to_string() + "\n";
    if let Some(mut stdin) = child.stdin.take() {
        // A command that reads nothing is none the worse for it.
        let _ = stdin.write_all(text.as_bytes()).await;
    }
    let mut written = String::new();
    if let Some(stderr) = child.stderr.take() {
        let mut kept = Vec::new();
        let mut stderr = stderr;
        let _ = (&mut stderr).take(SHOWN).read_to_end(&mut kept).await;
        written = String::from_utf8_lossy(&kept).trim().to_owned();
        // What is more is read and dropped, or the command could not go on.
        let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
    }
    let status = child.wait().await.map_err(|error| format!("{program}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{program} ended with {status}: {written}")) }
}

async fn publish(topic: &str, alert: &Alert, apis: &Apis) -> Result<(), String> {
    // A subject of SNS is ASCII, and shorter than 100 characters.
    let subject: String = alert.text.chars().filter(|c| (' '..='~').contains(c)).take(99).collect();
    let Some(remote) = &apis.remote else { return Err("there are no AWS credentials for topics".to_owned()) };
    let api = remote.aws_api(aws::region_of_topic(topic)).await.map_err(|error| error.to_string())?;
    let sent = aws::publish(&api, topic, &json!(alert).to_string(), Some(&subject), None).await;
    sent.map(|_| ()).map_err(|error| error.to_string())
}
