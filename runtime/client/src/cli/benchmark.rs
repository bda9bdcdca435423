//! `mcp-lambda benchmark`.

use std::{io::IsTerminal, path::PathBuf, sync::Arc, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::{args::BenchmarkArgs, client, failure::Failure, reports};
use crate::{
    benchmark::{Load, Measured, Work, compare, measure, report},
    check::Http,
};

/// Measures a server, or compares two measurements.
pub(super) async fn run(args: BenchmarkArgs) -> Result<(), Failure> {
    if let Some([first, second]) = args.compare.as_deref() {
        print!("{}", report::comparison(&compare(&read(first)?, &read(second)?)));
        return Ok(());
    }
    reports::check(&args.reports)?;
    let load = load(&args)?;
    let http: Arc<dyn Http> = Arc::new(client::remote(&args.url, &args.options)?.http()?);
    let work = work(&args, &*http).await?;
    let bar = bar(&load);
    let shown = bar.clone();
    let measured = measure(http, &work, &load, move |progress| {
        shown.set_position(progress.ended);
        if progress.failed > 0 {
            shown.set_message(format!("{} failed", progress.failed));
        }
    })
    .await;
    bar.finish_and_clear();
    println!("{}", report::text(&measured));
    for file in &args.reports {
        reports::write(file, &|kind| written(&measured, kind))?;
    }
    if measured.succeeded == 0 { Err(Failure::unreachable("no request succeeded")) } else { Ok(()) }
}

fn written(measured: &Measured, kind: reports::Kind) -> Result<String, Failure> {
    match kind {
        reports::Kind::Junit => Err(Failure::usage("--report: a measurement has no report in JUnit's XML")),
        reports::Kind::Json => report::json(measured).map_err(|error| Failure::refused(error.to_string())),
        reports::Kind::Html => Ok(report::html(measured)),
    }
}

fn read(file: &PathBuf) -> Result<Measured, Failure> {
    let refused =
        |error: &dyn std::fmt::Display| Failure::usage(format!("--compare {}: {error}", file.display()));
    let text = std::fs::read(file).map_err(|error| refused(&error))?;
    serde_json::from_slice(&text).map_err(|error| refused(&error))
}

fn load(args: &BenchmarkArgs) -> Result<Load, Failure> {
    let positive = |name: &str, value: Option<f64>| match value {
        Some(value) if !(value.is_finite() && value > 0.0 && value <= 1_000_000.0) => {
            Err(Failure::usage(format!("{name} {value}: expected a number above 0, and 1000000 at most")))
        }
        value => Ok(value),
    };
    Ok(Load {
        requests: args.requests,
        duration: positive("--duration", args.duration)?.map(Duration::from_secs_f64),
        concurrency: args.concurrency.clamp(1, 10_000),
        rate: positive("--rate-limit", args.rate_limit)?,
        timeout: args.options.timeout,
    })
}

/// The request to be measured: of 2026-07-28 if the server speaks it, else of a session.
async fn work(args: &BenchmarkArgs, http: &dyn Http) -> Result<Work, Failure> {
    let (method, params) = match &args.tool {
        None => (None, json!({})),
        Some(tool) => {
            let arguments: Value = serde_json::from_str(&args.json)
                .map_err(|error| Failure::usage(format!("--json: expected a JSON object: {error}")))?;
            (Some("tools/call"), json!({ "name": tool, "arguments": arguments }))
        }
    };
    Work::negotiated(http, &args.url, method, params).await.map_err(Failure::unreachable)
}

/// The bar of a terminal.
fn bar(load: &Load) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = match load.planned() {
        Some(planned) => ProgressBar::new(planned),
        None => ProgressBar::no_length(),
    };
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} requests  {per_sec}  {eta}  {msg}")
    {
        bar.set_style(style);
    }
    bar
}
