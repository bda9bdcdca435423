//! One validation: reads the lists, and compares them with the rules.

use std::time::Duration;

use super::{
    json_schema,
    listed::{self, Listed},
    listings::{self, name_of},
    outputs,
    provider::Provider,
    providers,
    report::{Counts, Findings, Report, Subject},
};
use crate::check::{CannotCheck, Era, Facts, Plan, Probe, Target, ToolCall, find};

/// What is validated, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// The era in which lists are read. Default: 2026-07-28 if the server speaks it.
    pub era: Option<Era>,
    /// The names of the tools that are validated. Default: none, which means all, and everything else that is listed.
    pub tools: Vec<String>,
    /// Counts the limits of these APIs. Default: all.
    pub providers: Vec<Provider>,
    /// Whether tools with an output schema are called, if they declare `readOnlyHint` or are among `calls`. Default: no.
    pub call: bool,
    /// Tools that may be called although they do not declare `readOnlyHint`, and arguments. Default: none.
    pub calls: Vec<ToolCall>,
    /// How long one response may take, and all comparisons. Default: 30 seconds.
    pub timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            era: None,
            tools: Vec::new(),
            providers: Provider::ALL.to_vec(),
            call: false,
            calls: Vec::new(),
            timeout: Duration::from_secs(30),
        }
    }
}

/// Why nothing could be validated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CannotValidate {
    /// There is no MCP server at the URL.
    #[error(transparent)]
    NoServer(#[from] CannotCheck),
    /// The server wants a token.
    #[error("{url} refuses the caller with 401: a token or other credentials are needed")]
    Unauthorized {
        /// The URL.
        url: String,
    },
    /// The server does not speak the era that was asked for.
    #[error("{url} does not speak the revisions of {era}")]
    Era {
        /// The URL.
        url: String,
        /// The era.
        era: Era,
    },
    /// The server has no such tool.
    #[error("the server has no tool {tool:?}; it has {known}")]
    Tool {
        /// The name that was asked for.
        tool: String,
        /// The names that there are.
        known: String,
    },
    /// The comparison took too long: a schema can be written so that it never ends.
    #[error("the schemas could not be compared with the rules within {} s", .0.as_secs_f32())]
    TimedOut(Duration),
}

/// Validates what a server lists.
///
/// # Errors
///
/// [`CannotValidate`] if the lists are out of reach.
pub async fn validate(target: &Target, options: &Options) -> Result<Report, CannotValidate> {
    let plan = Plan { tools: options.calls.clone(), timeout: options.timeout, ..Plan::of([]) };
    let facts = find(target, &plan).await?;
    let era = era(target, options, &facts)?;
    let mut findings = Findings::default();
    let probe = Probe::new(target, &plan, &facts, era);
    let mut listed = listed::read(&probe, &mut findings).await;
    let selected = select(&mut listed, &options.tools);
    let called = match (&selected, options.call) {
        (Ok(()), true) => Some(outputs::compare(&probe, &mut findings).await),
        _ => None,
    };
    probe.close().await;
    selected?;
    let called = called.unwrap_or_default();
    let counts = Counts {
        tools: listed.tools.len(),
        prompts: listed.prompts.len(),
        resources: listed.resources.len(),
        templates: listed.templates.len(),
    };
    let findings = compared(listed, era, options, findings).await?;
    Ok(Report {
        url: target.url.to_string(),
        server: facts.server(),
        era,
        counts,
        called: called.names,
        notes: called.notes,
        findings: findings.kept,
        more: findings.more,
    })
}

fn era(target: &Target, options: &Options, facts: &Facts) -> Result<Era, CannotValidate> {
    let (url, spoken) = (target.url.to_string(), facts.eras());
    match (options.era, spoken.first()) {
        (_, None) => Err(CannotValidate::Unauthorized { url }),
        (None, Some(first)) => Ok(*first),
        (Some(era), _) if spoken.contains(&era) => Ok(era),
        (Some(era), _) => Err(CannotValidate::Era { url, era }),
    }
}

/// Leaves the tools that are named, and nothing else, if any is named.
fn select(listed: &mut Listed, names: &[String]) -> Result<(), CannotValidate> {
    if names.is_empty() {
        return Ok(());
    }
    if let Some(tool) = names.iter().find(|name| listed.tools.iter().all(|one| name_of(one) != **name)) {
        let known: Vec<&str> = listed.tools.iter().map(name_of).collect();
        return Err(CannotValidate::Tool { tool: tool.clone(), known: known.join(", ") });
    }
    let mut tools = std::mem::take(&mut listed.tools);
    tools.retain(|tool| names.iter().any(|name| name == name_of(tool)));
    *listed = Listed { tools, ..Listed::default() };
    Ok(())
}

/// Schemas come from the server: a comparison that does not end must not hold the caller.
async fn compared(
    listed: Listed,
    era: Era,
    options: &Options,
    mut findings: Findings,
) -> Result<Findings, CannotValidate> {
    let providers = options.providers.clone();
    let work = tokio::task::spawn_blocking(move || {
        compare(&listed, era, &providers, &mut findings);
        findings
    });
    match tokio::time::timeout(options.timeout, work).await {
        Ok(Ok(findings)) => Ok(findings),
        Ok(Err(_)) | Err(_) => Err(CannotValidate::TimedOut(options.timeout)),
    }
}

/// Compares what is listed with every rule.
pub(super) fn compare(listed: &Listed, era: Era, providers: &[Provider], findings: &mut Findings) {
    listings::tools(&listed.tools, findings);
    for tool in &listed.tools {
        let subject = Subject { kind: "tool", name: name_of(tool) };
        json_schema::tool(tool, subject, era == Era::Stateless, findings);
        for provider in providers {
            providers::tool(*provider, tool, subject, findings);
        }
    }
    listings::prompts(&listed.prompts, findings);
    listings::resources(&listed.resources, findings);
    listings::templates(&listed.templates, findings);
}

/// The tools of a list, for tests.
#[cfg(test)]
pub(super) fn of_tools(tools: Vec<serde_json::Value>) -> Listed {
    Listed { tools, ..Listed::default() }
}
