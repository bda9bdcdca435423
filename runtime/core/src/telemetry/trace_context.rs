//! The trace that a client's request belongs to, as W3C has it: `traceparent`, `tracestate` and `baggage`, of the `_meta` of the
//! call (SEP-414) or of the headers of its HTTP request.
//!
//! <https://www.w3.org/TR/trace-context/>, <https://www.w3.org/TR/baggage/>,
//! <https://modelcontextprotocol.io/seps/414-request-meta> (read 2026-11-27). What is not valid is ignored, as these require: a
//! trace is never a reason to refuse a call.

use std::sync::Arc;

use http::HeaderMap;
use serde_json::{Map, Value};
use tokio::task::futures::TaskLocalFuture;

/// The name of the trace's parent, in headers, in `_meta` and in message attributes.
const TRACEPARENT: &str = "traceparent";
/// The name of the state of tracing systems.
const TRACESTATE: &str = "tracestate";
/// The name of the values that a trace carries along.
const BAGGAGE: &str = "baggage";

/// The length of a `traceparent` of version 00.
const PARENT: usize = 55;
/// The longest `tracestate`: a system must pass on this much, and may cut off the rest.
const STATE: usize = 512;
/// The longest `baggage`: a system must pass on this much.
const BAGGAGE_BYTES: usize = 8192;

/// The trace that a request belongs to. Tools read it with [`McpContext::trace_context`](crate::McpContext::trace_context), and pass
/// it on to what they call. Clones share it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext(Arc<Fields>);

#[derive(Debug, PartialEq, Eq)]
struct Fields {
    parent: String,
    state: Option<String>,
    baggage: Option<String>,
}

impl TraceContext {
    /// Reads a trace. `None`: there is no `traceparent`, or no valid one. A `tracestate` or a `baggage` that is not valid is left
    /// out.
    #[must_use]
    pub fn parse(traceparent: &str, tracestate: Option<&str>, baggage: Option<&str>) -> Option<Self> {
        let parent = parent(traceparent)?;
        let valid = |text: Option<&str>, longest| {
            let text = text?.trim();
            let is_valid = !text.is_empty()
                && text.len() <= longest
                && text.bytes().all(|byte| (b' '..=b'~').contains(&byte) || byte == b'\t')
                && text.split(',').all(|member| member.trim().is_empty() || member.contains('='));
            is_valid.then(|| text.to_owned())
        };
        let (state, baggage) = (valid(tracestate, STATE), valid(baggage, BAGGAGE_BYTES));
        Some(Self(Arc::new(Fields { parent, state, baggage })))
    }

    pub(crate) fn of_headers(headers: &HeaderMap) -> Option<Self> {
        let mut parents = headers.get_all(TRACEPARENT).iter();
        let parent = parents.next()?.to_str().ok()?;
        if parents.next().is_some() {
            return None;
        }
        // Several headers are one list.
        let joined = |name| {
            let mut values = headers.get_all(name).iter();
            let first = values.next()?.to_str().ok()?.to_owned();
            values.try_fold(first, |all, value| Some(format!("{all},{}", value.to_str().ok()?)))
        };
        Self::parse(parent, joined(TRACESTATE).as_deref(), joined(BAGGAGE).as_deref())
    }

    pub(crate) fn of_meta(meta: &Map<String, Value>) -> Option<Self> {
        let text = |name| meta.get(name).and_then(Value::as_str);
        Self::parse(text(TRACEPARENT)?, text(TRACESTATE), text(BAGGAGE))
    }

    /// The parent, in version 00.
    #[must_use]
    pub fn traceparent(&self) -> &str {
        &self.0.parent
    }

    /// The state of tracing systems.
    #[must_use]
    pub fn tracestate(&self) -> Option<&str> {
        self.0.state.as_deref()
    }

    /// The values that the trace carries along. They may be secret.
    #[must_use]
    pub fn baggage(&self) -> Option<&str> {
        self.0.baggage.as_deref()
    }

    /// The id of the trace: 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> &str {
        &self.0.parent[3..35]
    }

    /// The id of the span of the client: 16 hexadecimal digits.
    #[must_use]
    pub fn parent_id(&self) -> &str {
        &self.0.parent[36..52]
    }

    /// Whether the client records the trace.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        u8::from_str_radix(&self.0.parent[53..], 16).is_ok_and(|flags| flags & 1 == 1)
    }

    /// The names and the values that pass the trace on: `traceparent`, `tracestate` and `baggage`, as far as they are known.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [(TRACEPARENT, Some(self.traceparent())), (TRACESTATE, self.tracestate()), (BAGGAGE, self.baggage())]
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
    }
}

