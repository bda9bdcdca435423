//! The body of a call to the Runtime API, chunk by chunk.

use std::{
    convert::Infallible,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::error::{ERROR_BODY, ERROR_TYPE, InvocationError};
use mcp_lambda_core::{error::Causes, http::Body};

/// The chunk that is sent instead of a streamed body that turns out to be empty: gateways wait for a first byte.
pub(super) const NOT_EMPTY: Bytes = Bytes::from_static(b"\n");

/// The trailers that a streamed body may end with. They report an error in the middle of a stream to Lambda, which counts
/// the invocation as failed: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html> (read 2026-11-26).
pub(super) const TRAILERS: HeaderValue =
    HeaderValue::from_static("lambda-runtime-function-error-type, lambda-runtime-function-error-body");

/// The body of a request to the Runtime API. It never fails: an error or a panic of the response body is logged, and the
/// trailers report it. The client only notices that the stream ends.
pub(super) struct Chunks {
    /// The chunks that are sent first, in one write.
    ready: [Option<Bytes>; 3],
    rest: Rest,
    sent: Sent,
}

/// Where a response body is kept when it has ended or is not sent further. What it does when it is dropped, such as writing the
/// line of its request, waits until its last byte is on its way. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Sent(Arc<Mutex<Option<Body>>>);

impl Sent {
    fn keep(&self, body: Body) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
    }

    /// Drops the body, if it is over.
    pub(super) fn finish(&self) {
        let body = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(body);
    }
}

enum Rest {
    /// The first chunk is the whole body.
    Nothing,
    /// A streamed body. `is_empty`: it has not sent a byte yet.
    Body { body: Body, is_empty: bool },
    /// The streamed body has failed, which its trailers report.
    Failed(InvocationError),
    /// The streamed body has ended (its length was never known).
    Ended,
}

impl Chunks {
    pub(super) fn empty() -> Self {
        Self::only([None, None, None])
    }

    /// These chunks and no others.
    fn only(ready: [Option<Bytes>; 3]) -> Self {
        Self { ready, rest: Rest::Nothing, sent: Sent::default() }
    }

    /// A complete body, sent with its length.
    pub(super) fn whole(bytes: Bytes) -> Self {
        Self::only([Some(bytes), None, None])
    }

    /// The same, with a response body that has ended.
    pub(super) fn keeping(self, body: Body) -> Self {
        self.sent.keep(body);
        self
    }

    /// Where the response body is kept when it is over.
    pub(super) fn sent(&self) -> Sent {
        self.sent.clone()
    }

    /// A streamed body after a prelude. The first chunk of the body is sent with the prelude if it is ready.
    ///
    /// Lambda reads bytes, but the Runtime API of `cargo lambda watch` takes the first chunk for the prelude and the second
    /// for its end: <https://github.com/cargo-lambda/cargo-lambda/blob/main/crates/cargo-lambda-watch/src/trigger_router.rs>
    /// (read 2026-11-26).
    pub(super) async fn streamed(prelude: Bytes, prelude_end: &'static [u8], body: Body) -> Self {
        let (mut rest, sent) = (Rest::Body { body, is_empty: true }, Sent::default());
        let ready = poll_fn(|cx| Poll::Ready(rest.poll(&sent, cx))).await;
        let chunk = match ready {
            Poll::Ready(chunk) => chunk,
            Poll::Pending => None,
        };
        Self { ready: [Some(prelude), Some(Bytes::from_static(prelude_end)), chunk], rest, sent }
    }
}

