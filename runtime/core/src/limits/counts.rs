//! What each caller has open.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::Hash,
};

/// Numbers by the key of their caller. Callers choose parts of some keys, such as a session's id, so the hash has a random key
/// of this process.
pub(super) struct Counts<K>(HashMap<K, usize, ahash::RandomState>);

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self(HashMap::default())
    }
}

impl<K: Eq + Hash> Counts<K> {
    /// Counts more, unless the caller would then have more than `limit`.
    pub(super) fn add(&mut self, key: K, more: usize, limit: usize) -> bool {
        match self.0.entry(key) {
            Entry::Occupied(mut count) => {
                let sum = count.get().saturating_add(more);
                if sum <= limit {
                    *count.get_mut() = sum;
                }
                sum <= limit
            }
            Entry::Vacant(count) => {
                if more <= limit {
                    count.insert(more);
                }
                more <= limit
            }
        }
    }

    /// Counts less. The number of callers is not bounded, so nothing is kept of those who have nothing open.
    pub(super) fn remove(&mut self, key: K, less: usize) {
        if let Entry::Occupied(mut count) = self.0.entry(key) {
            let rest = count.get().saturating_sub(less);
            if rest == 0 {
                count.remove();
            } else {
                *count.get_mut() = rest;
            }
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_has_as_many_as_the_limit_and_nothing_is_kept_of_one_that_has_none() {
        let mut counts = Counts::default();
        assert!(counts.add("ada", 2, 3) && !counts.add("ada", 2, 3) && counts.add("ada", 1, 3));
        assert!(!counts.add("ada", 1, 3) && counts.add("grace", 3, 3));
        assert!(!counts.add("alan", 1, 0) && !counts.add("ada", usize::MAX, 3));
        counts.remove("ada", 1);
        assert!(counts.add("ada", 1, 3));
        counts.remove("ada", 3);
        counts.remove("grace", 3);
        counts.remove("alan", 1);
        assert!(counts.is_empty());
    }
}
