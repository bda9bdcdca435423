//! The one place that turns replies and errors into HTTP.
//!
//! Statuses of 2026-07-28: <https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http>
//! (read 2026-11-20). The session era keeps JSON-RPC errors at 200, as its SDKs do.

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use rmcp::model::{ErrorCode, RequestId};

use super::{
    body::{self, Body},
    sse,
};
use crate::{
    auth::{AuthError, ProtectedResource, TokenError},
    dispatch::{Answer, App, Caller, Final, Reply},
    ingress::Delivery,
    protocol::{Era, Fault, read},
    stream::{Frame, FrameStream},
};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Refused by HTTP itself.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("method not allowed here")]
    Method,
    #[error("this server does not answer to the host {0:?} (MCP_ALLOWED_HOSTS)")]
    Host(String),
    #[error("requests from the origin {0:?} are not allowed (MCP_CORS_ORIGINS)")]
    Origin(String),
    #[error("Content-Type must be application/json")]
    ContentType,
    #[error("Accept must list {0}")]
    Accept(&'static str),
    #[error("the body is larger than {limit} bytes (MCP_MAX_BODY_BYTES)")]
    TooLarge { limit: usize },
    #[error("the request has more than {limit} headers (MCP_MAX_HEADERS)")]
    ManyHeaders { limit: usize },
    #[error("the request's headers are larger than {limit} bytes (MCP_MAX_HEADER_BYTES)")]
    LargeHeaders { limit: usize },
    #[error(
        "this caller has {limit} requests open, which is the most (MCP_REQUESTS_PER_PRINCIPAL); retry later"
    )]
    Busy { limit: usize },
    #[error("the body did not arrive in time (MCP_BODY_SECONDS)")]
    SlowBody,
    #[error("the body broke off")]
    BrokenBody,
    #[error(transparent)]
    Fault(Fault),
}

/// A refusal as a response: an id-less JSON-RPC error, so that every client can show it.
pub(super) fn refusal(refusal: &Refusal) -> Response<Body> {
    match refusal {
        Refusal::Fault(fault) => log_refused(&unquoted(fault), None),
        other => log_refused(other, None),
    }
    let (status, fault) = match refusal {
        Refusal::Fault(fault) => (status_of(fault, Era::Session), fault.clone()),
        other => (refused(other), Fault::InvalidRequest(other.to_string())),
    };
    let mut response = json(status, Final::fault(None, &fault).json);
    if matches!(refusal, Refusal::Busy { .. }) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    if matches!(refusal, Refusal::Method) {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    }
    response
}

/// A request that was broken before it was HTTP.
pub fn bad_request(message: &str) -> Response<Body> {
    let fault = Fault::InvalidRequest(message.to_owned());
    json(StatusCode::BAD_REQUEST, Final::fault(None, &fault).json)
}

fn refused(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::Method => StatusCode::METHOD_NOT_ALLOWED,
        Refusal::Host(_) | Refusal::Origin(_) => StatusCode::FORBIDDEN,
        Refusal::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Refusal::Accept(_) => StatusCode::NOT_ACCEPTABLE,
        Refusal::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::ManyHeaders { .. } | Refusal::LargeHeaders { .. } => {
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
        }
        Refusal::Busy { .. } => StatusCode::TOO_MANY_REQUESTS,
        Refusal::SlowBody => StatusCode::REQUEST_TIMEOUT,
        Refusal::BrokenBody | Refusal::Fault(_) => StatusCode::BAD_REQUEST,
    }
}

/// A reply as a response.
pub(super) async fn render(reply: Reply, app: &App, caller: &Caller) -> Response<Body> {
    match reply {
        Reply::Accepted => empty(StatusCode::ACCEPTED),
        Reply::Ended => empty(StatusCode::NO_CONTENT),
        Reply::Answer(answer) => self::answer(answer),
        Reply::Stream(frames) => stream(frames, caller.ingress.delivery, app.config.max_response).await,
        Reply::Refused { era, id, fault } => {
            let mut response = fault_response(era, id, &fault);
            if let Fault::InsufficientScope { needed } = &fault {
                let error = Some((TokenError::InsufficientScope, SCOPE_MISSING));
                challenge(&mut response, app.resource.challenge(&caller.parts.headers, error, needed));
            }
            response
        }
    }
}

/// What RFC 6750 says of a caller who may not do this.
const SCOPE_MISSING: &str = "the token does not allow this";

/// A request that does not come in.
pub(super) fn denied(
    resource: &ProtectedResource,
    request: &HeaderMap,
    denied: &AuthError,
) -> Response<Body> {
    if *denied == AuthError::Unavailable {
        return fault_response(Era::Session, None, &Fault::Unavailable);
    }
    log_refused(denied, None);
    let (status, error, needed) = match denied {
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
        AuthError::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, None, &[][..]),
    };
    let mut response = json(status, Final::fault(None, &Fault::InvalidRequest(denied.to_string())).json);
    challenge(&mut response, resource.challenge(request, error, needed));
    response
}

