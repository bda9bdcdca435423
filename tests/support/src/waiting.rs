//! Waiting for what another task, thread or process does on its own.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// No wait of a test may be longer.
pub const SOON: Duration = Duration::from_secs(10);

/// Waits until something has happened, and fails the test if it has not [`SOON`].
pub async fn eventually(what: &str, mut happened: impl FnMut() -> bool) {
    let end = Instant::now() + SOON;
    while !happened() {
        assert!(Instant::now() < end, "never: {what}");
        sleep(Duration::from_millis(2)).await;
    }
}
