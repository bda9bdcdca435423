//! A streamed response on its way from the function to the invoker, chunk by chunk.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::{
    sync::{mpsc, oneshot},
    time,
};

use crate::{
    answer::{AnswerBody, Outcome, STREAMED_LIMIT, Streaming},
    failure::FunctionError,
};

/// How long the end of a process may take to be noticed after its connection broke.
const REASON_LIMIT: Duration = Duration::from_secs(2);

type Chunk = Result<Bytes, FunctionError>;

/// Both ends of a new stream.
pub(crate) fn open(content_type: Option<String>) -> (mpsc::Sender<Chunk>, Outcome) {
    let (sender, body) = AnswerBody::channel();
    (sender, Outcome::Streaming(Streaming { content_type, body }))
}

/// Passes on every chunk as it arrives and reads to the end, whether or not anybody still listens.
///
/// `cut` ends what the client sees; the function may write on, as on Managed Instances after the deadline. Returns the
/// client that now waits for the end of the stream, so that the caller can do what must be done before.
pub(crate) async fn forward(
    request_id: &str,
    mut body: Incoming,
    client: mpsc::Sender<Chunk>,
    cut: oneshot::Receiver<FunctionError>,
) -> Option<mpsc::Sender<Chunk>> {
    let (mut client, mut cut) = (Some(client), Some(cut));
    let mut length = 0_usize;
    loop {
        let frame = tokio::select! {
            biased;
            error = reason(&mut cut) => {
                send(&mut client, Err(error)).await;
                continue;
            }
            frame = body.frame() => frame,
        };
        let chunk = match frame {
            None => return client,
            Some(Err(_)) => {
                let error = why_cut_off(request_id, &mut cut).await;
                send(&mut client, Err(error)).await;
                return None;
            }
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => {
                    length = length.saturating_add(data.len());
                    let fits = length <= STREAMED_LIMIT;
                    fits.then_some(data).ok_or_else(|| FunctionError::response_too_large(STREAMED_LIMIT))
                }
                // Trailers are how a runtime reports an error in the middle of a stream.
                Err(frame) => match trailing_error(frame.trailers_ref()) {
                    Some(error) => Err(error),
                    None => continue,
                },
            },
        };
        // A client that reads slowly holds the function back, but not the deadline.
        let cut_off = tokio::select! {
            biased;
            () = send(&mut client, chunk) => None,
            error = reason(&mut cut) => Some(error),
        };
        if let Some(error) = cut_off {
            send(&mut client, Err(error)).await;
        }
    }
}

/// Hands the client a chunk; an error is the last one. A client that has left gets nothing more: the function is not
/// told, it is read to its end.
async fn send(client: &mut Option<mpsc::Sender<Chunk>>, chunk: Chunk) {
    let Some(sender) = client else { return };
    let last = chunk.is_err();
    if sender.send(chunk).await.is_err() || last {
        *client = None;
    }
}

/// Waits for a reason to cut the answer off; forever, if there will be none.
async fn reason(cut: &mut Option<oneshot::Receiver<FunctionError>>) -> FunctionError {
    if let Some(receiver) = cut {
        let received = receiver.await;
        *cut = None;
        if let Ok(error) = received {
            return error;
        }
    }
    std::future::pending().await
}

/// Why a response ended before its end: the deadline or the end of the process, if it was one of them.
pub(crate) async fn why_cut_off(
    request_id: &str,
    cut: &mut Option<oneshot::Receiver<FunctionError>>,
) -> FunctionError {
    match time::timeout(REASON_LIMIT, reason(cut)).await {
        Ok(error) => error,
        Err(_) => FunctionError::response_cut_off(request_id),
    }
}

fn trailing_error(trailers: Option<&HeaderMap>) -> Option<FunctionError> {
    let trailers = trailers?;
    let kind = trailers.get("lambda-runtime-function-error-type")?.to_str().ok()?;
    let body = trailers.get("lambda-runtime-function-error-body").map(HeaderValue::as_bytes);
    let payload = BASE64_STANDARD.decode(body.unwrap_or_default()).unwrap_or_default();
    Some(FunctionError::reported(payload.into(), Some(kind)))
}
