//! Waiting in a process that Lambda freezes.

use std::time::Duration;

use tokio::time::sleep;

/// The longest sleep without a look at how much time is left.
const STEP: Duration = Duration::from_millis(250);

/// Waits until the process has run for so long. The clock goes on while the process is frozen, and a child is frozen with it: so a
/// freeze counts as one step at most.
pub(crate) async fn run_time(mut left: Duration) {
    while !left.is_zero() {
        let step = left.min(STEP);
        sleep(step).await;
        left -= step;
    }
}

/// Waits for something, for as long as the process runs so long. `None`: it took longer.
pub(crate) async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        done = work => Some(done),
        () = run_time(limit) => None,
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, advance};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_freeze_takes_little_of_the_time_that_is_left() {
        let began = Instant::now();
        let waiting = run_time(Duration::from_secs(2));
        tokio::pin!(waiting);
        assert!(futures::poll!(&mut waiting).is_pending());
        advance(Duration::from_secs(3600)).await;
        waiting.await;
        let ran = began.elapsed() - Duration::from_secs(3600);
        assert!(ran >= Duration::from_millis(1750) && ran <= Duration::from_secs(2), "{ran:?}");
    }
}
