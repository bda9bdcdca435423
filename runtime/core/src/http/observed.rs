//! The layer around everything else: it creates what is observed of a request, and finishes it with the last byte of the
//! response, or when the client leaves.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};
use http::{HeaderValue, Method, Request, Response, header};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use tower::{ServiceExt, service_fn};

use super::{Body, BoxError, McpService};
use crate::telemetry::{End, RequestLines, ServedRequest};

const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");

/// Observes requests.
pub(crate) fn observed(inner: McpService) -> McpService {
    let lines = Arc::new(RequestLines::default());
    McpService::new(service_fn(
        move |request: Request<Body>| -> BoxFuture<'static, Result<Response<Body>, Infallible>> {
            let (mut parts, body) = request.into_parts();
            let served = ServedRequest::begin(&parts);
            let is_head = parts.method == Method::HEAD;
            parts.extensions.insert(served.clone());
            let mut finish = Finish { served, lines: Arc::clone(&lines), is_over: false };
            let response = inner.clone().oneshot(Request::from_parts(parts, body));
            let responded = move |response: Result<Response<Body>, Infallible>| {
                response.map(|response| {
                    {
                        let mut observed = finish.served.observed();
                        observed.status = Some(response.status());
                        observed.is_streamed = response.headers().get(header::CONTENT_TYPE) == Some(&EVENTS);
                    }
                    // The body of a response to HEAD is not sent.
                    finish.is_over = is_head;
                    response.map(|body| Observing { body, finish }.boxed_unsync())
                })
            };
            response.map(responded).boxed()
        },
    ))
}

/// Finishes the request when it is dropped: no request is without its line.
struct Finish {
    served: ServedRequest,
    lines: Arc<RequestLines>,
    /// Whether the last byte of the response was sent.
    is_over: bool,
}

impl Drop for Finish {
    fn drop(&mut self) {
        let mut observed = self.served.observed();
        if observed.end == End::Complete && !self.is_over {
            observed.end = if std::thread::panicking() { End::Failed } else { End::ClientLeft };
        }
        observed.duration = observed.started.elapsed();
        #[cfg(feature = "otel")]
        observed.end_span();
        self.lines.write(&observed);
    }
}

/// A response body that is observed.
struct Observing {
    body: Body,
    finish: Finish,
}

impl http_body::Body for Observing {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let frame = std::task::ready!(Pin::new(&mut this.body).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                this.finish.served.observed().bytes += bytes as u64;
            }
            Some(Err(_)) => this.finish.served.ended(End::Failed),
            None => this.finish.is_over = true,
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Observing {
    fn drop(&mut self) {
        self.finish.is_over |= self.body.is_end_stream();
    }
}
