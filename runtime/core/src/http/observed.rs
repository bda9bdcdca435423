//! The layer around everything else: it creates what is observed of a request, and finishes it with the last byte of the
//! response, or when the client leaves.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::{FutureExt, TryFutureExt};
use http::{HeaderValue, Method, Response, header};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;

use super::{Body, BoxError, McpService};
use crate::telemetry::{End, RequestLines, ServedRequest};

const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");

/// Observes requests.
pub(crate) fn observed(inner: McpService) -> McpService {
    let lines = Arc::new(RequestLines::default());
    McpService::new(move |mut request| {
        let served = ServedRequest::begin(&request);
        let is_head = *request.method() == Method::HEAD;
        request.extensions_mut().insert(served.clone());
        let mut finish = Finish { served, lines: Arc::clone(&lines), is_over: false };
        let response = inner.answer(request);
        let responded = move |response: Response<Body>| {
            // The body of a response to HEAD is not sent.
            finish.is_over = is_head;
            let is_streamed = response.headers().get(header::CONTENT_TYPE) == Some(&EVENTS);
            {
                let mut observed = finish.served.observed();
                observed.status = Some(response.status());
                observed.is_streamed = is_streamed;
            }
            response.map(|body| Observing { body, bytes: 0, finish }.boxed_unsync())
        };
        response.map_ok(responded).boxed()
    })
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
    /// How many were sent.
    bytes: u64,
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
            Some(Ok(frame)) => this.bytes += frame.data_ref().map_or(0, Bytes::len) as u64,
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
        // The layers inside, whose bodies are dropped next, read it.
        self.finish.served.observed().bytes = self.bytes;
    }
}