/// The `traceparent` in version 00. A later version begins with the same fields.
fn parent(text: &str) -> Option<String> {
    let text = text.trim();
    let (fields, rest) = text.split_at_checked(PARENT)?;
    let mut parts = fields.split('-');
    let mut digits = |length: usize| {
        let part = parts.next()?;
        let is_hex =
            part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_hex.then_some(part)
    };
    let (version, trace, span, flags) = (digits(2)?, digits(32)?, digits(16)?, digits(2)?);
    let is_empty = |id: &str| id.bytes().all(|byte| byte == b'0');
    let has_rest = match version {
        "00" => !rest.is_empty(),
        "ff" => true,
        _ => !rest.is_empty() && !rest.starts_with('-'),
    };
    if has_rest || is_empty(trace) || is_empty(span) {
        return None;
    }
    Some(format!("00-{trace}-{span}-{flags}"))
}

tokio::task_local! {
    // Ambient, because a publisher has no argument of the call that publishes.
    static TRACE_CONTEXT: Option<TraceContext>;
}

/// Runs a call in its trace.
pub(crate) fn with_trace_context<F: Future>(
    context: Option<TraceContext>,
    call: F,
) -> TaskLocalFuture<Option<TraceContext>, F> {
    TRACE_CONTEXT.scope(context, call)
}

/// The trace of the call that runs. `None` outside of one, and for a call without a trace.
#[must_use]
pub fn trace_context() -> Option<TraceContext> {
    TRACE_CONTEXT.try_with(Clone::clone).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    fn parsed(parent: &str) -> Option<String> {
        TraceContext::parse(parent, None, None).map(|context| context.traceparent().to_owned())
    }

    #[test]
    fn a_valid_traceparent_is_read_and_one_of_a_later_version_as_far_as_it_is_known() {
        let own = format!("00-{TRACE}-{SPAN}-01");
        let context = TraceContext::parse(&own, None, None).expect("valid");
        assert_eq!((context.trace_id(), context.parent_id(), context.is_sampled()), (TRACE, SPAN, true));
        assert_eq!(context.fields().collect::<Vec<_>>(), [(TRACEPARENT, own.as_str())]);
        assert_eq!(parsed(&format!("cc-{TRACE}-{SPAN}-01")), Some(own.clone()));
        assert_eq!(parsed(&format!("cc-{TRACE}-{SPAN}-01-what-comes")), Some(own.clone()));
        assert_eq!(parsed(&format!(" {own} ")), Some(own));
    }

    /// <https://www.w3.org/TR/trace-context/#versioning-of-traceparent>
    #[test]
    fn a_traceparent_that_is_not_valid_is_ignored() {
        for parent in [
            "",
            "00",
            "é",
            &format!("00-{TRACE}-{SPAN}"),
            &format!("00-{TRACE}-{SPAN}-1"),
            &format!("00-{TRACE}-{SPAN}-01-"),
            &format!("00-{TRACE}-{SPAN}-01-more"),
            &format!("ff-{TRACE}-{SPAN}-01"),
            &format!("cc-{TRACE}-{SPAN}-01.more"),
            &format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            &format!("00-{}-{SPAN}-01", "0".repeat(32)),
            &format!("00-{TRACE}-{}-01", "0".repeat(16)),
            &format!("00_{TRACE}_{SPAN}_01"),
            &format!("00-{TRACE}{SPAN}--01"),
            &"é".repeat(40),
        ] {
            assert_eq!(parsed(parent), None, "{parent:?}");
        }
    }

    #[test]
    fn a_state_or_baggage_that_is_not_valid_is_left_out_and_each_is_bounded() {
        let read = |state: &str, baggage: &str| {
            let context = TraceContext::parse(&format!("00-{TRACE}-{SPAN}-00"), Some(state), Some(baggage));
            let context = context.expect("a valid traceparent");
            assert!(!context.is_sampled());
            (context.tracestate().map(str::to_owned), context.baggage().map(str::to_owned))
        };
        let both =
            (Some("rojo=00f067aa0ba902b7,congo=t61".to_owned()), Some("userId=alice;a=1, b=2".to_owned()));
        assert_eq!(read("rojo=00f067aa0ba902b7,congo=t61", "userId=alice;a=1, b=2"), both);
        for wrong in ["", " ", "no value", "a=1,none", "a=\u{e9}", "a=1\r\nb=2", "a=\u{0}"] {
            assert_eq!(read(wrong, wrong), (None, None), "{wrong:?}");
        }
        let long = |length| format!("a={}", "x".repeat(length - 2));
        assert!(read(&long(STATE), &long(BAGGAGE_BYTES)).0.is_some());
        assert_eq!(read(&long(STATE + 1), &long(BAGGAGE_BYTES + 1)), (None, None));
    }
}
