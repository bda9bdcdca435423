//! Clocks: the only reader of them in this crate.
#![expect(clippy::disallowed_methods, reason = "measuring time is what this crate is for")]

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A moment on the clock that only this process reads, and never goes back.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Nanoseconds since 1970: a clock that the measured processes read too.
pub(crate) fn wall_ns() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos()
}

/// Milliseconds since 1970, as `Lambda-Runtime-Deadline-Ms` counts them.
pub(crate) fn wall_ms() -> u128 {
    wall_ns() / 1_000_000
}
