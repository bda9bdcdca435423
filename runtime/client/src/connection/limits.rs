//! What a connection holds, and for how long it tries.

use std::time::Duration;

/// What a connection holds at most, and how long it tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The largest message of the server, in bytes. A larger one ends its request with an error. Default: 256 MiB, more than
    /// Lambda streams.
    pub message_bytes: usize,
    /// Requests that run at a time; one more is refused with an error. Default: 2,048.
    pub requests: usize,
    /// How long a request is tried again that did not reach the server, or that repeats nothing. Default: 60 s.
    pub retry_for: Duration,
    /// How long requests may still run when the client has sent its last message; listen streams end at once. Default: 5 s.
    pub finish: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: 256 * 1024 * 1024,
            requests: 2048,
            retry_for: Duration::from_secs(60),
            finish: Duration::from_secs(5),
        }
    }
}
