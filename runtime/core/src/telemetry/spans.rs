//! The spans of an exchange and of a task: what each line has that is logged while one runs.

use std::time::Duration;

use tracing::Span;

use super::{
    request_line::{era_word, names},
    served_request::Observed,
    text::bounded,
    trace_context::TraceContext,
};
use crate::{protocol::Method, tasks::Task};

/// The span of one exchange. On Lambda it is within the span of its invocation.
pub(crate) fn exchange_span(request: &Observed, method: &Method) -> Span {
    const TARGET: &str = "mcp_lambda_server::exchange";
    if !tracing::enabled!(target: TARGET, tracing::Level::INFO) {
        return Span::none();
    }
    let [tool, prompt, resource] = names(request.target.as_ref());
    let (client, client_version) =
        request.client.as_ref().map(|(name, version)| (name.as_str(), version.as_str())).unzip();
    tracing::info_span!(
        target: TARGET,
        "exchange",
        method = bounded(method.as_str()),
        tool,
        prompt,
        resource,
        era = request.era.map(era_word),
        session = request.session.as_deref(),
        client,
        clientVersion = client_version,
        trace_id = request.trace.as_ref().map(TraceContext::trace_id),
        parent_id = request.trace.as_ref().map(TraceContext::parent_id),
    )
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
