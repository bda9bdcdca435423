//! When something must have ended. Every wait takes one as an argument.

use std::time::Duration;

use tokio::time::Instant;

/// A point in time, with the length it was given, for the text of the error.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    at: Instant,
    given: Duration,
}

impl Deadline {
    /// `given` from now.
    #[must_use]
    pub fn after(given: Duration) -> Self {
        Self { at: Instant::now() + given, given }
    }

    /// The earlier of this one and `given` from now.
    #[must_use]
    pub fn at_most(self, given: Duration) -> Self {
        let other = Self::after(given);
        if other.at < self.at { other } else { self }
    }

    /// The same, `margin` sooner: what must be done by then has to be begun before.
    #[must_use]
    pub fn sooner(self, margin: Duration) -> Self {
        let at = self.at.checked_sub(margin).unwrap_or(self.at).max(Instant::now().min(self.at));
        Self { at, given: self.given.saturating_sub(margin) }
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
    pub fn given(self) -> Duration {
        self.given
    }
}
