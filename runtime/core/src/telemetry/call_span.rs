//! The span of a call in a tracing system: from the call, as it is read, to what was observed of it.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures::future::poll_fn;
use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};

use super::{
    request_line,
    request_tracer::{BegunCall, EndedCall, RequestSpan, Tracing},
    served_request::{End, Observed, ServedRequest, Target},
    text::bounded,
    trace_context::TraceContext,
};
use crate::protocol::{
    Body, Call, Message, Method, Params, Post, Request, SessionVersion, meta::notification,
    version::STATELESS_VERSION,
};

/// The name of methods that MCP does not have: clients choose them.
const OTHER: &str = "_OTHER";

impl ServedRequest {
    /// The call of a request begins, if it is one of MCP.
    pub(crate) fn begin_span(&self, tracing: &Tracing, call: &Call, version: Option<&str>) {
        let Some((method, id, params)) = message_of(call) else { return };
        let mut observed = self.observed();
        let begun = BegunCall {
            method,
            request_id: id,
            protocol_version: version_of(call, version),
            session: observed.session.as_deref(),
            trace: trace_of(params),
            trace_of_headers: observed.trace_of_headers(),
            invocation: observed.invocation.as_ref(),
            task: None,
        };
        let span = tracing.tracer.begin(&begun);
        observed.trace = span.trace().or(begun.trace).or_else(|| observed.trace.take());
        observed.span = Some((span, Arc::clone(&tracing.is_listed)));
    }

    /// Runs a future within the span of the call.
    pub(crate) async fn in_span<F: Future>(&self, future: F) -> F::Output {
        let span = self.observed().span.as_ref().map(|(span, _)| Arc::clone(span));
        within(span, future).await
    }
}

/// Runs a future within a span, if there is one.
pub(super) async fn within<F: Future>(span: Option<Arc<dyn RequestSpan>>, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx: &mut Context<'_>| {
        let Some(span) = &span else { return future.as_mut().poll(cx) };
        let mut polled = Poll::Pending;
        span.enter(&mut || polled = future.as_mut().poll(cx));
        polled
    })
    .await
}

impl Observed {
    /// The call has ended.
    pub(crate) fn end_span(&mut self) {
        let Some((span, is_listed)) = self.span.take() else { return };
        let has_worked = self.code.is_none() && self.is_error != Some(true) && self.end == End::Complete;
        let is_known = match self.target() {
            Some(Target::Tool(tool)) => has_worked || is_listed(tool),
            Some(Target::Prompt(_)) => has_worked,
            Some(Target::Resource(_)) | None => false,
        };
        let [tool, prompt, resource] = request_line::names(self.target());
        span.end(&EndedCall {
            tool,
            prompt,
            resource,
            is_known,
            code: self.code,
            is_tool_error: self.is_error == Some(true),
            ended: self.end.word(),
            is_waiting: self.is_waiting(),
            status: self.status.map(|status| status.as_u16()),
        });
    }
}

/// The method, the id and the parameters of a message.
type Sent<'a> = (&'a str, Option<String>, &'a Params);

/// The message of a call. Of a batch, its first request. `None`: the call has
/// no message of its client, or only responses.
fn message_of(call: &Call) -> Option<Sent<'_>> {
    match call {
        Call::Post(Post::Stateless(read)) => Some(of_request(&read.request)),
        Call::Post(Post::Session(post)) => match &post.body {
            Body::One(message) => of_message(message),
            Body::Batch(members) => members.iter().flatten().find_map(of_message),
        },
        Call::Post(Post::StatelessNotification) | Call::Get(_) | Call::Delete(_) => None,
    }
}

fn of_message(message: &Message) -> Option<Sent<'_>> {
    match message {
        Message::Request(request) => Some(of_request(request)),
        Message::Notification(sent) => Some((notification_name(&sent.method), None, &sent.params)),
        Message::Response(_) => None,
    }
}

fn of_request(request: &Request) -> Sent<'_> {
    (method_name(&request.method), Some(bounded(&request.id.to_string())), &request.params)
}

fn method_name(method: &Method) -> &str {
    match method {
        Method::Other(_) => OTHER,
        known => known.as_str(),
    }
}

fn notification_name(method: &str) -> &str {
    let known = [
        "notifications/initialized",
        "notifications/roots/list_changed",
        notification::CANCELLED,
        notification::PROGRESS,
    ];
    if known.contains(&method) { method } else { OTHER }
}

/// The revision that the header names. One that the server does not know is a text of the client.
fn version_of(call: &Call, header: Option<&str>) -> Option<&'static str> {
    match call {
        Call::Post(Post::Stateless(_)) => Some(STATELESS_VERSION),
        Call::Post(_) | Call::Get(_) | Call::Delete(_) => {
            header.and_then(SessionVersion::parse).map(SessionVersion::as_str)
        }
    }
}

fn trace_of(params: &Params) -> Option<TraceContext> {
    #[derive(Deserialize)]
    struct WithMeta<'a> {
        #[serde(borrow, default, rename = "_meta")]
        meta: Option<&'a RawValue>,
    }
    let sent: WithMeta<'_> = serde_json::from_str(params.text()).ok()?;
    let meta: Map<String, Value> = serde_json::from_str(sent.meta?.get()).ok()?;
    TraceContext::of_meta(&meta)
}
