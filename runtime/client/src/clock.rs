//! The wall clock: the only file that reads it.

use std::time::SystemTime;

/// Returns the time of the wall clock.
#[expect(clippy::disallowed_methods, reason = "this is the one reader of the wall clock")]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}
