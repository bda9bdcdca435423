//! What is observed of a request while it is served: one line of the log, and the metrics, are made of it.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::{Extensions, Request, StatusCode, Uri};
use rmcp::model::{ClientRequest, GetMeta, Implementation, RequestId};
use tokio::time::Instant;

#[cfg(feature = "otel")]
use super::request_tracer::{IsListed, RequestSpan};
use super::{text::bounded, trace_context::TraceContext};
use crate::{
    invocation::Invocation,
    protocol::{Body, Call, Era, JsonRpcResponse, Message, Method, Post, headers, read},
};

/// A request that is being served, in the extensions of the HTTP request. The layer around the endpoint creates and finishes
/// it; each part of the server adds what it learns. Clones share it.
#[derive(Clone)]
pub(crate) struct ServedRequest(Arc<Mutex<Observed>>);

/// What has been observed of a request.
pub(crate) struct Observed {
    pub(crate) started: Instant,
    /// From the request to the last byte of the response. Zero before that.
    pub(crate) duration: Duration,
    pub(crate) http_method: http::Method,
    /// The target of the request. Its query may hold secrets.
    uri: Uri,
    /// The Lambda invocation that the request came with.
    pub(crate) invocation: Option<Invocation>,
    /// The trace of the headers.
    trace_of_headers: Option<TraceContext>,
    /// The trace of the client: of `_meta` if the call has one, else of the headers. With a tracing system, that of the span of
    /// the call, which is the same trace if the client has one.
    pub(crate) trace: Option<TraceContext>,
    /// A hash of the session's id: the id itself lets its owner act in the session.
    pub(crate) session: Option<Arc<str>>,
    pub(crate) era: Option<Era>,
    /// The method of MCP. Of a batch, that of its first request.
    pub(crate) method: Option<Method>,
    /// What a handler was called for. Of a batch, the last one counts.
    pub(super) handled: Option<Arc<Handled>>,
    /// Why the server refused the request, and the id of the refused request.
    pub(crate) refusal: Option<(String, String)>,
    /// The HTTP status. `None`: the client left before there was one.
    pub(crate) status: Option<StatusCode>,
    /// The code of a JSON-RPC error.
    pub(crate) code: Option<i32>,
    /// Whether a tool's result has `isError`. `None` for other methods.
    pub(crate) is_error: Option<bool>,
    /// Bytes of the response body that were sent.
    pub(crate) bytes: u64,
    /// Whether the response was an event stream.
    pub(crate) is_streamed: bool,
    pub(crate) end: End,
    /// The span of its call in a tracing system.
    #[cfg(feature = "otel")]
    pub(super) span: Option<(Arc<dyn RequestSpan>, IsListed)>,
}

/// What a handler is called for, and by which client.
#[derive(Debug, Default)]
pub(super) struct Handled {
    pub(super) target: Option<Target>,
    /// The name and the version of the client.
    pub(super) client: Option<(String, String)>,
}

impl Handled {
    pub(super) fn client(&self) -> (Option<&str>, Option<&str>) {
        self.client.as_ref().map(|(name, version)| (name.as_str(), version.as_str())).unzip()
    }
}

/// What a request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Tool(String),
    Prompt(String),
    /// A URI, without its query.
    Resource(String),
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// With the last byte of its response.
    Complete,
    /// The client left before the last byte.
    ClientLeft,
    /// The call ran out of time.
    Deadline,
    /// The client cancelled the call.
    Cancelled,
    /// The process ended.
    Interrupted,
    /// The body of the response failed, or the code that serves the request panicked.
    Failed,
}

impl End {
    /// The word for the log; none for the ordinary end.
    pub(crate) fn word(self) -> Option<&'static str> {
        match self {
            Self::Complete => None,
            Self::ClientLeft => Some("client left"),
            Self::Deadline => Some("deadline"),
            Self::Cancelled => Some("cancelled"),
            Self::Interrupted => Some("interrupted"),
            Self::Failed => Some("failed"),
        }
    }
}

impl ServedRequest {
    /// Begins with what the head of the request tells.
    pub(crate) fn begin<B>(request: &Request<B>) -> Self {
        let trace = TraceContext::of_headers(request.headers());
        Self(Arc::new(Mutex::new(Observed {
            started: Instant::now(),
            duration: Duration::ZERO,
            http_method: request.method().clone(),
            uri: request.uri().clone(),
            invocation: request.extensions().get::<Invocation>().cloned(),
            trace: trace.clone(),
            trace_of_headers: trace,
            session: None,
            era: None,
            method: None,
            handled: None,
            refusal: None,
            status: None,
            code: None,
            is_error: None,
            bytes: 0,
            is_streamed: false,
            end: End::Complete,
            #[cfg(feature = "otel")]
            span: None,
        })))
    }

    /// The request with these extensions. One that no layer observes leads nowhere.
    pub(crate) fn of(extensions: &Extensions) -> Self {
        extensions.get().cloned().unwrap_or_else(|| Self::begin(&Request::new(())))
    }

