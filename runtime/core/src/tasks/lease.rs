//! The right of one worker to run a task.

use std::time::Duration;

use crate::time::Timestamp;

/// The right of one worker to run a task. The token is the fence: each claim gives a higher one, and a write with any
/// other than the highest is refused. So a worker that was frozen, and thaws when another one has taken over, changes
/// nothing, even if the clocks of the two disagree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lease {
    /// The fencing token.
    pub token: u64,
    /// When other workers may claim the task, unless it is extended.
    pub until: Timestamp,
}

/// How a worker holds a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeaseTerms {
    /// How long a lease lasts from its claim and from each heartbeat. Default: 60 s.
    pub length: Duration,
    /// How often a task is tried, when its workers end without a word. Default: 5.
    pub attempts: u32,
}

impl Default for LeaseTerms {
    fn default() -> Self {
        Self { length: Duration::from_secs(60), attempts: 5 }
    }
}
