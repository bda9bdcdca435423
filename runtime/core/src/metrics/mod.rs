//! Metrics: what is counted and measured of requests, streams and events, and what a program adds.
//!
//! * [`catalogue`]: the metrics of the server, as `tests/contract/metrics.json` has them.
//! * [`emf`]: a line of the log for each request, of which CloudWatch makes metrics. On Lambda.
//! * [`totals`], [`prometheus`]: the same since the process started, as a page for Prometheus. On a local address.
//! * [`recorder`]: from what happens to the two.
//! * [`program`]: the metrics of a program, and their limits.
//!
//! A program without the feature `metrics` has a [`Metrics`] that does nothing.

#[cfg(feature = "metrics")]
mod catalogue;
#[cfg(feature = "metrics")]
mod emf;
#[cfg(feature = "metrics")]
mod program;
#[cfg(feature = "metrics")]
mod prometheus;
#[cfg(feature = "metrics")]
mod recorder;
#[cfg(all(test, feature = "metrics"))]
mod tests;
#[cfg(feature = "metrics")]
mod totals;
#[cfg(not(feature = "metrics"))]
mod without;

use std::time::Duration;

#[cfg(not(feature = "metrics"))]
pub(crate) use self::without::Metrics;
#[cfg(feature = "metrics")]
pub use self::{program::Unit, recorder::Metrics};
#[cfg(feature = "metrics")]
pub(crate) use self::{
    prometheus::page,
    recorder::{MetricsParts, WriteLine},
};

/// A step of a task that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TaskStep {
    Created,
    /// Its first worker has begun.
    Begun {
        waited: Duration,
    },
    /// `completed`, `failed` or `cancelled`, so long after it was created.
    Ended {
        status: &'static str,
        took: Duration,
    },
}

/// What is measured of one request that was served.
#[cfg(feature = "metrics")]
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Measured<'a> {
    /// The method of MCP. `None`: the request could not be read, or has none.
    pub(crate) method: Option<&'a str>,
    /// The tool of `tools/call`, as the client names it.
    pub(crate) tool: Option<&'a str>,
    /// Whether the response is a JSON-RPC error.
    pub(crate) is_fault: bool,
    /// Whether a tool's result has `isError`.
    pub(crate) is_tool_error: bool,
    /// From the request to the last byte of its response. `None` for a stream that waits for events.
    pub(crate) duration: Option<Duration>,
    /// The size of the response body.
    pub(crate) bytes: u64,
    /// Whether the request came with the first invocation of its environment.
    pub(crate) is_cold_start: bool,
    /// The calls to the store.
    pub(crate) round_trips: u64,
}
