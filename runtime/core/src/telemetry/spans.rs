//! The span of an exchange: what each line has that is logged while a request runs.

use tracing::Span;

use super::{
    request_line::{era_word, names},
    served_request::Observed,
    text::bounded,
    trace_context::TraceContext,
};
use crate::protocol::Method;

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
