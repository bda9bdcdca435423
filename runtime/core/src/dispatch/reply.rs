//! Who asks, and what they get.

use bytes::Bytes;
use rmcp::model::{JsonRpcError, RequestId};

use crate::{
    auth::Principal,
    ingress::Ingress,
    protocol::{Era, Fault},
    session::SessionId,
    stream::FrameStream,
};

/// Who sent a request, how, and until when they wait.
pub(crate) struct Caller {
    pub(crate) principal: Principal,
    pub(crate) parts: http::request::Parts,
    pub(crate) accepts: Accepts,
    pub(crate) ingress: Ingress,
}

/// What the client can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Accepts {
    pub(crate) json: bool,
    pub(crate) events: bool,
}

/// The answer, before it is HTTP.
pub(crate) enum Reply {
    /// Taken; there is nothing to say.
    Accepted,
    /// The session is over.
    Ended,
    /// One JSON body.
    Answer(Answer),
    /// An event stream.
    Stream(FrameStream),
    /// Refused before a handler saw it.
    Refused { era: Era, id: Option<RequestId>, fault: Fault },
}

/// One JSON body.
pub(crate) struct Answer {
    pub(crate) era: Era,
    pub(crate) json: Bytes,
    /// The JSON-RPC error code, if it is one error.
    pub(crate) code: Option<i32>,
    /// The session this answer opens.
    pub(crate) opens: Option<SessionId>,
}

impl Reply {
    pub(crate) fn refuse(era: Era, id: Option<RequestId>, fault: Fault) -> Self {
        Self::Refused { era, id, fault }
    }

    pub(crate) fn answer(era: Era, last: Final) -> Self {
        Self::Answer(Answer { era, json: last.json, code: last.code, opens: None })
    }
}

/// The last message of a request: its response.
#[derive(Debug, Clone)]
pub(crate) struct Final {
    pub(crate) json: Bytes,
    pub(crate) code: Option<i32>,
}

impl Final {
    /// A response that is a fault of ours.
    pub(crate) fn fault(id: Option<RequestId>, fault: &Fault) -> Self {
        Self::error(&JsonRpcError::new(id, fault.to_error()))
    }

    pub(crate) fn error(error: &JsonRpcError) -> Self {
        Self { code: Some(error.error.code.0), json: encode(error) }
    }

    /// A response we write ourselves.
    pub(crate) fn result(id: &RequestId, result: &serde_json::Value) -> Self {
        let json = encode(&serde_json::json!({ "jsonrpc": "2.0", "id": id, "result": result }));
        Self { json, code: None }
    }
}

/// One JSON object on one line. Our own types always encode; if one ever does not, the client gets an error instead
/// of silence.
pub(crate) fn encode<T: serde::Serialize>(message: &T) -> Bytes {
    match serde_json::to_vec(message) {
        Ok(json) => json.into(),
        Err(error) => {
            tracing::error!(%error, "an outgoing message cannot be encoded");
            Bytes::from_static(br#"{"jsonrpc":"2.0","error":{"code":-32603,"message":"internal error"}}"#)
        }
    }
}
