//! `mcp-lambda test`.

use std::{io::IsTerminal, sync::Arc, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};

use super::{args::TestArgs, client, failure::Failure, reports};
use crate::{
    Auth,
    check::{
        CannotCheck, Finding, Plan, Report, Suite, Target, ToolCall, jobs_at_most, report, run as run_checks,
    },
};

/// The longest that one response of a check may take.
const LONGEST: Duration = Duration::from_secs(120);

/// Runs the checks, prints what they find, and fails if one has failed.
pub(super) async fn run(args: TestArgs) -> Result<(), Failure> {
    reports::check(&args.reports)?;
    let plan = plan(&args)?;
    let target = target(&args, &plan).await?;
    let bar = bar(&plan);
    let report = run_checks(&target, &plan, |finding| show(&bar, finding)).await;
    bar.finish_and_clear();
    let mut report = report.map_err(|error| cannot_check(error, &args.url))?;
    name(&mut report.url, &args.url);
    println!("{}", report::summary(&report));
    for file in &args.reports {
        reports::write(file, &|kind| written(&report, kind))?;
    }
    if report.is_clean() || args.continue_on_failure { Ok(()) } else { Err(Failure::refused("")) }
}

fn cannot_check(mut error: CannotCheck, server: &str) -> Failure {
    match &mut error {
        CannotCheck::Unreachable { url, .. } | CannotCheck::NoServer { url, .. } => name(url, server),
    }
    Failure::unreachable(error.to_string())
}

/// Replaces the URL that is made up for a function, which has none, by the name of the function.
fn name(url: &mut String, server: &str) {
    if !server.is_empty() && !server.contains("://") {
        server.clone_into(url);
    }
}

fn written(report: &Report, kind: reports::Kind) -> Result<String, Failure> {
    let refused =
        |error: &dyn std::fmt::Display| Failure::refused(format!("the report cannot be written: {error}"));
    match kind {
        reports::Kind::Junit => report::junit(report).map_err(|error| refused(&error)),
        reports::Kind::Json => report::json(report).map_err(|error| refused(&error)),
        reports::Kind::Html => Ok(report::html(report)),
    }
}

fn plan(args: &TestArgs) -> Result<Plan, Failure> {
    let mut suites = Vec::new();
    for name in &args.suite {
        match name.as_str() {
            "all" => suites.extend(Suite::of_mcp()),
            name => suites.push(name.parse().map_err(|error| Failure::usage(format!("--suite: {error}")))?),
        }
    }
    if args.stack.is_some() && args.suite.iter().any(|name| name == "all") {
        suites.push(Suite::Infrastructure);
    }
    if args.test_sse_streaming {
        suites.extend([Suite::Streaming, Suite::Events]);
    }
    Ok(Plan {
        suites,
        tools: args.tools.iter().map(|text| tool(text)).collect::<Result<_, _>>()?,
        timeout: args.options.timeout.min(LONGEST),
        quiet: Duration::from_millis(args.quiet_time.max(1)),
        concurrency: args.concurrency.clamp(1, 64),
        detailed: args.detailed_report,
    })
}

/// A tool of `--tool`, with its arguments if it has any.
pub(super) fn tool(text: &str) -> Result<ToolCall, Failure> {
    let Some((name, arguments)) = text.split_once('=') else {
        return Ok(ToolCall { name: text.to_owned(), arguments: None });
    };
    let arguments = serde_json::from_str(arguments)
        .map_err(|error| Failure::usage(format!("--tool {text:?}: expected NAME=JSON: {error}")))?;
    Ok(ToolCall { name: name.to_owned(), arguments: Some(arguments) })
}

async fn target(args: &TestArgs, plan: &Plan) -> Result<Target, Failure> {
    let as_caller = |auth: Option<Auth>| -> Result<Arc<_>, Failure> {
        let mut remote = client::remote(&args.url, &args.options)?;
        if let Some(auth) = auth {
            remote = remote.auth(auth);
        }
        Ok(Arc::new(remote.http()?))
    };
    let caller = as_caller(None)?;
    let mut target = Target::new(caller.clone(), caller.url()).map_err(Failure::usage)?;
    target = target.anonymous(as_caller(Some(Auth::Anonymous))?);
    if let Some(token) = &args.other_bearer_token {
        target = target.other(as_caller(Some(Auth::Bearer(token.clone())))?);
    }
    if let Some(token) = &args.options.bearer_token {
        target = target.token(token);
    }
    if plan.suites.contains(&Suite::Infrastructure) {
        target = target.stack(client::remote(&args.url, &args.options)?.stack(args.stack.as_deref()).await?);
    }
    Ok(target)
}

/// The bar of a terminal. Elsewhere lines are all there is.
fn bar(plan: &Plan) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(u64::try_from(jobs_at_most(plan)).unwrap_or(u64::MAX));
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos} of at most {len} checks  {msg}") {
        bar.set_style(style);
    }
    bar
}

/// Prints a finding. A terminal shows only what is not passed, below the bar.
fn show(bar: &ProgressBar, finding: &Finding) {
    bar.inc(1);
    bar.set_message(finding.id);
    if bar.is_hidden() {
        println!("{}", report::line(finding));
    } else if finding.verdict.word() != "passed" {
        bar.suspend(|| println!("{}", report::line(finding)));
    }
}
