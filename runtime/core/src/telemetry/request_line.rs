//! The line of the log for each request that was served.

use std::time::Duration;

use super::{
    repeated::Repeated,
    served_request::{Observed, Target},
    text::bounded,
    trace_context::TraceContext,
};
use crate::protocol::{Era, Method};

/// The name by which a log filter switches the lines of requests: `RUST_LOG=info,mcp_lambda_server::request=off`.
pub(super) const TARGET: &str = "mcp_lambda_server::request";

/// Writes the lines of requests.
#[derive(Default)]
pub(crate) struct RequestLines {
    refusals: Repeated,
}

impl RequestLines {
    /// Writes the line of a request that has ended, and a warning if the server refused it. Equal warnings are written at
    /// most once a second: callers must not be able to hide others behind them.
    pub(crate) fn write(&self, request: &Observed) {
        if let Some((reason, id)) = &request.refusal {
            self.refusals.log(reason, |count| tracing::warn!(%reason, %id, count, "a request was refused"));
        }
        if tracing::enabled!(target: TARGET, tracing::Level::INFO) {
            line(request);
        }
    }
}

/// The fields are those of `tests/contract/log.json`. The line belongs to no span: it has itself what spans have.
fn line(request: &Observed) {
    let invocation = request.invocation.as_ref();
    let [tool, prompt, resource] = names(request.target());
    let method = request.method.as_ref().map(Method::as_str);
    let other_method = match &request.method {
        Some(Method::Other(name)) => Some(bounded(name)),
        _ => None,
    };
    let (client, client_version) = request.handled.as_ref().map_or((None, None), |handled| handled.client());
    tracing::info!(
        target: TARGET,
        parent: None,
        requestId = invocation.map(|invocation| invocation.request_id()),
        traceId = invocation.and_then(|invocation| invocation.trace_id()),
        trace_id = request.trace.as_ref().map(TraceContext::trace_id),
        session = request.session.as_deref(),
        method = other_method.as_deref().or(method),
        tool,
        prompt,
        resource,
        status = request.status.map(|status| status.as_u16()),
        code = request.code,
        isError = request.is_error,
        durationMs = millis(request.duration),
        bytes = request.bytes,
        streamed = request.is_streamed,
        ended = request.end.word(),
        reason = request.refusal.as_ref().map(|(reason, _)| reason.as_str()),
        era = request.era.map(era_word),
        client,
        clientVersion = client_version,
        tenantId = invocation.and_then(|invocation| invocation.tenant_id()).map(bounded).as_deref(),
        coldStart = invocation.map(|invocation| invocation.is_cold_start()),
        httpMethod = request.http_method.as_str(),
        // The path of the endpoint is the same in every line.
        path = method.is_none().then(|| request.path()).as_deref(),
        "served"
    );
}

/// The tool, the prompt or the resource that a request is about.
pub(super) fn names(target: Option<&Target>) -> [Option<&str>; 3] {
    match target {
        Some(Target::Tool(name)) => [Some(name), None, None],
        Some(Target::Prompt(name)) => [None, Some(name), None],
        Some(Target::Resource(uri)) => [None, None, Some(uri)],
        None => [None; 3],
    }
}

pub(super) fn era_word(era: Era) -> &'static str {
    match era {
        Era::Session => "session",
        Era::Stateless => "stateless",
    }
}

/// Milliseconds, with three decimals.
pub(super) fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
