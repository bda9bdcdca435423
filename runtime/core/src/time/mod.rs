//! Time: the wall clock, for expiry, and deadlines, for everything that waits.

mod clock;
mod deadline;

pub(crate) use clock::log_time;
pub use clock::{Clock, Timestamp};
pub use deadline::Deadline;
