//! The log of the server, and the trace of an invocation.

mod lazy;
mod logs;
mod repeated;
mod trace_header;

pub use logs::init as init_logs;
pub(crate) use repeated::Repeated;
pub(crate) use trace_header::in_this_trace;
pub use trace_header::{trace_header, with_trace_header};
