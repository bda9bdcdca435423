//! Medians, quantiles, ratios.

use serde::Serialize;

/// Numbers of one kind about one target, by round.
#[derive(Default)]
pub(crate) struct Series {
    rounds: Vec<Vec<f64>>,
}

/// The figures of a series in a table.
#[derive(Serialize, Clone, Copy)]
pub(crate) struct Summary {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) min: f64,
    pub(crate) samples: usize,
}

impl Series {
    /// Begins a round: samples of the same round are compared with each other.
    pub(crate) fn round(&mut self, samples: Vec<f64>) {
        self.rounds.push(samples);
    }

    pub(crate) fn summary(&self) -> Summary {
        let mut all: Vec<f64> = self.rounds.iter().flatten().copied().collect();
        all.sort_by(f64::total_cmp);
        Summary {
            p50: quantile(&all, 0.5),
            p99: quantile(&all, 0.99),
            min: quantile(&all, 0.0),
            samples: all.len(),
        }
    }

    /// The share of samples of at least `least`.
    pub(crate) fn share_from(&self, least: f64) -> f64 {
        let all = self.rounds.iter().flatten();
        let (count, long) =
            all.fold((0_u32, 0_u32), |(count, long), sample| (count + 1, long + u32::from(*sample >= least)));
        f64::from(long) / f64::from(count.max(1))
    }

    /// How many times `other` this is: the median over rounds of the ratio of their medians. What disturbs one round
    /// disturbs both sides of its ratio.
    pub(crate) fn ratio(&self, other: &Self) -> f64 {
        let pairs = self.rounds.iter().zip(&other.rounds);
        median(pairs.map(|(own, other)| median(own.clone()) / median(other.clone())).collect())
    }
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    quantile(&samples, 0.5)
}

/// The value below which a share of sorted samples lies; not a number if there are none.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index of a list that fits in memory"
    )]
    let at = ((sorted.len() as f64 - 1.0).max(0.0) * share).round() as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::Series;

    #[test]
    fn a_disturbed_round_does_not_move_a_ratio() {
        let (mut own, mut other) = (Series::default(), Series::default());
        for (a, b) in [(1.0, 2.0), (100.0, 200.0), (1.0, 2.0), (9.0, 2.0), (1.0, 2.0)] {
            own.round(vec![a; 3]);
            other.round(vec![b; 3]);
        }
        assert!((own.ratio(&other) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn quantiles_are_samples() {
        let mut series = Series::default();
        series.round((1..=100).map(f64::from).collect());
        let summary = series.summary();
        assert_eq!((summary.min, summary.p50, summary.p99), (1.0, 51.0, 99.0));
        assert!((series.share_from(91.0) - 0.1).abs() < 1e-9);
    }
}