impl Rest {
    fn poll(&mut self, sent: &Sent, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            let Self::Body { body, is_empty } = self else { return Poll::Ready(None) };
            match catch_unwind(AssertUnwindSafe(|| Pin::new(body).poll_frame(cx))) {
                Ok(Poll::Pending) => return Poll::Pending,
                Ok(Poll::Ready(Some(Ok(frame)))) => match frame.into_data() {
                    Ok(data) if !data.is_empty() => {
                        *is_empty = false;
                        return Poll::Ready(Some(data));
                    }
                    _ => {}
                },
                Ok(Poll::Ready(None)) => return Poll::Ready(self.end(Self::Ended, sent)),
                Ok(Poll::Ready(Some(Err(error)))) => {
                    tracing::error!(error = %Causes(&*error), "a response body failed");
                    return Poll::Ready(self.end(Self::failed("ResponseBody", "failed"), sent));
                }
                Err(_) => {
                    tracing::error!("a response body panicked");
                    return Poll::Ready(self.end(Self::failed("Panic", "panicked"), sent));
                }
            }
        }
    }

    /// Ends the body, with [`NOT_EMPTY`] if it has sent no chunk.
    fn end(&mut self, end: Self, sent: &Sent) -> Option<Bytes> {
        let Self::Body { body, is_empty } = std::mem::replace(self, end) else { return None };
        sent.keep(body);
        is_empty.then_some(NOT_EMPTY)
    }

    /// The cause is for the log only, as the invoker of the function may read the error.
    fn failed(kind: &'static str, how: &str) -> Self {
        let message = format!("internal error: the body of the response {how} before its end");
        Self::Failed(InvocationError { kind, message })
    }

    /// The trailers of a body that has failed, once.
    fn trailers(&mut self) -> Option<HeaderMap> {
        let Self::Failed(error) = self else { return None };
        // Both fields are text, so the serialization does not fail, and base64 is valid in a header.
        let body = STANDARD.encode(serde_json::to_vec(error).unwrap_or_default());
        let mut trailers = HeaderMap::with_capacity(2);
        trailers.insert(ERROR_TYPE, HeaderValue::from_static(error.kind));
        trailers.extend(HeaderValue::try_from(body).map(|body| (ERROR_BODY, body)));
        *self = Self::Ended;
        Some(trailers)
    }
}

/// A connection drops the chunks when it has read the last one, and then sends it.
impl Drop for Chunks {
    fn drop(&mut self) {
        self.rest.end(Rest::Ended, &self.sent);
    }
}

impl HttpBody for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(chunk) = self.ready.iter_mut().find_map(Option::take) {
            return Poll::Ready(Some(Ok(Frame::data(chunk))));
        }
        let this = &mut *self;
        this.rest.poll(&this.sent, cx).map(|chunk| {
            let frame = chunk.map(Frame::data).or_else(|| this.rest.trailers().map(Frame::trailers));
            frame.map(Ok)
        })
    }

    fn is_end_stream(&self) -> bool {
        self.ready.iter().all(Option::is_none)
            && match &self.rest {
                Rest::Nothing | Rest::Ended => true,
                Rest::Failed(_) => false,
                Rest::Body { body, is_empty } => !is_empty && body.is_end_stream(),
            }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.rest {
            Rest::Nothing => {
                let left = self.ready.iter().flatten().map(|chunk| chunk.len() as u64).sum();
                SizeHint::with_exact(left)
            }
            Rest::Body { .. } | Rest::Failed(_) | Rest::Ended => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use http_body_util::{BodyExt, Full};
    use mcp_lambda_core::http::BoxError;

    use super::*;

    /// A body that notes when it is dropped.
    struct Noted(Full<Bytes>, Arc<AtomicBool>);

    impl HttpBody for Noted {
        type Data = Bytes;
        type Error = BoxError;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
            Pin::new(&mut self.0).poll_frame(cx).map_err(|never| match never {})
        }

        fn is_end_stream(&self) -> bool {
            self.0.is_end_stream()
        }
    }

    impl Drop for Noted {
        fn drop(&mut self) {
            self.1.store(true, Ordering::Relaxed);
        }
    }

    /// What a body does when it is dropped, such as writing the line of its request, delays no client.
    #[tokio::test]
    async fn a_body_that_has_ended_is_kept_until_its_last_byte_is_on_its_way() {
        let dropped = Arc::new(AtomicBool::new(false));
        let is_dropped = || dropped.load(Ordering::Relaxed);
        let body = Noted(Full::from("body"), Arc::clone(&dropped)).boxed_unsync();
        let mut chunks = Chunks::streamed(Bytes::from_static(b"prelude"), b"|", body).await;
        let sent = chunks.sent();
        let mut bytes = Vec::new();
        while let Some(Ok(frame)) = chunks.frame().await {
            bytes.extend_from_slice(frame.data_ref().expect("data"));
            sent.finish();
        }
        assert_eq!(bytes, b"prelude|body");
        assert!(!is_dropped());
        drop(chunks);
        assert!(!is_dropped());
        sent.finish();
        assert!(is_dropped());
    }

    #[tokio::test]
    async fn a_body_that_has_not_ended_is_dropped_with_the_call_that_sent_it() {
        let dropped = Arc::new(AtomicBool::new(false));
        let body = Noted(Full::from("body"), Arc::clone(&dropped)).boxed_unsync();
        let chunks = Chunks::streamed(Bytes::from_static(b"prelude"), b"|", body).await;
        let sent = chunks.sent();
        drop(chunks);
        assert!(!dropped.load(Ordering::Relaxed));
        drop(sent);
        assert!(dropped.load(Ordering::Relaxed));
    }
}
