//! The log of the server, and the trace of an invocation.

mod around;
mod attempt_span;
#[cfg(feature = "otel")]
mod call_span;
mod deferred_span;
mod lazy;
mod logs;
#[cfg(feature = "metrics")]
mod metric_lines;
mod payloads;
mod plain_lines;
mod repeated;
mod request_line;
#[cfg(feature = "otel")]
mod request_tracer;
#[cfg(feature = "metrics")]
mod round_trips;
mod served_request;
mod spans;
mod text;
mod trace_context;
mod trace_header;
mod writer;

pub(crate) use around::outside_of_deferred;
pub(crate) use attempt_span::{AttemptSpan, TaskTracing};
pub use deferred_span::{DeferredSpan, WithinSpan};
pub use logs::{Beside, Logs, init as init_logs};
#[cfg(feature = "metrics")]
pub(crate) use metric_lines::MetricLines;
pub(crate) use payloads::Payloads;
pub(crate) use repeated::Repeated;
pub(crate) use request_line::RequestLines;
#[cfg(feature = "otel")]
pub(crate) use request_tracer::Tracing;
#[cfg(feature = "otel")]
pub use request_tracer::{BegunCall, EndedCall, RequestSpan, RequestTracer};
#[cfg(feature = "metrics")]
pub(crate) use round_trips::RoundTrips;
#[cfg(feature = "metrics")]
pub use round_trips::count_round_trip;
pub(crate) use served_request::{End, ServedRequest, session_hash};
#[cfg(feature = "metrics")]
pub(crate) use served_request::{Observed, Target};
pub(crate) use spans::{exchange_span, task_line, task_span};
pub(crate) use trace_context::with_trace_context;
pub use trace_context::{TraceContext, trace_context};
pub(crate) use trace_header::in_this_trace;
pub use trace_header::{trace_header, trace_id, with_trace_header};
