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

/// The sender to the client. Dropping it ends the stream.
pub(crate) struct Client {
    chunks: mpsc::Sender<Chunk>,
    /// A slot that is kept free, so that a client that reads slowly does not delay the error that cuts its stream off.
    last_word: mpsc::OwnedPermit<Chunk>,
}

/// The next part of the function's response.
enum Next {
    Data(Bytes),
    /// The function, or a limit, ends the stream.
    Error(FunctionError),
    /// The connection ended before the stream.
    Broken,
    End,
}

/// Both ends of a new stream.
pub(crate) fn open(content_type: Option<String>) -> (Option<Client>, Outcome) {
    let (chunks, body) = AnswerBody::channel();
    let last_word = chunks.clone().try_reserve_owned().ok();
    let client = last_word.map(|last_word| Client { chunks, last_word });
    (client, Outcome::Streaming(Streaming { content_type, body }))
}

/// Passes on every chunk as it arrives and reads to the end, even when the client has left.
///
/// `cut` ends what the client sees; the function may write on, as on Managed Instances after the deadline. Returns the
/// client that now waits for the end of the stream, so that the caller can do what must be done before.
pub(crate) async fn forward(
    request_id: &str,
    mut body: Incoming,
    mut client: Option<Client>,
    cut: oneshot::Receiver<FunctionError>,
) -> Option<Client> {
    let (mut cut, mut length) = (Some(cut), 0);
    loop {
        let next = tokio::select! {
            biased;
            error = reason(&mut cut) => Next::Error(error),
            next = next(&mut body, &mut length) => next,
        };
        match next {
            Next::End => return client,
            Next::Broken => {
                let error = why_cut_off(request_id, &mut cut).await;
                cut_off(&mut client, error);
                return None;
            }
            Next::Error(error) => cut_off(&mut client, error),
            // A client that reads slowly holds the function back, but not the deadline.
            Next::Data(data) => tokio::select! {
                biased;
                () = pass_on(&mut client, data) => {}
                error = reason(&mut cut) => cut_off(&mut client, error),
            },
        }
    }
}

async fn next(body: &mut Incoming, length: &mut usize) -> Next {
    loop {
        let Some(frame) = body.frame().await else { return Next::End };
        let Ok(frame) = frame else { return Next::Broken };
        match frame.into_data() {
            Ok(data) => {
                *length = length.saturating_add(data.len());
                if *length > STREAMED_LIMIT {
                    return Next::Error(FunctionError::response_too_large(STREAMED_LIMIT));
                }
                return Next::Data(data);
            }
            // Trailers are how a runtime reports an error in the middle of a stream.
            Err(frame) => {
                if let Some(error) = trailing_error(frame.trailers_ref()) {
                    return Next::Error(error);
                }
            }
        }
    }
}

/// Sends to a client that may have left. The function does not notice that: its response is read to its end.
async fn pass_on(client: &mut Option<Client>, data: Bytes) {
    if let Some(there) = client
        && there.chunks.send(Ok(data)).await.is_err()
    {
        *client = None;
    }
}

fn cut_off(client: &mut Option<Client>, error: FunctionError) {
    if let Some(Client { last_word, .. }) = client.take() {
        last_word.send(Err(error));
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
