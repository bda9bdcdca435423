//! The answer of a function to an invocation, whole or as a stream.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use http_body::Frame;
use tokio::sync::mpsc;

use crate::{environment::EnvironmentId, event_stream, failure::FunctionError};

/// The largest buffered response; the Runtime API refuses more (6 MB and a little, by Lambda's error message).
pub(crate) const BUFFERED_LIMIT: usize = 6_291_556;
/// The largest streamed response: 200 MB.
pub(crate) const STREAMED_LIMIT: usize = 200 * 1024 * 1024;
/// Chunks on their way from a function to a client that reads slowly; then the function is held back. One more chunk
/// is kept for the error that cuts a stream off.
pub(crate) const CHUNKS_IN_FLIGHT: usize = 32;

/// The content type by which a runtime announces a stream that starts with an HTTP prelude.
pub(crate) const HTTP_INTEGRATION: &str = "application/vnd.awslambda.http-integration-response";

/// The answer to one invocation.
#[derive(Debug)]
pub struct Answer {
    /// `Lambda-Runtime-Aws-Request-Id` of the invocation.
    pub request_id: String,
    /// The environment that served it.
    pub environment: EnvironmentId,
    /// The response of the function.
    pub outcome: Outcome,
}

/// The response of a function.
#[derive(Debug)]
pub enum Outcome {
    /// A whole payload.
    Buffered(Bytes),
    /// A payload that is still being written.
    Streaming(Streaming),
    /// The function failed before its first byte.
    Failed(FunctionError),
}

/// A streamed payload, prelude included.
#[derive(Debug)]
pub struct Streaming {
    /// `Content-Type` of the runtime's response: what kind of payload follows.
    pub content_type: Option<String>,
    /// The bytes.
    pub body: AnswerBody,
}

impl Answer {
    /// The status of Lambda's Invoke API, which is 200 even for a function that failed.
    #[must_use]
    pub fn status(&self) -> u16 {
        200
    }

    /// The error of a function that failed before its first byte.
    #[must_use]
    pub fn function_error(&self) -> Option<&FunctionError> {
        match &self.outcome {
            Outcome::Failed(error) => Some(error),
            Outcome::Buffered(_) | Outcome::Streaming(_) => None,
        }
    }

    /// The whole payload, waiting for the end of a stream.
    ///
    /// # Errors
    ///
    /// The error of the function, before its first byte or in the middle of a stream.
    pub async fn bytes(self) -> Result<Bytes, FunctionError> {
        match self.outcome {
            Outcome::Buffered(payload) => Ok(payload),
            Outcome::Streaming(streaming) => streaming.body.collect(STREAMED_LIMIT).await,
            Outcome::Failed(error) => Err(error),
        }
    }
}

/// The bytes of a streamed answer, as the function writes them.
///
/// Dropping it does not reach the function, exactly as a client that leaves does not: the invocation runs on.
#[derive(Debug)]
pub struct AnswerBody {
    /// Bytes that were read together with the prelude.
    head: Option<Bytes>,
    rest: Option<mpsc::Receiver<Result<Bytes, FunctionError>>>,
    /// Each chunk is a message of an event stream, and so is the end.
    events: bool,
}

impl AnswerBody {
    pub(crate) fn channel() -> (mpsc::Sender<Result<Bytes, FunctionError>>, Self) {
        let (sender, rest) = mpsc::channel(CHUNKS_IN_FLIGHT + 1);
        (sender, AnswerBody { head: None, rest: Some(rest), events: false })
    }

    pub(crate) fn whole(bytes: Bytes) -> Self {
        AnswerBody { head: Some(bytes), rest: None, events: false }
    }

    /// Nothing but the error of a function.
    pub(crate) fn failed(error: FunctionError) -> Self {
        let (chunks, body) = Self::channel();
        // The channel is empty, so there is room for it.
        let _ = chunks.try_send(Err(error));
        body
    }

    /// The stream of `InvokeWithResponseStream`.
    pub(crate) fn into_event_stream(self) -> Self {
        AnswerBody { events: true, ..self }
    }

    /// Puts back bytes that belong to the body.
    pub(crate) fn push_front(&mut self, bytes: Bytes) {
        self.head = (!bytes.is_empty()).then_some(bytes);
    }

    /// The next chunk, `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Bytes, FunctionError>> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, FunctionError>>> {
        if let Some(head) = self.head.take() {
            return Poll::Ready(Some(Ok(head)));
        }
        match &mut self.rest {
            Some(rest) => rest.poll_recv(cx),
            None => Poll::Ready(None),
        }
    }

    /// Everything up to the end, if it is not more than `limit` bytes.
    pub(crate) async fn collect(mut self, limit: usize) -> Result<Bytes, FunctionError> {
        let mut whole = BytesMut::new();
        while let Some(chunk) = self.next().await {
            whole.extend_from_slice(&chunk?);
            if whole.len() > limit {
                return Err(FunctionError::response_too_large(limit));
            }
        }
        Ok(whole.freeze())
    }
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = FunctionError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, FunctionError>>> {
        let body = self.get_mut();
        let chunk = ready!(body.poll_next(cx));
        if !body.events {
            return Poll::Ready(chunk.map(|chunk| chunk.map(Frame::data)));
        }
        let message = match chunk {
            Some(Ok(chunk)) => event_stream::payload(chunk),
            end => {
                (body.events, body.rest) = (false, None);
                event_stream::complete(end.and_then(Result::err).as_ref())
            }
        };
        Poll::Ready(Some(Ok(Frame::data(message))))
    }
}
