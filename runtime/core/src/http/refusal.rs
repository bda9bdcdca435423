//! Requests that HTTP itself refuses, before MCP is read.

use http::StatusCode;

use super::body::BodyError;
use crate::{
    limits::{TooManyBytes, TooManyRequests},
    protocol::Fault,
};

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// `allow`: the methods that are allowed instead.
    #[error("method not allowed here; allowed are {allow}")]
    Method { allow: &'static str },
    #[error("an HTTP/1.1 request needs one Host header, with a host and optionally a port, and nothing else")]
    BadHost,
    #[error("this server does not answer to the host {0:?} (MCP_ALLOWED_HOSTS)")]
    Host(String),
    #[error("requests from the origin {0:?} are not allowed (MCP_CORS_ORIGINS)")]
    Origin(String),
    #[error("Content-Type must be application/json")]
    ContentType,
    #[error("this server reads bodies without Content-Encoding: send the JSON as it is")]
    ContentEncoding,
    #[error("Accept must list {0}")]
    Accept(&'static str),
    #[error("the request has more than {limit} headers (MCP_MAX_HEADERS)")]
    ManyHeaders { limit: usize },
    #[error("the request's headers are larger than {limit} bytes (MCP_MAX_HEADER_BYTES)")]
    LargeHeaders { limit: usize },
    #[error(transparent)]
    Busy(#[from] TooManyRequests),
    #[error("the body did not arrive in time (MCP_BODY_SECONDS)")]
    SlowBody,
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error(transparent)]
    Fault(Fault),
}

impl Refusal {
    /// The HTTP status. The status of a fault depends on its era, and is not decided here.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::Host(_) | Self::Origin(_) => StatusCode::FORBIDDEN,
            Self::ContentType | Self::ContentEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Accept(_) => StatusCode::NOT_ACCEPTABLE,
            Self::Body(BodyError::TooLarge { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::ManyHeaders { .. } | Self::LargeHeaders { .. } => {
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
            }
            Self::Busy(TooManyRequests::OfCaller { .. })
            | Self::Body(BodyError::Full(TooManyBytes::OfCaller { .. })) => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy(TooManyRequests::OfProcess { .. })
            | Self::Body(BodyError::Full(TooManyBytes::OfProcess { .. })) => StatusCode::SERVICE_UNAVAILABLE,
            Self::SlowBody => StatusCode::REQUEST_TIMEOUT,
            Self::BadHost | Self::Body(BodyError::Broken) | Self::Fault(_) => StatusCode::BAD_REQUEST,
        }
    }

    /// Whether the same request may be served later.
    pub(super) fn is_temporary(&self) -> bool {
        matches!(self, Self::Busy(_) | Self::Body(BodyError::Full(_)))
    }
}
