//! Replies and errors as HTTP responses: the one place that knows both JSON-RPC codes and HTTP statuses.
//!
//! Statuses of 2026-07-28: <https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http>
//! (read 2026-11-20). The session era keeps JSON-RPC errors at 200, as its SDKs do.

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use rmcp::{
    ErrorData,
    model::{ErrorCode, JsonRpcError, RequestId},
};

use super::{
    body::{self, Body},
    refusal::Refusal,
    sse,
};
use crate::{
    auth::{AuthError, ProtectedResource, TokenError},
    dispatch::{Caller, JsonReply, Reply},
    ingress::Delivery,
    protocol::{Era, Fault, JsonRpcResponse, headers},
    stream::{Frame, FrameStream},
    telemetry::{ServedRequest, session_hash},
};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A refusal as a response: an id-less JSON-RPC error, so that every client can show it.
pub(super) fn refusal(refusal: &Refusal, served: &ServedRequest) -> Response<Body> {
    match refusal {
        Refusal::Fault(fault) => served.refused(&fault.to_log(), None),
        other => served.refused(other, None),
    }
    let (status, fault) = match refusal {
        Refusal::Fault(fault) => (status_of(fault, Era::Session), fault.clone()),
        other => (other.status(), Fault::InvalidRequest(other.to_string())),
    };
    let mut response = fault_json(status, None, &fault, served);
    if refusal.is_temporary() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    let headers = response.headers_mut();
    match refusal {
        Refusal::Method { allow } => {
            headers.insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        Refusal::ContentEncoding => {
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        _ => {}
    }
    response
}

/// Answers OPTIONS: the methods that are allowed.
pub(super) fn allowed(methods: &'static str) -> Response<Body> {
    let mut response = empty(StatusCode::NO_CONTENT);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
    response
}

/// Answers an event that cannot be made an HTTP request.
#[must_use]
pub fn bad_request(message: &str) -> Response<Body> {
    let fault = Fault::InvalidRequest(message.to_owned());
    json(StatusCode::BAD_REQUEST, JsonRpcResponse::fault(None, &fault).json)
}

/// A reply as a response.
pub(super) async fn render(
    reply: Reply,
    max_response: usize,
    resource: &ProtectedResource,
    caller: &Caller,
) -> Response<Body> {
    match reply {
        Reply::Accepted => empty(StatusCode::ACCEPTED),
        Reply::NoContent => empty(StatusCode::NO_CONTENT),
        Reply::Json(reply) => json_reply(reply, &caller.served),
        Reply::Stream(frames) => stream(frames, caller.ingress.delivery, max_response).await,
        Reply::Error { era, id, fault } => {
            let mut response = fault_response(era, id, &fault, &caller.served);
            if let Fault::InsufficientScope { needed } = &fault {
                let error = Some((TokenError::InsufficientScope, SCOPE_MISSING));
                challenge(&mut response, resource.challenge(&caller.parts.headers, error, needed));
            }
            response
        }
    }
}

/// The `error_description` of RFC 6750 for a call that the token does not allow.
const SCOPE_MISSING: &str = "the token does not allow this";

/// Answers a request without an authenticated caller, or without a scope that every caller needs.
pub(super) fn unauthenticated(
    resource: &ProtectedResource,
    request: &HeaderMap,
    error: &AuthError,
    served: &ServedRequest,
) -> Response<Body> {
    let (status, token_error, needed) = match error {
        AuthError::Unavailable => {
            return fault_response(Era::Session, None, &Fault::IssuerUnavailable, served);
        }
        AuthError::Missing => (StatusCode::UNAUTHORIZED, None, &[][..]),
        AuthError::InvalidToken(text) => {
            (StatusCode::UNAUTHORIZED, Some((TokenError::InvalidToken, *text)), &[][..])
        }
        AuthError::Malformed(text) => {
            (StatusCode::BAD_REQUEST, Some((TokenError::InvalidRequest, *text)), &[][..])
        }
        AuthError::InsufficientScope(needed) => {
            (StatusCode::FORBIDDEN, Some((TokenError::InsufficientScope, SCOPE_MISSING)), needed.as_slice())
        }
    };
    served.refused(error, None);
    let fault = Fault::InvalidRequest(error.to_string());
    let mut response = fault_json(status, None, &fault, served);
    challenge(&mut response, resource.challenge(request, token_error, needed));
    response
}

fn challenge(response: &mut Response<Body>, challenge: Option<HeaderValue>) {
    if let Some(challenge) = challenge {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
}

fn json_reply(reply: JsonReply, served: &ServedRequest) -> Response<Body> {
    // An internal error was logged where it happened.
    if let Some(code) = reply.code.filter(|code| *code != ErrorCode::INTERNAL_ERROR.0) {
        served.refused(&format_args!("the handler answered with the error {code}"), None);
    }
    let status = reply.code.map_or(StatusCode::OK, |code| status_of_code(code, reply.era));
    let mut response = json(status, reply.json);
    if let Some(session) = reply.session
        && let Ok(id) = HeaderValue::from_str(&session)
    {
        served.observed().session = Some(session_hash(id.as_bytes()).into());
        response.headers_mut().insert(headers::SESSION_ID, id);
    }
    response
}

fn fault_response(era: Era, id: Option<RequestId>, fault: &Fault, served: &ServedRequest) -> Response<Body> {
    // A store or an issuer that failed was logged with its cause.
    if !matches!(fault, Fault::Unavailable | Fault::IssuerUnavailable) {
        served.refused(&fault.to_log(), id.as_ref());
    }
    // At 200 a client would take an error that names no request for a success.
    let status = if id.is_none() && *fault == Fault::Internal {
        StatusCode::INTERNAL_SERVER_ERROR
    } else {
        status_of(fault, era)
    };
    let mut response = fault_json(status, id, fault, served);
    if matches!(
        fault,
        Fault::TooManyStreams { .. }
            | Fault::TooManyTasks { .. }
            | Fault::ProcessFull { .. }
            | Fault::Unavailable
            | Fault::IssuerUnavailable
    ) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST, DELETE, OPTIONS"));
    }
    response
}

fn fault_json(
    status: StatusCode,
    id: Option<RequestId>,
    fault: &Fault,
    served: &ServedRequest,
) -> Response<Body> {
    let response = JsonRpcResponse::fault(id, fault);
    served.observed().code = response.code;
    json(status, response.json)
}

/// The status of a refusal.
fn status_of(fault: &Fault, era: Era) -> StatusCode {
    match fault {
        Fault::Parse(_)
        | Fault::InvalidRequest(_)
        | Fault::InvalidMeta(_)
        | Fault::HeaderMismatch(_)
        | Fault::UnsupportedVersion { .. }
        | Fault::UnsupportedSessionVersion(_)
        | Fault::SessionRequired
        | Fault::NeedsSession { .. } => StatusCode::BAD_REQUEST,
        Fault::MethodNotFound(_) => match era {
            Era::Stateless => StatusCode::NOT_FOUND,
            Era::Session => StatusCode::OK,
        },
        Fault::InvalidParams { .. }
        | Fault::NoSessions { .. }
        | Fault::TaskRequired { .. }
        | Fault::NoTaskTool { .. } => StatusCode::OK,
        Fault::SessionNotFound => StatusCode::NOT_FOUND,
        // The one refusal of a GET that no official client repeats: docs/streams.md.
        Fault::StreamsOff | Fault::UnknownEvent(_) => StatusCode::METHOD_NOT_ALLOWED,
        Fault::InsufficientScope { .. } => StatusCode::FORBIDDEN,
        Fault::TooManyStreams { .. } | Fault::TooManyTasks { .. } => StatusCode::TOO_MANY_REQUESTS,
        Fault::ProcessFull { .. } | Fault::Unavailable | Fault::IssuerUnavailable => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        Fault::DeadlineExceeded { .. } | Fault::Interrupted | Fault::Internal => StatusCode::OK,
    }
}

/// The status of a handler's error: 2026-07-28 names statuses for some codes.
fn status_of_code(code: i32, era: Era) -> StatusCode {
    match (era, code) {
        (Era::Stateless, -32601) => StatusCode::NOT_FOUND,
        (Era::Stateless, -32022..=-32020) => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    }
}

async fn stream(frames: FrameStream, delivery: Delivery, limit: usize) -> Response<Body> {
    let body = match delivery {
        Delivery::Stream => body::streaming(frames.map(|frame| sse::encode(&frame))),
        Delivery::Buffered => body::full(buffered(frames, limit).await),
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// Buffers the stream without keep-alives. The messages of an exchange are within the limit already; events of the log
/// beyond it are dropped, and fetched by the client's next request.
async fn buffered(mut frames: FrameStream, limit: usize) -> Bytes {
    let (mut text, mut size) = (BytesMut::new(), 0);
    while let Some(frame) = frames.next().await {
        if frame == Frame::KeepAlive || size > limit {
            continue;
        }
        if let Frame::Message { json, .. } = &frame {
            size += json.len();
        }
        text.extend_from_slice(&sse::encode(&frame));
    }
    if text.is_empty() {
        // Some gateways wait for the first byte of an empty stream.
        text.extend_from_slice(&sse::encode(&Frame::KeepAlive));
    }
    text.freeze()
}

/// Answers 500 with an error that names no request: at 200 a client would wait on for a response with its id.
#[must_use]
pub fn internal_error(message: &str) -> (StatusCode, Bytes) {
    let error = ErrorData::internal_error(message.to_owned(), None);
    (StatusCode::INTERNAL_SERVER_ERROR, JsonRpcResponse::error(&JsonRpcError::new(None, error)).json)
}

pub(super) fn json(status: StatusCode, json: Bytes) -> Response<Body> {
    let mut response = Response::new(body::full(json));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(body::full(Bytes::new()));
    *response.status_mut() = status;
    response
}
