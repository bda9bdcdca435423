//! Deadlines. Every function that waits takes one as an argument.

use std::time::Duration;

use tokio::time::Instant;

/// The latest time at which work must end, and the budget that it was given, for the text of an error.
///
/// ```
/// use std::time::Duration;
/// use mcp_lambda_server::Deadline;
///
/// let deadline = Deadline::after(Duration::from_secs(30));
/// assert_eq!(deadline.minus(Duration::from_secs(3)).budget(), Duration::from_secs(27));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    at: Instant,
    budget: Duration,
}

impl Deadline {
    /// Creates a deadline `budget` from now.
    #[must_use]
    pub fn after(budget: Duration) -> Self {
        Self { at: Instant::now() + budget, budget }
    }

    /// Returns the earlier of this deadline and `budget` from now.
    #[must_use]
    pub fn capped(self, budget: Duration) -> Self {
        let other = Self::after(budget);
        if other.at < self.at { other } else { self }
    }

    /// Returns a deadline that is `margin` earlier but not in the past, which leaves `margin` for work at the end.
    #[must_use]
    pub fn minus(self, margin: Duration) -> Self {
        let at = self.at.checked_sub(margin).unwrap_or(self.at).max(Instant::now().min(self.at));
        Self { at, budget: self.budget.saturating_sub(margin) }
    }

    /// Returns the point in time.
    #[must_use]
    pub fn instant(self) -> Instant {
        self.at
    }

    /// Returns the time left; zero once the deadline has passed.
    #[must_use]
    pub fn remaining(self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// Returns the time between the creation of the deadline and the deadline.
    #[must_use]
    pub fn budget(self) -> Duration {
        self.budget
    }
}