    pub(crate) fn observed(&self) -> MutexGuard<'_, Observed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server refuses the request, or one of its calls.
    pub(crate) fn refused(&self, reason: &dyn fmt::Display, id: Option<&RequestId>) {
        let refusal = (bounded(&reason.to_string()), bounded(&read::id_text(id)));
        self.observed().refusal = Some(refusal);
    }

    pub(crate) fn ended(&self, end: End) {
        self.observed().end = end;
    }

    /// Runs a future within the span of the call. Without a tracing system there is none.
    #[cfg(not(feature = "otel"))]
    #[expect(clippy::unused_self, reason = "as with a tracing system")]
    pub(crate) fn in_span<F: Future>(&self, future: F) -> F {
        future
    }
}

impl Observed {
    /// The request is read.
    pub(crate) fn called(&mut self, call: &Call, headers: &http::HeaderMap) {
        let (era, method) = match call {
            Call::Post(Post::Stateless(read)) => (Era::Stateless, Some(read.request.method.clone())),
            Call::Post(Post::StatelessNotification) => (Era::Stateless, None),
            Call::Post(Post::Session(post)) => (Era::Session, method_of(&post.body)),
            Call::Get(_) | Call::Delete(_) => (Era::Session, None),
        };
        self.era = Some(era);
        self.method = method;
        let session = headers.get(headers::SESSION_ID).filter(|id| era == Era::Session && !id.is_empty());
        self.session = session.map(|id| session_hash(id.as_bytes()).into());
    }

    /// A handler is called.
    pub(crate) fn handled(&mut self, request: &ClientRequest, client: &Implementation) {
        let target = match request {
            ClientRequest::CallToolRequest(request) => Some(Target::Tool(bounded(&request.params.name))),
            ClientRequest::GetPromptRequest(request) => Some(Target::Prompt(bounded(&request.params.name))),
            ClientRequest::ReadResourceRequest(request) => Some(resource(&request.params.uri)),
            ClientRequest::SubscribeRequest(request) => Some(resource(&request.params.uri)),
            ClientRequest::UnsubscribeRequest(request) => Some(resource(&request.params.uri)),
            _ => None,
        };
        let trace = TraceContext::of_meta(&request.get_meta().0);
        self.trace = self.trace_of_span().or(trace).or_else(|| self.trace_of_headers.clone());
        let client = (client.name != "unknown").then(|| (bounded(&client.name), bounded(&client.version)));
        self.handled = Some(Arc::new(Handled { target, client }));
    }

    /// What the request is about.
    pub(crate) fn target(&self) -> Option<&Target> {
        self.handled.as_ref()?.target.as_ref()
    }

    /// The path without its query, for the log.
    pub(super) fn path(&self) -> String {
        bounded(self.uri.path())
    }

    /// The trace with the span of the call as its parent.
    #[cfg(feature = "otel")]
    fn trace_of_span(&self) -> Option<TraceContext> {
        self.span.as_ref()?.0.trace()
    }

    #[cfg(not(feature = "otel"))]
    #[expect(clippy::unused_self, reason = "as in a program with the feature")]
    fn trace_of_span(&self) -> Option<TraceContext> {
        None
    }

    /// The trace of the headers.
    #[cfg(feature = "otel")]
    pub(super) fn trace_of_headers(&self) -> Option<&TraceContext> {
        self.trace_of_headers.as_ref()
    }

    /// Whether the response is a stream that waits for events.
    #[cfg(any(feature = "metrics", feature = "otel"))]
    pub(crate) fn is_waiting(&self) -> bool {
        self.is_streamed && self.method.as_ref().is_none_or(|method| *method == Method::Listen)
    }

    /// A call has its response. Of a batch, the errors count.
    pub(crate) fn responded(&mut self, response: &JsonRpcResponse) {
        self.code = response.code.or(self.code);
        if self.is_error != Some(true) {
            self.is_error = response.is_error.or(self.is_error);
        }
    }
}

fn method_of(body: &Body) -> Option<Method> {
    let of_message = |message: &Message| match message {
        Message::Request(request) => Some(request.method.clone()),
        Message::Notification(notification) => Some(Method::from(notification.method.clone())),
        Message::Response(_) => None,
    };
    match body {
        Body::One(message) => of_message(message),
        Body::Batch(members) => members.iter().flatten().find_map(of_message),
    }
}

fn resource(uri: &str) -> Target {
    Target::Resource(bounded(uri.split(['?', '#']).next().unwrap_or_default()))
}

/// The hash by which the log names a session: the first eight bytes of the SHA-256 of its id, in hexadecimal digits.
pub(crate) fn session_hash(id: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    use std::fmt::Write;

    let mut hash = String::with_capacity(16);
    for byte in Sha256::digest(id).iter().take(8) {
        // A string takes everything.
        let _ = write!(hash, "{byte:02x}");
    }
    hash
}
