//! The trace header of the invocation that runs: `X-Amzn-Trace-Id` of the calls that it makes.
//!
//! Lambda stops a loop of functions that invoke each other by this header, and X-Ray links the traces by it:
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html> (read 2026-11-26). Runtimes pass it to the
//! AWS SDK in the variable `_X_AMZN_TRACE_ID`, which is one for the whole process; here each invocation has its own.

use http::HeaderValue;
use tokio::task::futures::TaskLocalFuture;
use tracing::Instrument;

/// The length of a trace id: <https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html> (read 2026-11-27).
const LONGEST_TRACE_ID: usize = 35;

tokio::task_local! {
    // Ambient, because an SDK gives its interceptors no argument of their caller.
    static TRACE_HEADER: Option<HeaderValue>;
}

/// Runs an invocation with its trace header.
pub fn with_trace_header<F: Future>(
    header: Option<HeaderValue>,
    invocation: F,
) -> TaskLocalFuture<Option<HeaderValue>, F> {
    TRACE_HEADER.scope(header, invocation)
}

/// The trace header of the invocation that runs. `None` outside of one.
#[must_use]
pub fn trace_header() -> Option<HeaderValue> {
    TRACE_HEADER.try_with(Clone::clone).ok().flatten()
}

/// Keeps the trace header and the span of the invocation that runs for a future that is spawned on behalf of it.
pub(crate) fn in_this_trace<F: Future>(spawned: F) -> impl Future<Output = F::Output> {
    #[cfg(feature = "metrics")]
    let spawned = super::RoundTrips::current().of(spawned);
    TRACE_HEADER.scope(trace_header(), spawned.in_current_span())
}

/// The trace id of X-Ray, which a trace header contains: `1-5e6722a7-cc56d6c46db7ae02d4da47e0`.
#[must_use]
pub fn trace_id(header: &HeaderValue) -> Option<&str> {
    let root = header.to_str().ok()?.split(';').find_map(|part| part.trim().strip_prefix("Root="))?;
    (root.len() <= LONGEST_TRACE_ID).then_some(root)
}
