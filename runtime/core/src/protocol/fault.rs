//! Every way a request can be refused by the protocol, with its JSON-RPC code and text.
//!
//! The HTTP statuses are in `http::reply`.
//! Codes: <https://modelcontextprotocol.io/specification/2026-07-28/basic#error-codes> (read 2026-11-20).

use rmcp::{
    ErrorData,
    model::{ErrorCode, RequestId},
};
use serde_json::{Value, json};

use super::{explain, version};
use crate::error::StoreError;

/// Why a request is refused, in words for its client.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The body is not JSON.
    #[error("the body is not JSON: {0}")]
    Parse(String),
    /// The body is JSON, but not a JSON-RPC message that the server accepts.
    #[error("invalid request: {0}")]
    InvalidRequest(String),
    /// 2026-07-28 metadata is absent or malformed.
    #[error("invalid _meta: {0}")]
    InvalidMeta(String),
    /// A header that must mirror the body does not.
    #[error("header mismatch: {0}")]
    HeaderMismatch(String),
    /// A stateless version that the server does not speak.
    #[error("unsupported protocol version {requested:?}")]
    UnsupportedVersion {
        /// The version that the request names.
        requested: String,
    },
    /// A version header of the session era that the server does not speak. Its code is never one of 2026-07-28: a client
    /// that sees one of those takes the server for a stateless one.
    #[error("bad request: unsupported MCP-Protocol-Version {0:?} (supported: {versions})", versions = version::session_versions())]
    UnsupportedSessionVersion(String),
    /// No such method in this revision.
    #[error("method not found: {}", explain::short(.0))]
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
    /// The request cannot be served without a session, and names none.
    #[error("{what} needs a session: send initialize, and then its Mcp-Session-Id header with each request")]
    NeedsSession {
        /// The method.
        what: String,
    },
    /// The request cannot be served without a session, and the server has none.
    #[error("{what} needs a session, and this server has none (MCP_SESSIONS=off)")]
    NoSessions {
        /// The method.
        what: String,
    },
    /// The session does not exist, has ended, or belongs to another principal.
    #[error("session not found: it has ended or expired; send initialize again")]
    SessionNotFound,
    /// A stream cannot be resumed from the given event: it is over and the client has all of it, it has expired, or it
    /// was never one of this session. The cases are not distinguished.
    #[error(
        "Last-Event-ID {0:?} names no stream of this session that can be resumed: it is over or has expired; leave the header out to open a stream from now on"
    )]
    UnknownEvent(String),
    /// The caller holds as many streams as it may.
    #[error("too many open streams for this caller: at most {limit}; close one or retry later")]
    TooManyStreams {
        /// How many are allowed.
        limit: usize,
    },
    /// The process holds as many streams as it may.
    #[error("this server holds {limit} open streams and takes no more at the moment; retry later")]
    ProcessFull {
        /// How many are allowed.
        limit: usize,
    },
    /// There are as many open tasks as there may be, of the caller or in the process.
    #[error("too many open tasks: at most {limit}; wait until one has ended, or cancel one")]
    TooManyTasks {
        /// How many are allowed.
        limit: usize,
    },
    /// The tool runs as a task only, and the call is none.
    #[error(
        "{tool:?} runs as a task only: add params.task, in a revision that has tasks (2025-11-25), or declare the tasks \
         extension of 2026-07-28"
    )]
    TaskRequired {
        /// Name of the tool.
        tool: String,
    },
    /// The tool never runs as a task, and the call is one.
    #[error("{tool:?} does not run as a task, as its execution.taskSupport says: leave params.task out")]
    NoTaskTool {
        /// Name of the tool.
        tool: String,
    },
    /// The caller is not allowed this.
    #[error("not allowed: the caller needs the scope {}", .needed.join(" "))]
    InsufficientScope {
        /// Every scope that the call requires.
        needed: Vec<String>,
    },
    /// Streams are disabled, or the server has no capability that sends messages on one.
    #[error("there are no streams to listen to on this server")]
    StreamsOff,
    /// A store did not answer. The cause is in the log.
    #[error("the server's state is temporarily unavailable; the request may be retried")]
    Unavailable,
    /// No keys of the token's issuer can be read. The cause is in the log.
    #[error(
        "tokens cannot be checked at the moment: the keys of the issuer are not available; the request may be retried"
    )]
    IssuerUnavailable,
    /// The deadline passed before the handler answered.
    #[error("the request did not finish within {seconds} s and was stopped; long work belongs in a task")]
    DeadlineExceeded {
        /// How long the request was allowed to run.
        seconds: u64,
    },
    /// The environment that served a call ended before the call did.
    #[error("the call was interrupted before it was answered; it may have had effects, and may be retried")]
    Interrupted,
    /// The server failed. The cause is in the log.
    #[error("internal error")]
    Internal,
}

impl Fault {
    /// A batch in a revision that has none.
    #[must_use]
    pub fn batches_ended() -> Self {
        Self::InvalidRequest("a body is one message: only revision 2025-03-26 has batches".into())
    }

    /// A store that failed. Only a request that may succeed later is called one to retry.
    pub(crate) fn of_store(error: &StoreError) -> Self {
        if error.is_retryable() { Self::Unavailable } else { Self::Internal }
    }

    /// Invalid parameters with a text and no data.
    pub fn invalid_params(message: impl Into<String>) -> Self {
        Self::InvalidParams { message: message.into(), data: None }
    }

    /// The JSON-RPC error a client gets.
    #[must_use]
    pub fn to_error(&self) -> ErrorData {
        ErrorData::new(ErrorCode(self.code()), self.to_string(), self.data())
    }

    /// The fault for the log, without what it quotes of the request: the client may read its own text back, the log must
    /// not keep it.
    #[must_use]
    pub fn to_log(&self) -> String {
        let (mut kept, mut open, mut escaped) = (String::new(), None, false);
        for character in self.to_string().chars() {
            let is_mark = matches!(character, '"' | '`') && !escaped;
            escaped = character == '\\' && !escaped;
            match open {
                Some(mark) if is_mark && character == mark => {
                    kept.push_str("...");
                    kept.push(character);
                    open = None;
                }
                Some(_) => {}
                None => {
                    kept.push(character);
                    open = is_mark.then_some(character);
                }
            }
        }
        kept
    }

    fn code(&self) -> i32 {
        match self {
            Self::Parse(_) => -32700,
            Self::InvalidRequest(_) | Self::UnsupportedSessionVersion(_) => -32600,
            Self::MethodNotFound(_)
            | Self::StreamsOff
            | Self::NoSessions { .. }
            | Self::TaskRequired { .. }
            | Self::NoTaskTool { .. } => -32601,
            Self::InvalidMeta(_) | Self::InvalidParams { .. } => -32602,
            Self::DeadlineExceeded { .. }
            | Self::Unavailable
            | Self::IssuerUnavailable
            | Self::Interrupted
            | Self::Internal => -32603,
            // The range left to implementations; -32001 is what the official SDKs answer for a lost session.
            Self::SessionRequired
            | Self::NeedsSession { .. }
            | Self::UnknownEvent(_)
            | Self::TooManyStreams { .. }
            | Self::ProcessFull { .. }
            | Self::TooManyTasks { .. }
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

/// A message that was refused while it was read, with its id, if that could be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Rejection {
    /// The refusal.
    pub fault: Fault,
    /// The id of the request. `None` is left out of the response: the schema has no null ids.
    pub id: Option<RequestId>,
}

impl From<Fault> for Rejection {
    fn from(fault: Fault) -> Self {
        Self { fault, id: None }
    }
}
