//! Metrics of a program without them: nothing.

use std::time::Duration;

use super::TaskStep;

/// Metrics that are not recorded.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics;

#[expect(clippy::unused_self, reason = "as the metrics of a program that has them")]
impl Metrics {
    pub(crate) fn stream_opened(&self) {}

    pub(crate) fn stream_closed(&self) {}

    pub(crate) fn stream_refused(&self) {}

    pub(crate) fn event_sent(&self, _: Duration) {}

    pub(crate) fn task(&self, _: &str, _: TaskStep) {}
}
