//! Two measurements beside each other: is one faster, or is it chance?

use serde::Serialize;

use super::measured::{Measured, milliseconds};

/// How often the samples are drawn again.
const DRAWS: usize = 2_000;
/// The same seed each time: the same two files give the same answer.
const SEED: u64 = 0x6d63_702d_6c61_6d62;

/// One figure of two measurements.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// `mean`, `p50`, `p90` or `p99`.
    pub figure: &'static str,
    /// The figure of the first, in milliseconds.
    pub first: f64,
    /// The figure of the second.
    pub second: f64,
    /// The second less the first: the limits of the 95 % confidence interval.
    pub interval: (f64, f64),
}

impl Difference {
    /// Whether the interval leaves out 0, so that the difference is hardly chance.
    #[must_use]
    pub fn is_clear(&self) -> bool {
        self.interval.0 > 0.0 || self.interval.1 < 0.0
    }
}

/// What two measurements differ in.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Each figure.
    pub differences: Vec<Difference>,
}

/// Compares the latencies of two measurements: a Poisson bootstrap with 2,000 draws, which gives 95 % confidence
/// intervals of the differences of the mean and of percentiles. It assumes that the requests of a measurement are
/// independent; two measurements that follow each other on a busy machine are not, and differ more than it says.
#[must_use]
pub fn compare(first: &Measured, second: &Measured) -> Comparison {
    let mut random = fastrand::Rng::with_seed(SEED);
    let (one, two) = (first.latency.counts(), second.latency.counts());
    let mut drawn: Vec<[f64; 4]> = (0..DRAWS)
        .map(|_| {
            let (a, b) = (figures(&again(&one, &mut random)), figures(&again(&two, &mut random)));
            std::array::from_fn(|at| b[at] - a[at])
        })
        .collect();
    let (a, b) = (figures(&one), figures(&two));
    let differences = ["mean", "p50", "p90", "p99"].into_iter().enumerate().map(|(at, figure)| {
        drawn.sort_by(|left, right| left[at].total_cmp(&right[at]));
        let limit = |share: usize| drawn.get(DRAWS * share / 1000).map_or(0.0, |draw| draw[at]);
        Difference { figure, first: a[at], second: b[at], interval: (limit(25), limit(975)) }
    });
    Comparison { differences: differences.collect() }
}

/// Draws a sample again: each count is replaced by a Poisson number with that mean.
fn again(counts: &[(u64, u64)], random: &mut fastrand::Rng) -> Vec<(u64, u64)> {
    counts.iter().map(|(value, count)| (*value, poisson(*count, random))).collect()
}

/// A Poisson number: exact for small means, and by the normal distribution for large ones.
fn poisson(mean: u64, random: &mut fastrand::Rng) -> u64 {
    let mean = mean as f64;
    if mean > 50.0 {
        // Box and Muller's way from two even numbers to a normal one.
        let (one, two) = (1.0 - random.f64(), random.f64());
        let normal = (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * two).cos();
        return (mean + mean.sqrt() * normal).round().max(0.0) as u64;
    }
    let limit = (-mean).exp();
    let (mut count, mut product) = (0, random.f64());
    while product > limit {
        count += 1;
        product *= random.f64();
    }
    count
}

/// The mean and the percentiles of counted values, in milliseconds.
fn figures(counts: &[(u64, u64)]) -> [f64; 4] {
    let total: u64 = counts.iter().map(|(_, count)| count).sum();
    let sum: f64 = counts.iter().map(|(value, count)| milliseconds(*value) * *count as f64).sum();
    let quantile = |share: f64| {
        let wanted = (total as f64 * share).ceil().max(1.0);
        let mut seen = 0.0;
        let found = counts.iter().find(|(_, count)| {
            seen += *count as f64;
            seen >= wanted
        });
        found.map_or(0.0, |(value, _)| milliseconds(*value))
    };
    [if total == 0 { 0.0 } else { sum / total as f64 }, quantile(0.5), quantile(0.9), quantile(0.99)]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{super::measured::Distribution, *};

    fn measured(millis: impl Iterator<Item = u64>) -> Measured {
        let mut latency = Distribution::default();
        millis.for_each(|one| latency.add(Duration::from_millis(one)));
        Measured { latency, ..Measured::default() }
    }

    #[test]
    fn equal_measurements_do_not_differ_clearly() {
        let sample = || measured((0..400).map(|at| 10 + at % 40));
        let comparison = compare(&sample(), &sample());
        assert!(comparison.differences.iter().all(|one| !one.is_clear()), "{comparison:?}");
    }

    #[test]
    fn a_server_that_is_slower_by_ten_milliseconds_is_clearly_slower_by_about_ten() {
        let (fast, slow) =
            (measured((0..400).map(|at| 10 + at % 40)), measured((0..400).map(|at| 20 + at % 40)));
        let comparison = compare(&fast, &slow);
        let mean = &comparison.differences[0];
        assert!(mean.is_clear() && mean.interval.0 > 7.0 && mean.interval.1 < 13.0, "{mean:?}");
        let median = &comparison.differences[1];
        assert!((median.second - median.first - 10.0).abs() < 0.5, "{median:?}");
    }

    #[test]
    fn nothing_measured_is_nothing_different() {
        let comparison = compare(&Measured::default(), &Measured::default());
        assert!(
            comparison.differences.iter().all(|one| one.first == 0.0 && !one.is_clear()),
            "{comparison:?}"
        );
    }
}