fn challenge(response: &mut Response<Body>, challenge: Option<HeaderValue>) {
    if let Some(challenge) = challenge {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
}

fn answer(answer: Answer) -> Response<Body> {
    // What broke on our side was logged there.
    if let Some(code) = answer.code.filter(|code| *code != ErrorCode::INTERNAL_ERROR.0) {
        tracing::warn!(code, "a request was answered with an error");
    }
    let status = answer.code.map_or(StatusCode::OK, |code| status_of_code(code, answer.era));
    let mut response = json(status, answer.json);
    if let Some(session) = answer.opens
        && let Ok(id) = HeaderValue::from_str(session.as_str())
    {
        response.headers_mut().insert("mcp-session-id", id);
    }
    response
}

fn fault_response(era: Era, id: Option<RequestId>, fault: &Fault) -> Response<Body> {
    // A store that failed was logged with its cause.
    if *fault != Fault::Unavailable {
        log_refused(&unquoted(fault), id.as_ref());
    }
    let mut response = json(status_of(fault, era), Final::fault(id, fault).json);
    if matches!(fault, Fault::TooManyStreams { .. } | Fault::ProcessFull { .. } | Fault::Unavailable) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// One line for a request that was refused.
fn log_refused(reason: &dyn std::fmt::Display, id: Option<&RequestId>) {
    let (reason, id) = (brief(&reason.to_string()), brief(&read::id_text(id)));
    tracing::warn!(%reason, %id, "a request was refused");
}

/// A fault without what it quotes of the request: the client may read its own words back, the log need not keep them.
fn unquoted(fault: &Fault) -> String {
    let (mut kept, mut open, mut escaped) = (String::new(), None, false);
    for letter in fault.to_string().chars() {
        let is_mark = matches!(letter, '"' | '`') && !escaped;
        escaped = letter == '\\' && !escaped;
        match open {
            Some(mark) if is_mark && letter == mark => {
                kept.push_str("...");
                kept.push(letter);
                open = None;
            }
            Some(_) => {}
            None => {
                kept.push(letter);
                open = is_mark.then_some(letter);
            }
        }
    }
    kept
}

/// What a client wrote may be long, and may look like lines of ours.
fn brief(text: &str) -> String {
    text.chars().take(300).flat_map(char::escape_debug).collect()
}

/// The status of a fault of ours: it was refused before a handler saw it.
fn status_of(fault: &Fault, era: Era) -> StatusCode {
    match fault {
        Fault::Parse(_)
        | Fault::InvalidRequest(_)
        | Fault::InvalidMeta(_)
        | Fault::HeaderMismatch(_)
        | Fault::UnsupportedVersion { .. }
        | Fault::UnsupportedSessionVersion(_)
        | Fault::SessionRequired
        | Fault::UnknownEvent(_) => StatusCode::BAD_REQUEST,
        Fault::MethodNotFound(_) => match era {
            Era::Stateless => StatusCode::NOT_FOUND,
            Era::Session => StatusCode::OK,
        },
        Fault::InvalidParams { .. } => StatusCode::OK,
        Fault::SessionNotFound => StatusCode::NOT_FOUND,
        Fault::StreamsOff => StatusCode::METHOD_NOT_ALLOWED,
        Fault::InsufficientScope { .. } => StatusCode::FORBIDDEN,
        Fault::TooManyStreams { .. } => StatusCode::TOO_MANY_REQUESTS,
        Fault::ProcessFull { .. } | Fault::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Fault::DeadlineExceeded { .. } | Fault::Interrupted | Fault::Internal => StatusCode::OK,
    }
}

/// The status of a handler's error: only what 2026-07-28 names.
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

/// The whole stream as one text, without what only a live connection needs. What a conversation says stays within the
/// limit by itself, its last message last; only events of a log can run over, and their reader comes back for the rest.
async fn buffered(mut frames: FrameStream, limit: usize) -> Bytes {
    let (mut text, mut said) = (BytesMut::new(), 0);
    while let Some(frame) = frames.next().await {
        if frame == Frame::KeepAlive || said > limit {
            continue;
        }
        if let Frame::Message { json, .. } = &frame {
            said += json.len();
        }
        text.extend_from_slice(&sse::encode(&frame));
    }
    if text.is_empty() {
        // Some fronts wait for the first byte of an empty stream.
        text.extend_from_slice(&sse::encode(&Frame::KeepAlive));
    }
    text.freeze()
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
