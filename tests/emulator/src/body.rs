//! Bodies: read with a limit, written whole or as a stream.

use bytes::{Bytes, BytesMut};
use http::{
    HeaderValue, Response, StatusCode,
    header::{CONTENT_TYPE, HeaderName},
};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use serde::Serialize;

use crate::answer::AnswerBody;

/// The response body of every server of this crate.
pub(crate) type Body = Either<Full<Bytes>, AnswerBody>;

/// Why a body could not be read.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Unread {
    TooLarge,
    CutOff,
}

/// Reads `body` to its end, also when it is too large: a peer that is answered while it still writes may see a reset
/// connection instead of the answer.
pub(crate) async fn read(mut body: Incoming, limit: usize) -> Result<Bytes, Unread> {
    let (mut whole, mut length) = (BytesMut::new(), 0_usize);
    let mut only: Option<Bytes> = None;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Unread::CutOff)?.into_data() else { continue };
        length = length.saturating_add(data.len());
        if length > limit {
            (only, whole) = (None, BytesMut::new());
            continue;
        }
        // Most bodies arrive in one piece, which needs no copy.
        if length == data.len() {
            only = Some(data);
        } else {
            if let Some(first) = only.take() {
                whole.extend_from_slice(&first);
            }
            whole.extend_from_slice(&data);
        }
    }
    match only {
        _ if length > limit => Err(Unread::TooLarge),
        Some(bytes) => Ok(bytes),
        None => Ok(whole.freeze()),
    }
}

/// A response with a whole body.
pub(crate) fn whole(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Body> {
    let mut response = Response::new(Either::Left(Full::new(body.into())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// A response with a JSON body.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    match serde_json::to_vec(value) {
        Ok(bytes) => whole(status, "application/json", bytes),
        Err(error) => whole(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", error.to_string()),
    }
}

/// Sets a header to a value from outside this crate. A value that HTTP does not allow is left out.
pub(crate) fn set(response: &mut Response<Body>, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
}
