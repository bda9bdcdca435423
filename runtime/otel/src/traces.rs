//! The contexts that a call comes with: of its client, of its HTTP request, and of the Lambda invocation.

use mcp_lambda_core::{
    Invocation,
    telemetry::{BegunCall, TraceContext},
};
use opentelemetry::{
    Context,
    propagation::{Extractor, TextMapPropagator},
    trace::{Link, SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};

/// The parent of the span of a call: the client's trace of `_meta`, else that of the HTTP request. A task has none: the span of
/// its client has ended.
pub(crate) fn parent(call: &BegunCall<'_>) -> Context {
    let trace = call.trace.as_ref().or(call.trace_of_headers).filter(|_| call.task.is_none());
    let context = Context::new();
    let Some(trace) = trace else { return context };
    let context = TraceContextPropagator::new().extract_with_context(&context, &Fields(trace));
    BaggagePropagator::new().extract_with_context(&context, &Fields(trace))
}

/// The contexts of the transport: that of the HTTP request, unless it is the parent, and X-Ray's of the invocation. Of a task,
/// the context of the call that created it.
pub(crate) fn links(call: &BegunCall<'_>) -> Vec<Link> {
    let of_headers = call.trace_of_headers.filter(|_| call.trace.is_some()).map(context_of);
    let of_creation = call.trace.as_ref().filter(|_| call.task.is_some()).map(context_of);
    let of_invocation = call.invocation.and_then(Invocation::trace_header).and_then(xray);
    let contexts = of_headers.into_iter().chain(of_creation).chain(of_invocation);
    contexts.filter(SpanContext::is_valid).map(|context| Link::new(context, Vec::new(), 0)).collect()
}

/// The trace of a call with its span as the parent, and the baggage of its client.
pub(crate) fn continued(call: &BegunCall<'_>, context: &Context) -> Option<TraceContext> {
    let span = context.span().span_context().clone();
    let parent = format!("00-{}-{}-{:02x}", span.trace_id(), span.span_id(), span.trace_flags().to_u8());
    let of_client = call.trace.as_ref().or(call.trace_of_headers);
    TraceContext::parse(
        &parent,
        Some(&span.trace_state().header()),
        of_client.and_then(TraceContext::baggage),
    )
}

fn context_of(trace: &TraceContext) -> SpanContext {
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &Fields(trace));
    context.span().span_context().clone()
}

/// The context of a trace header of X-Ray: `Root=1-<8 digits>-<24 digits>;Parent=<16 digits>;Sampled=1`. Both digits of the
/// root together are the trace id of W3C:
/// <https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader> (read 2026-11-27).
fn xray(header: &str) -> Option<SpanContext> {
    let field =
        |name: &str| header.split(';').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
    let (time, rest) = field("Root")?.strip_prefix("1-")?.split_once('-')?;
    if time.len() != 8 || rest.len() != 24 {
        return None;
    }
    let trace = TraceId::from_hex(&format!("{time}{rest}")).ok()?;
    let span = SpanId::from_hex(field("Parent")?).ok()?;
    let flags = if field("Sampled") == Some("1") { TraceFlags::SAMPLED } else { TraceFlags::default() };
    Some(SpanContext::new(trace, span, flags, true, TraceState::default()))
}

/// The fields of a trace, as OpenTelemetry reads them.
struct Fields<'a>(&'a TraceContext);

impl Extractor for Fields<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.fields().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.fields().map(|(name, _)| name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_of_xray_is_a_context_of_w3c() {
        let context =
            xray("Root=1-5e6722a7-cc56d6c46db7ae02d4da47e0;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a:0");
        let context = context.expect("a context");
        assert_eq!(context.trace_id().to_string(), "5e6722a7cc56d6c46db7ae02d4da47e0");
        assert_eq!(context.span_id().to_string(), "53995c3f42cd8ad8");
        assert!(context.is_sampled() && context.is_remote());
        let left_alone = xray("Root=1-5e6722a7-cc56d6c46db7ae02d4da47e0;Parent=53995c3f42cd8ad8;Sampled=0");
        assert!(!left_alone.expect("a context").is_sampled());
        for header in
            ["", "Root=1-5e6722a7-cc56d6c46db7ae02d4da47e0", "Root=1-x-y;Parent=53995c3f42cd8ad8", "é=;"]
        {
            assert!(xray(header).is_none(), "{header}");
        }
    }
}
