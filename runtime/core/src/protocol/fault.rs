//! Every way a request can be refused by the protocol, with its JSON-RPC code and text.
//!
//! The HTTP status lives in `http::reply`, which is the only place that knows both.
//! Codes: <https://modelcontextprotocol.io/specification/2026-07-28/basic#error-codes> (read 2026-11-20).

use rmcp::{
    ErrorData,
    model::{ErrorCode, RequestId},
};
use serde_json::{Value, json};

use super::version;

/// What is wrong with a message, in words the client may read.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The body is not JSON.
    #[error("the body is not JSON: {0}")]
    Parse(String),
    /// JSON, but not one JSON-RPC message we can take.
    #[error("invalid request: {0}")]
    InvalidRequest(String),
    /// 2026-07-28 metadata is absent or malformed.
    #[error("invalid _meta: {0}")]
    InvalidMeta(String),
    /// A header that must mirror the body does not.
    #[error("header mismatch: {0}")]
    HeaderMismatch(String),
    /// A stateless version we do not speak.
    #[error("unsupported protocol version {requested:?}")]
    UnsupportedVersion {
        /// What the request named.
        requested: String,
    },
    /// A session-era version header we do not speak. Never a 2026 code: a client that sees one of those would take
    /// this server for a stateless-only one.
    #[error(
        "bad request: unsupported MCP-Protocol-Version {0:?} (supported: 2025-11-25, 2025-06-18, 2025-03-26)"
    )]
    UnsupportedSessionVersion(String),
    /// No such method in this revision.
    #[error("method not found: {0}")]
    MethodNotFound(String),
    /// The parameters do not fit the method.
    #[error("{message}")]
    InvalidParams {
        /// What is wrong and what was expected.
        message: String,
        /// Machine-readable detail, if any.
        data: Option<Value>,
    },
    /// The request needs a session id and has none.
    #[error("bad request: the Mcp-Session-Id header is required; send initialize first")]
    SessionRequired,
    /// The session does not exist, has ended, or belongs to somebody else.
    #[error("session not found: it has ended or expired; send initialize again")]
    SessionNotFound,
    /// A stream cannot be resumed from the given event.
    #[error("Last-Event-ID {0:?} names no stream of this session that can be resumed")]
    UnknownEvent(String),
    /// This caller holds as many streams as it may.
    #[error("too many open streams for this caller: at most {limit}; close one or retry later")]
    TooManyStreams {
        /// How many are allowed.
        limit: usize,
    },
    /// This process holds as many streams as it may.
    #[error("this server holds {limit} open streams and takes no more at the moment; retry later")]
    ProcessFull {
        /// How many are allowed.
        limit: usize,
    },
    /// The caller is not allowed this.
    #[error("not allowed: the caller needs the scope {}", .needed.join(" "))]
    InsufficientScope {
        /// Everything it takes.
        needed: Vec<String>,
    },
    /// Streams are switched off, or there is nothing that could be said on one.
    #[error("there are no streams to listen to on this server")]
    StreamsOff,
    /// A store did not answer. The cause is in the log.
    #[error("the server's state is temporarily unavailable; the request may be retried")]
    Unavailable,
    /// The deadline passed before the handler answered.
    #[error("the request did not finish within {seconds} s and was stopped; long work belongs in a task")]
    DeadlineExceeded {
        /// How long it was given.
        seconds: u64,
    },
    /// The environment that served a call ended before the call did.
    #[error("the call was interrupted before it was answered; it may have had effects, and may be retried")]
    Interrupted,
    /// Something broke on our side. The cause is in the log.
    #[error("internal error")]
    Internal,
}

impl Fault {
    /// Invalid parameters with a text and no data.
    pub fn invalid_params(message: impl Into<String>) -> Self {
        Self::InvalidParams { message: message.into(), data: None }
    }

    /// The JSON-RPC error a client gets.
    #[must_use]
    pub fn to_error(&self) -> ErrorData {
        ErrorData::new(ErrorCode(self.code()), self.to_string(), self.data())
    }

    fn code(&self) -> i32 {
        match self {
            Self::Parse(_) => -32700,
            Self::InvalidRequest(_) | Self::UnsupportedSessionVersion(_) => -32600,
            Self::MethodNotFound(_) | Self::StreamsOff => -32601,
            Self::InvalidMeta(_) | Self::InvalidParams { .. } => -32602,
            Self::DeadlineExceeded { .. } | Self::Unavailable | Self::Interrupted | Self::Internal => -32603,
            // The range left to implementations; -32001 is what the official SDKs answer for a lost session.
            Self::SessionRequired
            | Self::UnknownEvent(_)
            | Self::TooManyStreams { .. }
            | Self::ProcessFull { .. }
            | Self::InsufficientScope { .. } => -32000,
            Self::SessionNotFound => -32001,
            Self::HeaderMismatch(_) => ErrorCode::HEADER_MISMATCH.0,
            Self::UnsupportedVersion { .. } => ErrorCode::UNSUPPORTED_PROTOCOL_VERSION.0,
        }
    }

    fn data(&self) -> Option<Value> {
        match self {
            Self::UnsupportedVersion { requested } => {
                Some(json!({ "supported": version::supported(), "requested": requested }))
            }
            Self::InvalidParams { data, .. } => data.clone(),
            _ => None,
        }
    }
}

/// A message that was refused while it was being read, with the id it carried, if that could be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Rejection {
    /// Why.
    pub fault: Fault,
    /// Whom to answer. `None` is left out of the JSON: the schema has no null ids.
    pub id: Option<RequestId>,
}

impl From<Fault> for Rejection {
    fn from(fault: Fault) -> Self {
        Self { fault, id: None }
    }
}
