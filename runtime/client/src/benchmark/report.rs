//! Reports of measurements: text, JSON, and a page of HTML with charts.

use maud::{Markup, html};

use super::{
    compare::Comparison,
    measured::{Distribution, Measured},
};
use crate::check::report::{Tile, page, tiles};

/// The shares of the percentiles that are shown.
const SHARES: [(&str, f64); 6] =
    [("p50", 0.5), ("p75", 0.75), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p99.9", 0.999)];

/// The measurement as lines of text.
#[must_use]
pub fn text(measured: &Measured) -> String {
    let mut text = format!("{}\n{}\n\n", measured.title, how(measured));
    text.push_str(&format!(
        "requests {:>10}   succeeded {:>10}   failed {:>8}   per second {:.1}\n",
        measured.requests,
        measured.succeeded,
        measured.requests - measured.succeeded,
        measured.throughput()
    ));
    if measured.unsent > 0 {
        text.push_str(&format!(
            "{} requests had no time to begin: the server is slower than the rate\n",
            measured.unsent
        ));
    }
    text.push_str(&format!("\n{:<26}{:>9}{:>9}", "milliseconds", "min", "mean"));
    SHARES.iter().for_each(|(name, _)| text.push_str(&format!("{name:>9}")));
    text.push_str(&format!("{:>9}\n", "max"));
    for (name, distribution) in rows(measured) {
        text.push_str(&format!("{name:<26}{:>9.2}{:>9.2}", distribution.min(), distribution.mean()));
        SHARES
            .iter()
            .for_each(|(_, share)| text.push_str(&format!("{:>9.2}", distribution.quantile(*share))));
        text.push_str(&format!("{:>9.2}\n", distribution.max()));
    }
    if !measured.cold.is_empty() || measured.warm > 0 {
        text.push_str(&format!(
            "\ncold starts: {} of {}\n",
            measured.cold.len(),
            measured.cold.len() + measured.warm
        ));
    }
    measured.failures.iter().for_each(|(kind, count)| text.push_str(&format!("\n{count:>8} x {kind}")));
    text
}

/// How the load was made, in words.
fn how(measured: &Measured) -> String {
    match measured.rate {
        Some(rate) => format!(
            "open loop: {rate} requests per second, at most {} at the same time; latency counts from the time at which a request was to begin",
            measured.concurrency
        ),
        None => format!(
            "closed loop: {} requests at the same time; latency counts from the beginning of a request",
            measured.concurrency
        ),
    }
}

fn rows(measured: &Measured) -> Vec<(&'static str, &Distribution)> {
    let mut rows = vec![("latency", &measured.latency)];
    if measured.rate.is_some() {
        rows.push(("from when it did begin", &measured.service));
    }
    rows.push(("first event or byte", &measured.first_event));
    if !measured.cold.is_empty() {
        rows.push(("latency of cold starts", &measured.cold));
    }
    rows
}

/// The measurement as JSON, with a line break at its end. [`compare`](super::compare) reads it back.
///
/// # Errors
///
/// When it cannot be written; every measurement can.
pub fn json(measured: &Measured) -> Result<String, serde_json::Error> {
    Ok(serde_json::to_string_pretty(measured)? + "\n")
}

/// A comparison as lines of text.
#[must_use]
pub fn comparison(comparison: &Comparison) -> String {
    let mut text = format!(
        "{:<8}{:>12}{:>12}{:>12}   95 % interval of the difference\n",
        "ms", "first", "second", "difference"
    );
    for one in &comparison.differences {
        let verdict = match (one.is_clear(), one.interval.0 > 0.0) {
            (false, _) => "may be chance",
            (true, true) => "the second is slower",
            (true, false) => "the second is faster",
        };
        text.push_str(&format!(
            "{:<8}{:>12.2}{:>12.2}{:>+12.2}   {:+.2} to {:+.2}: {verdict}\n",
            one.figure,
            one.first,
            one.second,
            one.second - one.first,
            one.interval.0,
            one.interval.1
        ));
    }
    text.push_str("Poisson bootstrap of 2,000 draws; requests are taken to be independent\n");
    text
}

/// The measurement as a page that needs no other file and no script.
#[must_use]
pub fn html(measured: &Measured) -> String {
    let failed = measured.requests - measured.succeeded;
    let tile = |name, value: String, class| Tile { name, value, class };
    let figures = [
        tile("requests per second", format!("{:.1}", measured.throughput()), ""),
        tile("p50, ms", format!("{:.2}", measured.latency.quantile(0.5)), ""),
        tile("p99, ms", format!("{:.2}", measured.latency.quantile(0.99)), ""),
        tile("failed", failed.to_string(), if failed > 0 { "failed" } else { "passed" }),
    ];
    let body = html! {
        h1 { (measured.title) }
        p.soft { (how(measured)) }
        (tiles(&figures))
        h2 { "Latency by percentile" }
        div.chart tabindex="0" { (percentiles(&measured.latency)) }
        h2 { "Answers in each second" }
        div.chart tabindex="0" { (seconds(&measured.each_second)) }
        h2 { "Milliseconds" }
        (table(measured))
        @if measured.unsent > 0 {
            p.reason { (measured.unsent) " requests had no time to begin: the server is slower than the rate." }
        }
        @if !measured.cold.is_empty() || measured.warm > 0 {
            p { "Cold starts: " (measured.cold.len()) " of " (measured.cold.len() + measured.warm) "." }
        }
        @if !measured.failures.is_empty() {
            h2 { "Failures" }
            table {
                thead { tr { th { "kind" } th { "count" } } }
                tbody { @for (kind, count) in &measured.failures { tr { td { (kind) } td { (count) } } } }
            }
        }
    };
    page(&format!("Measurement of {}", measured.title), &body)
}

fn table(measured: &Measured) -> Markup {
    html! {
        div.wide tabindex="0" {
            table {
                thead { tr { th {} th { "min" } th { "mean" } @for (name, _) in SHARES { th { (name) } } th { "max" } } }
                tbody {
                    @for (name, distribution) in rows(measured) {
                        tr {
                            td { (name) }
                            td { (format!("{:.2}", distribution.min())) }
                            td { (format!("{:.2}", distribution.mean())) }
                            @for (_, share) in SHARES { td { (format!("{:.2}", distribution.quantile(share))) } }
                            td { (format!("{:.2}", distribution.max())) }
                        }
                    }
                }
            }
        }
    }
}

// The width and the height of a chart, and the space for its axes.
const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 70.0;
const BOTTOM: f64 = 24.0;

fn vertical(value: f64, most: f64) -> f64 {
    10.0 + (HEIGHT - BOTTOM - 10.0) * (1.0 - value / most.max(f64::MIN_POSITIVE))
}

/// The curve of the percentiles: each step to the right is a tenth of the requests that are left.
fn percentiles(latency: &Distribution) -> Markup {
    const NINES: f64 = 4.0;
    let most = latency.max();
    let place = |nines: f64| LEFT + (WIDTH - LEFT - 10.0) * nines / NINES;
    let steps = (0..=200).map(|step| f64::from(step) / 200.0 * NINES);
    let points: Vec<String> = steps
        .map(|nines| {
            let value = latency.quantile(1.0 - 10f64.powf(-nines));
            format!("{:.1},{:.1}", place(nines), vertical(value, most))
        })
        .collect();
    let marks = [("0 %", 0.0), ("90 %", 1.0), ("99 %", 2.0), ("99.9 %", 3.0), ("99.99 %", 4.0)];
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label="Latency in milliseconds by percentile" {
            (levels(most, "ms"))
            @for (name, nines) in marks {
                line.grid x1=(place(nines)) x2=(place(nines)) y1="10" y2=(HEIGHT - BOTTOM) {}
                text x=(place(nines)) y=(HEIGHT - 6.0) text-anchor=(if nines == NINES { "end" } else { "middle" }) { (name) }
            }
            polyline.curve points=(points.join(" ")) {}
        }
    }
}

