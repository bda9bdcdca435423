//! How long events take to the streams that wait for them.

use crate::{
    metrics::Metrics,
    time::{Clock, Timestamp},
};

/// Measures the time from an event to its first byte on one stream.
pub(super) struct EventLag {
    metrics: Metrics,
    clock: Clock,
    opened: Timestamp,
}

impl EventLag {
    /// Begins with the stream.
    pub(super) fn new(metrics: Metrics, clock: Clock) -> Self {
        Self { opened: clock.now(), metrics, clock }
    }

    /// An event that was published at this time is sent. One from before the stream has waited for the client to come back.
    pub(super) fn sent(&self, published: Timestamp) {
        if published >= self.opened {
            self.metrics.event_sent(self.clock.now().since(published));
        }
    }
}
