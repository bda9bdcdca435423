//! One server that is watched: what a check asks it.

use std::{
    collections::{BTreeMap, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    expiry,
    lag::{self, Publisher},
    sample::{Change, Sample},
};
use crate::check::{
    CannotCheck, Checked, Era, Facts, Plan, Probe, Stop, Suite, Target, all_tools, ensure, find,
};

/// How many pages of tasks are counted.
const PAGES: usize = 50;

/// A server that is watched.
#[derive(Debug)]
pub struct Endpoint {
    name: String,
    target: Target,
    plan: Plan,
    publisher: Option<Publisher>,
    counts_tasks: bool,
    /// What is known of the server since it answered last.
    facts: Option<Facts>,
    /// A hash of each tool, by its name, at the last check that listed them.
    tools: Option<BTreeMap<String, u64>>,
}

impl Endpoint {
    /// A server, and the transport that proves the caller. A check takes 30 seconds at most.
    #[must_use]
    pub fn new(target: Target) -> Self {
        let plan = Plan { timeout: Duration::from_secs(30), ..Plan::of([] as [Suite; 0]) };
        let name = target.url.to_string();
        Self { name, target, plan, publisher: None, counts_tasks: false, facts: None, tools: None }
    }

    /// The longest that one check may take. Default: 30 seconds.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.plan.timeout = timeout;
        self
    }

    /// Measures the event lag by an event that the server's tool `publish_event` publishes. Default: it is not measured.
    #[must_use]
    pub fn publish_with_tool(mut self) -> Self {
        self.publisher = Some(Publisher::tool());
        self
    }

    /// Measures the event lag by an event that is published to the SNS topic of the server, with the AWS credentials of the
    /// remote. Default: it is not measured.
    #[must_use]
    pub fn publish_to_topic(mut self, topic: impl Into<String>, remote: crate::Remote) -> Self {
        self.publisher = Some(Publisher::topic(topic.into(), remote));
        self
    }

    /// Counts the tasks of the caller by their status, where the server lists them: in sessions of 2025-11-25. Default: no.
    #[must_use]
    pub fn count_tasks(mut self) -> Self {
        self.counts_tasks = true;
        self
    }

    /// The name of the server in alerts and rules. Default: its URL.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The name of the server.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Asks the server.
    pub(super) async fn check(&mut self) -> Sample {
        let limit = self.plan.timeout;
        match tokio::time::timeout(limit, self.ask()).await {
            Ok(sample) => sample,
            Err(_) => {
                self.facts = None;
                Sample::down(format!("no answer within {} s", limit.as_secs_f32()))
            }
        }
    }

    async fn ask(&mut self) -> Sample {
        let facts = match self.facts.take() {
            Some(facts) => facts,
            None => match find(&self.target, &self.plan).await {
                Ok(facts) => facts,
                Err(CannotCheck::Unreachable { why, .. } | CannotCheck::NoServer { why, .. }) => {
                    return Sample::down(why);
                }
            },
        };
        let Some(era) = facts.eras().first().copied() else {
            return Sample::down("the server wants a caller who is authorized (HTTP 401)");
        };
        match self.ask_as(&facts, era).await {
            Ok(sample) => {
                self.facts = Some(facts);
                sample
            }
            Err(stop) => Sample::down(reason(stop)),
        }
    }

    async fn ask_as(&mut self, facts: &Facts, era: Era) -> Checked<Sample> {
        let mut sample = Sample::default();
        let probe = Probe::new(&self.target, &self.plan, facts, era);
        let asked = latency_and_tools(&probe).await;
        probe.close().await;
        let (latency, tools) = asked?;
        sample.latency_ms = Some(latency.milliseconds);
        sample.expires_in_s = expiry::of(&self.target, latency.certificate.as_deref());
        sample.tools = Some(tools.len());
        if let Some(publisher) = &self.publisher {
            let probe = Probe::new(&self.target, &self.plan, facts, Era::Stateless);
            match lag::measure(&probe, publisher).await {
                Ok(lag) => sample.event_lag_ms = Some(lag),
                Err(stop) => sample.event_failure = Some(reason(stop)),
            }
        }
        if self.counts_tasks {
            let probe = Probe::new(&self.target, &self.plan, facts, Era::Session);
            let counted = tasks(&probe).await;
            probe.close().await;
            sample.tasks = counted?;
        }
        sample.changes = self.changes(&tools);
        Ok(sample)
    }

    /// How the tools differ from those of the check before.
    fn changes(&mut self, tools: &[Value]) -> Vec<Change> {
        let hash = |tool: &Value| {
            let mut hasher = DefaultHasher::new();
            tool.to_string().hash(&mut hasher);
            hasher.finish()
        };
        let name = |tool: &Value| tool["name"].as_str().unwrap_or_default().to_owned();
        let now: BTreeMap<String, u64> = tools.iter().map(|tool| (name(tool), hash(tool))).collect();
        let Some(before) = self.tools.replace(now.clone()) else { return Vec::new() };
        let gone = before.keys().filter(|name| !now.contains_key(*name)).cloned().map(Change::Removed);
        let others = now.iter().filter_map(|(name, hash)| match before.get(name) {
            None => Some(Change::Added(name.clone())),
            Some(before) if before != hash => Some(Change::Changed(name.clone())),
            Some(_) => None,
        });
        gone.chain(others).collect()
    }
}

fn reason(stop: Stop) -> String {
    match stop {
        Stop::Failed(reason) | Stop::Warning(reason) | Stop::Skipped(reason) => reason,
    }
}

/// What the smallest request of the era tells of the server.
struct Latency {
    milliseconds: f64,
    certificate: Option<Vec<u8>>,
}

async fn latency_and_tools(probe: &Probe<'_>) -> Checked<(Latency, Vec<Value>)> {
    let latency = latency(probe).await?;
    let has_tools = probe.capabilities()["tools"].is_object();
    Ok((latency, if has_tools { all_tools(probe).await? } else { Vec::new() }))
}

async fn latency(probe: &Probe<'_>) -> Checked<Latency> {
    let method = if probe.is_stateless() { "server/discover" } else { "ping" };
    let draft = probe.request(method, json!({})).await?;
    let began = Instant::now();
    let mut answer = draft.send().await?;
    answer.result().await?;
    Ok(Latency { milliseconds: began.elapsed().as_secs_f64() * 1000.0, certificate: answer.certificate })
}

/// How many tasks the caller has, by status.
async fn tasks(probe: &Probe<'_>) -> Checked<BTreeMap<String, u64>> {
    let mut counts = BTreeMap::new();
    if !probe.capabilities()["tasks"]["list"].is_object() {
        return Ok(counts);
    }
    let mut params = json!({});
    for _ in 0..PAGES {
        let page = probe.request("tasks/list", params).await?.send().await?.result().await?;
        ensure!(page["tasks"].is_array(), "the result of tasks/list has no tasks");
        for task in page["tasks"].as_array().into_iter().flatten() {
            let status = task["status"].as_str().unwrap_or("unknown");
            // A server that makes up statuses does not fill the memory.
            let status = if counts.contains_key(status) || counts.len() < 16 { status } else { "other" };
            *counts.entry(status.to_owned()).or_default() += 1;
        }
        match page["nextCursor"].as_str() {
            None => break,
            Some(cursor) => params = json!({ "cursor": cursor }),
        }
    }
    Ok(counts)
}