/// A bar for each second.
fn seconds(each: &[u64]) -> Markup {
    // Of a long measurement, seconds are put together, so that the bars are wide enough to see.
    let group = each.len().div_ceil(120).max(1);
    let bars: Vec<f64> =
        each.chunks(group).map(|some| some.iter().sum::<u64>() as f64 / some.len() as f64).collect();
    let most = bars.iter().copied().fold(1.0, f64::max);
    let width = (WIDTH - LEFT - 10.0) / bars.len().max(1) as f64;
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label="Answers in each second" {
            (levels(most, "/s"))
            @for (at, value) in bars.iter().enumerate() {
                rect.bar x=(format!("{:.1}", LEFT + width * at as f64)) y=(format!("{:.1}", vertical(*value, most)))
                    width=(format!("{:.1}", (width - 1.0).max(0.5))) height=(format!("{:.1}", HEIGHT - BOTTOM - vertical(*value, most))) {}
            }
            text x=(LEFT) y=(HEIGHT - 6.0) { "0 s" }
            text x=(WIDTH - 10.0) y=(HEIGHT - 6.0) text-anchor="end" { (each.len()) " s" }
        }
    }
}

/// The lines across a chart, and what they stand for.
fn levels(most: f64, unit: &str) -> Markup {
    html! {
        @for step in 0..=4 {
            @let value = most * f64::from(step) / 4.0;
            line.grid x1=(LEFT) x2=(WIDTH - 10.0) y1=(vertical(value, most)) y2=(vertical(value, most)) {}
            text x=(LEFT - 8.0) y=(vertical(value, most) + 4.0) text-anchor="end" { (format!("{value:.1} {unit}")) }
        }
    }
}
