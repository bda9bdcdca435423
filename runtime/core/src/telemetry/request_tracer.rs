//! A tracing system that gets a span of each call of MCP, besides the spans of the log.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;

use super::trace_context::TraceContext;
use crate::invocation::Invocation;

/// A tracing system.
pub trait RequestTracer: Send + Sync {
    /// A call begins. Its span ends with [`RequestSpan::end`].
    fn begin(&self, call: &BegunCall<'_>) -> Arc<dyn RequestSpan>;

    /// Sends what has ended, for so long at most.
    fn flush(&self, budget: Duration) -> BoxFuture<'_, ()>;
}

/// The span of one call.
pub trait RequestSpan: Send + Sync {
    /// Runs a function within the span, which is the parent of the spans that the function begins.
    fn enter(&self, run: &mut dyn FnMut());

    /// The trace with this span as its parent, for what the call calls itself. `None`: the span is sent nowhere.
    fn trace(&self) -> Option<TraceContext>;

    /// The call has ended.
    fn end(&self, call: &EndedCall<'_>);
}

/// What is known of a call when it begins.
#[derive(Debug)]
#[non_exhaustive]
pub struct BegunCall<'a> {
    /// The method of MCP, or `_OTHER`.
    pub method: &'a str,
    /// The id of a request. `None` for a notification.
    pub request_id: Option<String>,
    /// The revision of MCP.
    pub protocol_version: Option<&'static str>,
    /// A hash of the session's id: the id itself lets its owner act in the session.
    pub session: Option<&'a str>,
    /// The trace of the call's `_meta`.
    pub trace: Option<TraceContext>,
    /// The trace of the headers of the HTTP request.
    pub trace_of_headers: Option<&'a TraceContext>,
    /// The Lambda invocation that the request came with.
    pub invocation: Option<&'a Invocation>,
    /// The id of the task and the number of the attempt, of a call that runs as a task. Its client has its response already.
    pub task: Option<(&'a str, u32)>,
}

/// What is known of a call when it has ended. Texts of the client are bounded.
#[derive(Debug)]
#[non_exhaustive]
pub struct EndedCall<'a> {
    /// The tool of `tools/call`.
    pub tool: Option<&'a str>,
    /// The prompt of `prompts/get`.
    pub prompt: Option<&'a str>,
    /// The resource, without the query of its URI.
    pub resource: Option<&'a str>,
    /// Whether the tool or the prompt is one of the server's: it is not invented by a client.
    pub is_known: bool,
    /// The code of a JSON-RPC error.
    pub code: Option<i32>,
    /// Whether a tool's result has `isError`.
    pub is_tool_error: bool,
    /// How the call ended, if not with the last byte of its response.
    pub ended: Option<&'static str>,
    /// Whether the call is a stream that waits for events: its duration says nothing.
    pub is_waiting: bool,
    /// The HTTP status.
    pub status: Option<u16>,
}

/// Whether the handler has a tool.
pub(crate) type IsListed = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// A tracing system, with what the server knows of names.
#[derive(Clone)]
pub(crate) struct Tracing {
    pub(crate) tracer: Arc<dyn RequestTracer>,
    pub(crate) is_listed: IsListed,
}
