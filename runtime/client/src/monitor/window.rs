//! The last samples of an endpoint.

use std::collections::VecDeque;

use super::sample::Sample;

/// The last samples of an endpoint, and counts of all samples.
#[derive(Debug, Clone)]
pub struct Window {
    samples: VecDeque<Sample>,
    capacity: usize,
    checks: u64,
    failures: u64,
}

impl Window {
    /// The most samples that a window keeps.
    pub const LARGEST: usize = 10_000;

    /// A window of so many samples: at least one, and [`LARGEST`](Self::LARGEST) at most.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.clamp(1, Self::LARGEST);
        Self { samples: VecDeque::new(), capacity, checks: 0, failures: 0 }
    }

    /// Adds a sample; the oldest one leaves a window that is full.
    pub fn push(&mut self, sample: Sample) {
        self.checks += 1;
        self.failures += u64::from(sample.failure.is_some());
        if self.samples.len() == self.capacity {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
    }

    /// The last sample.
    #[must_use]
    pub fn last(&self) -> Option<&Sample> {
        self.samples.back()
    }

    /// The samples, beginning with the oldest.
    pub fn samples(&self) -> impl DoubleEndedIterator<Item = &Sample> {
        self.samples.iter()
    }

    /// How many checks there were since the beginning.
    #[must_use]
    pub fn checks(&self) -> u64 {
        self.checks
    }

    /// How many of them failed.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures
    }

    /// The share of the checks in the window that succeeded, in percent. `None` without checks.
    #[must_use]
    pub fn availability(&self) -> Option<f64> {
        let failed = self.samples.iter().filter(|sample| sample.failure.is_some()).count();
        let share = |all: usize| 100.0 * (all - failed) as f64 / all as f64;
        (!self.samples.is_empty()).then(|| share(self.samples.len()))
    }

    /// The latency in milliseconds that this share (0 to 1) of the successes in the window did not exceed. `None` without any.
    #[must_use]
    pub fn latency(&self, share: f64) -> Option<f64> {
        quantile(self.samples.iter().filter_map(|sample| sample.latency_ms), share)
    }

    /// The same of the event lag.
    #[must_use]
    pub fn event_lag(&self, share: f64) -> Option<f64> {
        quantile(self.samples.iter().filter_map(|sample| sample.event_lag_ms), share)
    }
}

/// The nearest rank.
fn quantile(values: impl Iterator<Item = f64>, share: f64) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let rank = (share.clamp(0.0, 1.0) * values.len() as f64).ceil() as usize;
    values.get(rank.max(1) - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn up(latency: f64) -> Sample {
        Sample { latency_ms: Some(latency), ..Sample::default() }
    }

    #[test]
    fn percentiles_and_availability_are_those_of_the_last_samples() {
        let mut window = Window::new(4);
        assert_eq!((window.availability(), window.latency(0.5)), (None, None));
        window.push(Sample::down("away"));
        for latency in [40.0, 10.0, 30.0] {
            window.push(up(latency));
        }
        assert_eq!(window.availability(), Some(75.0));
        assert_eq!((window.latency(0.5), window.latency(0.95)), (Some(30.0), Some(40.0)));
        window.push(up(20.0));
        assert_eq!(window.availability(), Some(100.0), "the failure has left the window");
        assert_eq!((window.latency(0.0), window.latency(0.5)), (Some(10.0), Some(20.0)));
        assert_eq!((window.checks(), window.failures(), window.samples().count()), (5, 1, 4));
    }

    #[test]
    fn a_window_has_a_largest_size() {
        let mut window = Window::new(usize::MAX);
        (0..Window::LARGEST + 5).for_each(|_| window.push(up(1.0)));
        assert_eq!(window.samples().count(), Window::LARGEST);
    }
}
