//! `mcp-lambda benchmark`.

use std::{
    io::IsTerminal,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{args::BenchmarkArgs, client, failure::Failure, reports};
use crate::{
    benchmark::{Distribution, Load, Measured, Progress, Work, compare, measure, report},
    check::Http,
};

/// How often the figures of a measurement that runs are shown.
const SHOWN_EVERY: Duration = Duration::from_millis(200);

/// Measures a server, or compares two measurements.
pub(super) async fn run(args: BenchmarkArgs) -> Result<(), Failure> {
    if let Some([first, second]) = args.compare.as_deref() {
        print!("{}", report::comparison(&compare(&read(first)?, &read(second)?)));
        return Ok(());
    }
    reports::check(&args.reports)?;
    let load = load(&args)?;
    let remote = client::remote(&args.url, &args.options)?.http()?;
    // A function has no URL: requests carry one that is made up, and the title of the measurement has the name of the function.
    let url = remote.url().to_owned();
    let http: Arc<dyn Http> = Arc::new(remote);
    let work = work(&args, &url, &*http).await?;
    let bar = bar(&load);
    let live = Live { bar: bar.clone(), latency: Mutex::default(), began: Instant::now() };
    let mut measured = measure(http, &work, &load, move |progress| live.show(progress)).await;
    measured.title = measured.title.replace(&url, &args.url);
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
async fn work(args: &BenchmarkArgs, url: &str, http: &dyn Http) -> Result<Work, Failure> {
    let (method, params) = match &args.tool {
        None => (None, json!({})),
        Some(tool) => {
            let arguments: Value = serde_json::from_str(&args.json)
                .map_err(|error| Failure::usage(format!("--json: expected a JSON object: {error}")))?;
            (Some("tools/call"), json!({ "name": tool, "arguments": arguments }))
        }
    };
    Work::negotiated(http, url, method, params).await.map_err(Failure::unreachable)
}

/// What a terminal shows while a measurement runs: how far it is, and the latencies until now.
struct Live {
    bar: ProgressBar,
    /// The latencies, and when they were shown last.
    latency: Mutex<(Distribution, Option<Instant>)>,
    began: Instant,
}

impl Live {
    fn show(&self, progress: Progress) {
        if self.bar.is_hidden() {
            return;
        }
        self.bar.set_position(progress.ended);
        let mut guard = self.latency.lock().unwrap_or_else(PoisonError::into_inner);
        let (latency, shown) = &mut *guard;
        if let Some(last) = progress.latency {
            latency.add(last);
        }
        if shown.is_none_or(|shown| shown.elapsed() >= SHOWN_EVERY) {
            *shown = Some(Instant::now());
            self.bar.set_message(figures(latency, progress, self.began.elapsed()));
        }
    }
}

/// The figures of a measurement that runs, in a line.
fn figures(latency: &Distribution, progress: Progress, elapsed: Duration) -> String {
    let [p50, p95, p99] = [0.5, 0.95, 0.99].map(|share| latency.quantile(share));
    let rate = progress.ended as f64 / elapsed.as_secs_f64().max(f64::MIN_POSITIVE);
    let failed = progress.failed;
    format!("{rate:.1} /s   p50 {p50:.1} ms   p95 {p95:.1} ms   p99 {p99:.1} ms   {failed} failed")
}

/// The bar of a terminal, with the figures below it.
fn bar(load: &Load) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let (bar, template) = match load.planned() {
        Some(planned) => (ProgressBar::new(planned), "{bar:40} {pos} of {len} requests, {eta} left\n{msg}"),
        None => (ProgressBar::no_length(), "{spinner} {pos} requests in {elapsed}\n{msg}"),
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measurement_that_runs_shows_its_rate_percentiles_and_failures() {
        let mut latency = Distribution::default();
        for milliseconds in 1..=100 {
            latency.add(Duration::from_millis(milliseconds));
        }
        let progress = Progress { ended: 102, failed: 2, latency: None };
        let text = figures(&latency, progress, Duration::from_secs(4));
        assert_eq!(text, "25.5 /s   p50 50.0 ms   p95 95.0 ms   p99 99.0 ms   2 failed");
    }
}
