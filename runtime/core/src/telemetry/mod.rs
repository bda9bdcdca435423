//! The log of the server, and the trace of an invocation.

mod lazy;
mod logs;
mod payloads;
mod repeated;
mod request_line;
mod served_request;
mod spans;
mod text;
mod trace_context;
mod trace_header;
mod writer;

pub use logs::{Logs, init as init_logs};
pub(crate) use payloads::Payloads;
pub(crate) use repeated::Repeated;
pub(crate) use request_line::RequestLines;
pub(crate) use served_request::{End, ServedRequest, session_hash};
pub(crate) use spans::exchange_span;
pub(crate) use trace_context::with_trace_context;
pub use trace_context::{TraceContext, trace_context};
pub(crate) use trace_header::in_this_trace;
pub use trace_header::{trace_header, trace_id, with_trace_header};
