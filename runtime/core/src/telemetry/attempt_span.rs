//! The span of one attempt of a task in a tracing system.

#[cfg(feature = "otel")]
use std::sync::Arc;

use super::trace_context::TraceContext;
#[cfg(feature = "otel")]
use super::{
    call_span::within,
    request_tracer::{BegunCall, EndedCall, RequestSpan, Tracing},
    text::bounded,
};
use crate::tasks::{Task, TaskOutcome};

/// What begins spans of attempts.
#[cfg(feature = "otel")]
pub(crate) type TaskTracing = Option<Tracing>;
/// A program without the feature begins none.
#[cfg(not(feature = "otel"))]
pub(crate) type TaskTracing = Option<std::convert::Infallible>;

/// The span of one attempt, if there is a tracing system.
pub(crate) struct AttemptSpan {
    #[cfg(feature = "otel")]
    span: Option<Arc<dyn RequestSpan>>,
    #[cfg(feature = "otel")]
    tool: String,
}

#[cfg(feature = "otel")]
impl AttemptSpan {
    /// An attempt begins. The trace of the call that created the task is linked.
    pub(crate) fn begin(tracing: &TaskTracing, task: &Task, trace: Option<&TraceContext>) -> Self {
        let span = tracing.as_ref().map(|tracing| {
            tracing.tracer.begin(&BegunCall {
                method: "tools/call",
                request_id: None,
                protocol_version: None,
                session: None,
                trace: trace.cloned(),
                trace_of_headers: None,
                invocation: None,
                task: Some((task.id.as_str(), task.state.attempt())),
            })
        });
        Self { span, tool: bounded(&task.tool) }
    }

    /// The trace with this span as its parent. `None`: the span is sent nowhere.
    pub(crate) fn trace(&self) -> Option<TraceContext> {
        self.span.as_ref()?.trace()
    }

    /// Runs a future within the span.
    pub(crate) async fn around<F: Future>(&self, future: F) -> F::Output {
        within(self.span.clone(), future).await
    }

    /// The attempt has ended. `None`: without an outcome, so that another one goes on.
    pub(crate) fn end(&self, outcome: Option<&TaskOutcome>) {
        let Some(span) = &self.span else { return };
        let code = match outcome {
            Some(TaskOutcome::Failed(error)) => Some(error.code.0),
            _ => None,
        };
        let is_tool_error = match outcome {
            Some(TaskOutcome::Completed(result)) => result.get("isError") == Some(&true.into()),
            _ => false,
        };
        span.end(&EndedCall {
            tool: Some(&self.tool),
            prompt: None,
            resource: None,
            // The program names the tools that run as tasks.
            is_known: true,
            code,
            is_tool_error,
            ended: None,
            is_waiting: false,
            status: None,
        });
    }
}

#[cfg(not(feature = "otel"))]
#[expect(clippy::unused_self, reason = "as in a program with the feature")]
impl AttemptSpan {
    pub(crate) fn begin(_: &TaskTracing, _: &Task, _: Option<&TraceContext>) -> Self {
        Self {}
    }

    pub(crate) fn trace(&self) -> Option<TraceContext> {
        None
    }

    pub(crate) fn around<F: Future>(&self, future: F) -> F {
        future
    }

    pub(crate) fn end(&self, _: Option<&TaskOutcome>) {}
}
