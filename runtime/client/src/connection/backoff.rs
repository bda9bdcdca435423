//! Pauses between tries.

use std::time::Duration;

use tokio::time::Instant;

const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(5);

/// The pauses of one request: 200 ms, doubled up to 5 s, until its time is over.
#[derive(Debug)]
pub(super) struct Backoff {
    end: Instant,
    next: Duration,
}

impl Backoff {
    pub(super) fn new(total: Duration) -> Self {
        Self { end: Instant::now() + total, next: FIRST }
    }

    /// The next pause, at least `wanted`; `None` when the time would be over before it ends.
    pub(super) fn pause(&mut self, wanted: Option<Duration>) -> Option<Duration> {
        let pause = self.next.max(wanted.unwrap_or_default());
        self.next = (self.next * 2).min(LONGEST);
        (Instant::now() + pause <= self.end).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_to_five_seconds_and_end_with_the_time() {
        let mut backoff = Backoff::new(Duration::from_secs(30));
        let mut pauses = Vec::new();
        while let Some(pause) = backoff.pause(None) {
            tokio::time::sleep(pause).await;
            pauses.push(pause.as_millis());
        }
        assert_eq!(pauses, [200, 400, 800, 1600, 3200, 5000, 5000, 5000, 5000]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_can_ask_for_a_longer_pause_but_not_for_more_time() {
        let mut backoff = Backoff::new(Duration::from_secs(30));
        assert_eq!(backoff.pause(Some(Duration::from_secs(9))), Some(Duration::from_secs(9)));
        assert_eq!(backoff.pause(Some(Duration::from_secs(31))), None);
    }
}
