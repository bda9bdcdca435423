//! The table of results.

use std::time::Duration;

use crate::run::{Deployment, Outcome};

/// On-demand prices of us-east-1, in dollars: <https://aws.amazon.com/dynamodb/pricing/on-demand/> (read 2026-11-20).
const READ_UNIT: f64 = 0.125 / 1e6;
const WRITE_UNIT: f64 = 0.625 / 1e6;

pub(crate) fn head() {
    println!(
        "| streams | per process | events/s | replicas | p50 ms | p99 ms | append p99 ms | polls/s | read units per stream-hour | $/h reads | $/h writes | fullest partition | throttled/s | refused |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
}

#[expect(clippy::cast_precision_loss, reason = "a report")]
pub(crate) fn line(deployment: &Deployment, outcome: &Outcome) {
    let streams = deployment.processes * deployment.per_process;
    let seconds = deployment.duration.as_secs_f64();
    let tally = &outcome.tally;
    let per_hour = |count: f64| count / seconds * 3600.0;
    println!(
        "| {streams} | {} | {} | {} | {} | {} | {} | {:.0} | {:.0} | {:.3} | {:.3} | {:.0} % | {:.0} | {} of {} |",
        deployment.per_process,
        deployment.rate,
        deployment.replicas,
        quantile(&outcome.latencies, 0.5),
        quantile(&outcome.latencies, 0.99),
        quantile(&outcome.appends, 0.99),
        tally.polls as f64 / seconds,
        per_hour(tally.read_units) / streams as f64,
        per_hour(tally.read_units) * READ_UNIT,
        per_hour(tally.write_units) * WRITE_UNIT,
        tally.peak * 100.0,
        tally.throttled as f64 / seconds,
        outcome.refused,
        outcome.published,
    );
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an index"
)]
fn quantile(sorted: &[Duration], share: f64) -> String {
    let index = ((sorted.len() as f64 * share).ceil() as usize).saturating_sub(1);
    sorted.get(index).map_or_else(|| "-".to_owned(), |value| value.as_millis().to_string())
}
