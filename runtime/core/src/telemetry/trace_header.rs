//! The trace header of the invocation that runs: `X-Amzn-Trace-Id` of the calls that it makes.
//!
//! Lambda stops a loop of functions that invoke each other by this header, and X-Ray links the traces by it:
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html> (read 2026-11-26). Runtimes pass it to the
//! AWS SDK in the variable `_X_AMZN_TRACE_ID`, which is one for the whole process; here each invocation has its own.

use http::HeaderValue;
use tokio::task::futures::TaskLocalFuture;

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

/// Keeps the trace header of the invocation that runs for a future that is spawned on behalf of it.
pub(crate) fn in_this_trace<F: Future>(spawned: F) -> TaskLocalFuture<Option<HeaderValue>, F> {
    TRACE_HEADER.scope(trace_header(), spawned)
}
