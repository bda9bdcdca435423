//! One run of the checks of a plan.

use std::sync::PoisonError;

use futures::StreamExt;
use tokio::time::Instant;

use super::{
    catalog::CHECKS,
    discovery::{CannotCheck, find},
    era::Era,
    facts::Facts,
    finding::{Exchange, Finding, Report, Stop, Verdict},
    probe::{Plan, Probe, Target},
    row::{Check, Eras},
};

/// A check in one era.
#[derive(Debug, Clone, Copy)]
struct Job {
    check: Check,
    era: Option<Era>,
    /// The reason for which it does not run.
    skipped: Option<&'static str>,
}

/// Runs the checks of a plan, and returns what came of them in the order of the catalog. Each finding is also given to
/// `seen` as soon as those before it are there.
///
/// # Errors
///
/// When there is no MCP server at the URL.
pub async fn run(
    target: &Target,
    plan: &Plan,
    mut seen: impl FnMut(&Finding),
) -> Result<Report, CannotCheck> {
    let began = Instant::now();
    let facts = if plan.asks_the_server() { find(target, plan).await? } else { Facts::default() };
    let jobs = jobs(&facts, plan);
    let mut running = futures::stream::iter(jobs)
        .map(|job| one(target, plan, &facts, job))
        .buffered(plan.concurrency.max(1));
    let mut findings = Vec::new();
    while let Some(finding) = running.next().await {
        seen(&finding);
        findings.push(finding);
    }
    Ok(Report {
        url: target.url.to_string(),
        server: named(&facts, target),
        versions: facts.versions(),
        milliseconds: milliseconds(began),
        findings,
    })
}

/// How many findings a run of the plan will have, at most.
#[cfg(feature = "cli")]
pub(crate) fn jobs_at_most(plan: &Plan) -> usize {
    let planned = CHECKS.iter().filter(|check| plan.suites.contains(&check.suite));
    planned.map(|check| if check.eras == Eras::Each { 2 } else { 1 }).sum()
}

fn jobs(facts: &Facts, plan: &Plan) -> Vec<Job> {
    let planned = CHECKS.iter().filter(|check| plan.suites.contains(&check.suite));
    planned.flat_map(|check| jobs_of(check, facts)).collect()
}

fn jobs_of(check: &Check, facts: &Facts) -> Vec<Job> {
    let speaks = facts.eras();
    let wanted: &[Era] = match check.eras {
        Eras::Once => return vec![Job { check: *check, era: None, skipped: None }],
        Eras::Each => &[Era::Stateless, Era::Session],
        Eras::Session => &[Era::Session],
        Eras::Stateless => &[Era::Stateless],
    };
    let job = |era: Era| Job { check: *check, era: Some(era), skipped: None };
    let jobs: Vec<Job> = wanted.iter().copied().filter(|era| speaks.contains(era)).map(job).collect();
    if !jobs.is_empty() {
        return jobs;
    }
    let skipped = Some(match (speaks.is_empty(), check.eras) {
        (true, _) => "the server wants a caller who is authorized (HTTP 401)",
        (false, Eras::Session) => "the server does not speak 2025-11-25 or an earlier revision",
        (false, _) => "the server does not speak 2026-07-28",
    });
    vec![Job { skipped, ..job(wanted[0]) }]
}

async fn one(target: &Target, plan: &Plan, facts: &Facts, job: Job) -> Finding {
    let began = Instant::now();
    let check = job.check;
    let era = job.era.or_else(|| facts.eras().first().copied()).unwrap_or(Era::Session);
    let probe = Probe::new(target, plan, facts, era);
    let verdict: Verdict = match job.skipped {
        Some(reason) => Err(Stop::Skipped(reason.to_owned())).into(),
        None => {
            let checked = (check.run)(&probe).await;
            probe.close().await;
            checked.into()
        }
    };
    let shows = plan.detailed || matches!(verdict, Verdict::Failed(_) | Verdict::Warning(_));
    let exchanges = if shows { exchanges(&probe) } else { Vec::new() };
    Finding {
        id: check.id,
        suite: check.suite,
        era: job.era,
        title: check.title,
        rule: check.rule.text,
        link: check.rule.link,
        verdict,
        milliseconds: milliseconds(began),
        exchanges,
    }
}

/// The name of the server, or that of its stack if the server was not asked.
fn named(facts: &Facts, target: &Target) -> String {
    match &target.stack {
        Some(stack) if facts.eras().is_empty() => format!("the stack {}", stack.name()),
        _ => facts.server(),
    }
}

fn exchanges(probe: &Probe<'_>) -> Vec<Exchange> {
    probe.transcript.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
