//! Which idle environment gets the next request.

use crate::environment::EnvironmentId;

/// Which of the environments that could take a request gets it.
///
/// Lambda promises nothing; in practice it prefers the environment that was used last, so that the others can go.
/// A test that wants to meet every environment takes [`Routing::RoundRobin`] with `spread`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Routing {
    /// The one that served last, as Lambda mostly does.
    #[default]
    MostRecentlyUsed,
    /// The one that has waited longest.
    RoundRobin,
    /// Any, the same sequence for the same seed.
    Random {
        /// Where the sequence starts.
        seed: u64,
    },
}

/// A candidate: an environment, and when it was used last (a counter, not a time).
pub(crate) type Candidate = (EnvironmentId, u64);

/// Chooses, and remembers where in the random sequence it is.
#[derive(Debug)]
pub(crate) struct Chooser {
    routing: Routing,
    state: u64,
}

impl Chooser {
    pub(crate) fn new(routing: Routing) -> Self {
        let state = match routing {
            Routing::Random { seed } => seed,
            Routing::MostRecentlyUsed | Routing::RoundRobin => 0,
        };
        Chooser { routing, state }
    }

    pub(crate) fn choose(&mut self, candidates: &[Candidate]) -> Option<EnvironmentId> {
        let chosen = match self.routing {
            Routing::MostRecentlyUsed => candidates.iter().max_by_key(|(_, used)| *used),
            Routing::RoundRobin => candidates.iter().min_by_key(|(_, used)| *used),
            Routing::Random { .. } => {
                let count = u64::try_from(candidates.len()).unwrap_or(u64::MAX).max(1);
                usize::try_from(self.next_random() % count).ok().and_then(|index| candidates.get(index))
            }
        };
        chosen.map(|(id, _)| *id)
    }

    /// SplitMix64: repeatable, and good enough to spread requests.
    fn next_random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates() -> Vec<Candidate> {
        vec![(EnvironmentId(1), 7), (EnvironmentId(2), 9), (EnvironmentId(3), 8)]
    }

    #[test]
    fn most_recently_used_and_round_robin_are_opposites() {
        assert_eq!(Chooser::new(Routing::MostRecentlyUsed).choose(&candidates()), Some(EnvironmentId(2)));
        assert_eq!(Chooser::new(Routing::RoundRobin).choose(&candidates()), Some(EnvironmentId(1)));
    }

    #[test]
    fn the_same_seed_makes_the_same_choices_and_meets_every_environment() {
        let choices = |seed| {
            let mut chooser = Chooser::new(Routing::Random { seed });
            (0..40).map(|_| chooser.choose(&candidates())).collect::<Vec<_>>()
        };
        assert_eq!(choices(1), choices(1));
        assert_ne!(choices(1), choices(2));
        for id in 1..=3 {
            assert!(choices(1).contains(&Some(EnvironmentId(id))));
        }
    }

    #[test]
    fn no_environment_is_chosen_when_there_is_none() {
        for routing in [Routing::MostRecentlyUsed, Routing::RoundRobin, Routing::Random { seed: 3 }] {
            assert_eq!(Chooser::new(routing).choose(&[]), None);
        }
    }
}
