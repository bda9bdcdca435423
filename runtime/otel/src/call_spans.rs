//! The span of a call and its duration, by the conventions for MCP.

use std::{fmt, sync::Arc};

use mcp_lambda_core::{
    Invocation,
    telemetry::{BegunCall, EndedCall, RequestSpan, TraceContext},
};
use opentelemetry::{
    Context, KeyValue,
    metrics::{Histogram, Meter},
    trace::{SpanBuilder, SpanKind, Status, TraceContextExt, Tracer},
};
use opentelemetry_sdk::trace::SdkTracer;
use tokio::time::Instant;

use crate::{known_names::KnownNames, traces};

/// The upper bounds of the buckets of durations, in seconds.
const BUCKETS: [f64; 14] = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];

/// Begins spans of calls, and measures calls.
#[derive(Debug)]
pub(crate) struct CallSpans {
    tracer: SdkTracer,
    /// Whether spans are sent.
    sends_spans: bool,
    measured: Arc<Measured>,
}

#[derive(Debug)]
struct Measured {
    duration: Histogram<f64>,
    names: KnownNames,
}

impl CallSpans {
    pub(crate) fn new(tracer: SdkTracer, sends_spans: bool, meter: &Meter) -> Self {
        let duration = meter
            .f64_histogram("mcp.server.operation.duration")
            .with_description("From a request or notification of a client to the last byte of the response.")
            .with_unit("s")
            .with_boundaries(BUCKETS.to_vec())
            .build();
        Self { tracer, sends_spans, measured: Arc::new(Measured { duration, names: KnownNames::default() }) }
    }

    pub(crate) fn begin(&self, call: &BegunCall<'_>) -> Arc<dyn RequestSpan> {
        let common = common(call);
        let parent = traces::parent(call);
        let kind = if call.task.is_some() { SpanKind::Consumer } else { SpanKind::Server };
        let builder = SpanBuilder::from_name(call.method.to_owned())
            .with_kind(kind)
            .with_attributes(common.iter().cloned().chain(of_begun(call)))
            .with_links(traces::links(call));
        let context = parent.with_span(self.tracer.build_with_context(builder, &parent));
        let (method, measured) = (call.method.to_owned(), Arc::clone(&self.measured));
        let (is_task, begun) = (call.task.is_some(), Instant::now());
        let trace = self.sends_spans.then(|| traces::continued(call, &context)).flatten();
        Arc::new(CallSpan { context, trace, method, common, measured, is_task, begun })
    }
}

/// The span of a call.
struct CallSpan {
    context: Context,
    /// The trace with this span as its parent.
    trace: Option<TraceContext>,
    method: String,
    /// The attributes that its span and its duration have.
    common: Vec<KeyValue>,
    measured: Arc<Measured>,
    /// An attempt of a task is no operation of a client.
    is_task: bool,
    begun: Instant,
}

impl RequestSpan for CallSpan {
    fn enter(&self, run: &mut dyn FnMut()) {
        let _entered = self.context.clone().attach();
        run();
    }

    fn trace(&self) -> Option<TraceContext> {
        self.trace.clone()
    }

    fn end(&self, call: &EndedCall<'_>) {
        let error = error_type(call);
        let mut outcome: Vec<_> =
            error.iter().map(|error| KeyValue::new("error.type", error.clone())).collect();
        outcome.extend(call.code.map(|code| KeyValue::new("rpc.response.status_code", code.to_string())));
        self.measure(call, &outcome);
        let span = self.context.span();
        if span.is_recording() {
            let named = |name, value: Option<&str>| Some(KeyValue::new(name, value?.to_owned()));
            let names = [
                named("gen_ai.tool.name", call.tool),
                named("gen_ai.prompt.name", call.prompt),
                named("mcp.resource.uri", call.resource),
            ];
            span.set_attributes(names.into_iter().flatten().chain(outcome));
            // A name that a client invents would be one of many.
            if let Some(target) = call.tool.or(call.prompt).filter(|_| call.is_known) {
                span.update_name(format!("{} {target}", self.method));
            }
            if error.is_some() {
                // The message of the error may hold what the tool was asked or has found.
                span.set_status(Status::error(""));
            }
        }
        span.end();
    }
}

impl CallSpan {
    fn measure(&self, call: &EndedCall<'_>, outcome: &[KeyValue]) {
        if call.is_waiting || self.is_task {
            return;
        }
        let names = &self.measured.names;
        let named =
            |key, name: Option<&str>| Some(KeyValue::new(key, names.of(name?, call.is_known).to_owned()));
        let of_call = [named("gen_ai.tool.name", call.tool), named("gen_ai.prompt.name", call.prompt)];
        let attributes: Vec<_> = self
            .common
            .iter()
            .cloned()
            .chain(of_call.into_iter().flatten())
            .chain(outcome.iter().cloned())
            .collect();
        self.measured.duration.record(self.begun.elapsed().as_secs_f64(), &attributes);
    }
}

/// The attributes that the span of a call and its duration have.
fn common(call: &BegunCall<'_>) -> Vec<KeyValue> {
    let mut attributes = vec![KeyValue::new("mcp.method.name", call.method.to_owned())];
    if call.task.is_none() {
        attributes.push(KeyValue::new("network.transport", "tcp"));
        attributes.push(KeyValue::new("network.protocol.name", "http"));
    }
    attributes.extend(call.protocol_version.map(|version| KeyValue::new("mcp.protocol.version", version)));
    if call.method == "tools/call" {
        attributes.push(KeyValue::new("gen_ai.operation.name", "execute_tool"));
    }
    attributes
}

/// The attributes of the span alone, as far as they are known at its begin. Those of Lambda:
/// <https://opentelemetry.io/docs/specs/semconv/faas/aws-lambda/> (read 2026-11-27). There are no conventions for tasks.
fn of_begun(call: &BegunCall<'_>) -> impl Iterator<Item = KeyValue> {
    let text = |name, value: Option<&str>| Some(KeyValue::new(name, value?.to_owned()));
    let invocation = call.invocation;
    let attributes = [
        text("jsonrpc.request.id", call.request_id.as_deref()),
        text("mcp.session.id", call.session),
        text("faas.invocation_id", invocation.map(Invocation::request_id)),
        text("aws.lambda.invoked_arn", invocation.and_then(Invocation::invoked_arn)),
        invocation.map(|invocation| KeyValue::new("faas.coldstart", invocation.is_cold_start())),
        invocation.map(|_| KeyValue::new("faas.trigger", "http")),
        text("mcp_lambda_server.task.id", call.task.map(|(id, _)| id)),
        call.task.map(|(_, attempt)| KeyValue::new("mcp_lambda_server.task.attempt", i64::from(attempt))),
    ];
    attributes.into_iter().flatten()
}

/// The kind of an error. `None`: there is none. That a client leaves or cancels is none.
fn error_type(call: &EndedCall<'_>) -> Option<String> {
    let of_status = call.status.filter(|status| *status >= 400).map(|status| status.to_string());
    let of_end = call.ended.filter(|ended| matches!(*ended, "failed" | "interrupted" | "deadline"));
    match call.code {
        Some(code) => Some(code.to_string()),
        None if call.is_tool_error => Some("tool_error".to_owned()),
        None => of_end.map(str::to_owned).or(of_status),
    }
}

impl fmt::Debug for CallSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallSpan").field("method", &self.method).finish_non_exhaustive()
    }
}
