//! The spans of an exchange and of a task: what each line has that is logged while one runs.

use std::time::Duration;

use tracing::Span;

use super::{
    deferred_span::DeferredSpan,
    request_line::{era_word, names},
    served_request::Observed,
    text::bounded,
    trace_context::TraceContext,
};
use crate::{protocol::Method, tasks::Task};

const EXCHANGE: &str = "mcp_lambda_server::exchange";

/// The span of one exchange. On Lambda it is within the span of its invocation.
pub(crate) fn exchange_span(request: &Observed, method: &Method) -> DeferredSpan {
    if !tracing::span_enabled!(target: EXCHANGE, tracing::Level::INFO) {
        return DeferredSpan::default();
    }
    let (method, handled) = (method.clone(), request.handled.clone().unwrap_or_default());
    let (era, session, trace) = (request.era, request.session.clone(), request.trace.clone());
    DeferredSpan::new(move || {
        let [tool, prompt, resource] = names(handled.target.as_ref());
        let (client, client_version) = handled.client();
        tracing::info_span!(
            target: EXCHANGE,
            "exchange",
            method = bounded(method.as_str()),
            tool,
            prompt,
            resource,
            era = era.map(era_word),
            session = session.as_deref(),
            client,
            clientVersion = client_version,
            trace_id = trace.as_ref().map(TraceContext::trace_id),
            parent_id = trace.as_ref().map(TraceContext::parent_id),
        )
    })
}

/// The span of one attempt of a task.
pub(crate) fn task_span(task: &Task) -> Span {
    tracing::info_span!(
        target: "mcp_lambda_server::task",
        "task",
        taskId = %task.id,
        tool = bounded(&task.tool),
        attempt = task.state.attempt(),
    )
}

/// Writes the line of a task that has ended, with the fields of `tests/contract/log.json`. It belongs to no span.
pub(crate) fn task_line(task: &Task, status: &'static str, took: Duration) {
    tracing::info!(
        target: super::request_line::TARGET,
        parent: None,
        taskId = %task.id,
        tool = bounded(&task.tool),
        status,
        attempt = task.state.attempt(),
        durationMs = super::request_line::millis(took),
        "task ended"
    );
}
