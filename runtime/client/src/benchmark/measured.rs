//! The figures of a measurement.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// The longest time that can be recorded, one hour in microseconds; longer ones count as this.
const LONGEST: u64 = 3_600_000_000;

/// How often each duration was measured, in microseconds, to three digits.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "Vec<(u64, u64)>", into = "Vec<(u64, u64)>")]
pub struct Distribution(Histogram<u64>);

impl Default for Distribution {
    fn default() -> Self {
        // Three digits of at least one microsecond and at most an hour: the arguments are valid, so there is no error.
        let histogram = Histogram::new_with_bounds(1, LONGEST, 3);
        Self(histogram.unwrap_or_else(|error| unreachable!("valid bounds are refused: {error}")))
    }
}

impl Distribution {
    pub(crate) fn add(&mut self, duration: std::time::Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(LONGEST);
        self.0.saturating_record(micros.max(1));
    }

    /// How many durations there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The duration, in milliseconds, that this share of all did not exceed. 0 if there are none.
    #[must_use]
    pub fn quantile(&self, share: f64) -> f64 {
        milliseconds(self.0.value_at_quantile(share))
    }

    /// The mean, in milliseconds.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.0.mean() / 1000.0
    }

    /// The longest, in milliseconds.
    #[must_use]
    pub fn max(&self) -> f64 {
        milliseconds(self.0.max())
    }

    /// The shortest, in milliseconds.
    #[must_use]
    pub fn min(&self) -> f64 {
        if self.is_empty() { 0.0 } else { milliseconds(self.0.min()) }
    }

    /// Each duration in microseconds, and how often it was measured.
    pub(super) fn counts(&self) -> Vec<(u64, u64)> {
        self.0.iter_recorded().map(|one| (one.value_iterated_to(), one.count_at_value())).collect()
    }
}

impl From<Vec<(u64, u64)>> for Distribution {
    fn from(counts: Vec<(u64, u64)>) -> Self {
        let mut distribution = Self::default();
        for (value, count) in counts {
            distribution.0.saturating_record_n(value, count);
        }
        distribution
    }
}

impl From<Distribution> for Vec<(u64, u64)> {
    fn from(distribution: Distribution) -> Self {
        distribution.counts()
    }
}

pub(super) fn milliseconds(micros: u64) -> f64 {
    micros as f64 / 1000.0
}

/// What a measurement found.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Measured {
    /// What was asked of which server.
    pub title: String,
    /// The requests per second that were to begin. `None`: as many as were answered.
    pub rate: Option<f64>,
    /// How many requests could run at the same time.
    pub concurrency: usize,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// How many requests were answered, or failed.
    pub requests: u64,
    /// How many of them succeeded.
    pub succeeded: u64,
    /// How many requests were to begin, and had not when the time was over: the server was too slow for the rate.
    pub unsent: u64,
    /// The latency of successes. With a rate it counts from the time at which the request was to begin.
    pub latency: Distribution,
    /// The same from the time at which the request did begin.
    pub service: Distribution,
    /// The time to the first event of a stream, or to the first byte of another body, counted as `latency` is.
    pub first_event: Distribution,
    /// The latency of successes with a response that names a cold start.
    pub cold: Distribution,
    /// How many responses name a warm start.
    pub warm: u64,
    /// How often each kind of failure came.
    pub failures: BTreeMap<String, u64>,
    /// How many requests ended in each second.
    pub each_second: Vec<u64>,
}

impl Measured {
    /// Successes per second.
    #[must_use]
    pub fn throughput(&self) -> f64 {
        if self.seconds > 0.0 { self.succeeded as f64 / self.seconds } else { 0.0 }
    }
}
