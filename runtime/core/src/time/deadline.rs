//! When something must have ended. Every wait takes one as an argument.

use std::time::Duration;

use tokio::time::Instant;

/// A point in time, with the length it was budget, for the text of the error.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    at: Instant,
    budget: Duration,
}

impl Deadline {
    /// `budget` from now.
    #[must_use]
    pub fn after(budget: Duration) -> Self {
        Self { at: Instant::now() + budget, budget }
    }

    /// The earlier of this one and `budget` from now.
    #[must_use]
    pub fn capped(self, budget: Duration) -> Self {
        let other = Self::after(budget);
        if other.at < self.at { other } else { self }
    }

    /// The same, `margin` sooner: what must be done by then has to be begun before.
    #[must_use]
    pub fn minus(self, margin: Duration) -> Self {
        let at = self.at.checked_sub(margin).unwrap_or(self.at).max(Instant::now().min(self.at));
        Self { at, budget: self.budget.saturating_sub(margin) }
    }

    /// When.
    #[must_use]
    pub fn instant(self) -> Instant {
        self.at
    }

    /// How long is left.
    #[must_use]
    pub fn remaining(self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// How long it was.
    #[must_use]
    pub fn budget(self) -> Duration {
        self.budget
    }
}
