//! The line of the log for each invocation that is no HTTP request: a request has a line of its own.

use http::HeaderValue;
use mcp_lambda_core::{InvocationDetails, telemetry::trace_id};
use tokio::time::Instant;

use super::{error::InvocationError, roles::EventKind};

/// The line of one invocation, which is written when it has ended.
pub(super) struct InvocationLine {
    event: &'static str,
    records: Option<usize>,
    request_id: String,
    trace_header: Option<HeaderValue>,
    is_cold_start: bool,
    begun: Instant,
}

impl InvocationLine {
    /// An event of a kind with so many records, if it has records. `None`: the requests of such events have lines. An event
    /// without a kind is unknown.
    pub(super) fn begin(
        details: &InvocationDetails,
        kind: Option<EventKind>,
        records: Option<usize>,
    ) -> Option<Self> {
        Some(Self {
            event: word(kind)?,
            records,
            request_id: details.request_id.clone(),
            trace_header: details.trace_header.clone(),
            is_cold_start: details.cold_start,
            begun: Instant::now(),
        })
    }

    /// Writes the line. The fields are those of `tests/contract/log.json`, and it belongs to no span, as the line of a request.
    pub(super) fn write(self, error: Option<&InvocationError>) {
        tracing::info!(
            target: "mcp_lambda_server::request",
            parent: None,
            requestId = self.request_id,
            traceId = self.trace_header.as_ref().and_then(trace_id),
            event = self.event,
            records = self.records,
            durationMs = (self.begun.elapsed().as_secs_f64() * 1e6).round() / 1e3,
            failed = error.is_some(),
            errorType = error.map(|error| error.kind),
            coldStart = self.is_cold_start,
            "handled"
        );
    }
}

fn word(kind: Option<EventKind>) -> Option<&'static str> {
    Some(match kind {
        Some(EventKind::Http | EventKind::DirectInvoke) => return None,
        Some(EventKind::Authorizer) => "authorizer",
        Some(EventKind::Sns) => "sns",
        Some(EventKind::EventBridge) => "eventbridge",
        Some(EventKind::Sqs) => "sqs",
        Some(EventKind::TaskAction) => "task",
        Some(EventKind::AgentCore) => "agentcore",
        Some(EventKind::SelfTest) => "self-test",
        Some(EventKind::Completion) => "completion",
        Some(EventKind::WarmUp) => "warm-up",
        None => "unknown",
    })
}
