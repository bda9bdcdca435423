//! What a call is answered with, before it is HTTP.

use bytes::Bytes;
use rmcp::model::RequestId;

use crate::{
    protocol::{Era, Fault, JsonRpcResponse},
    stream::FrameStream,
};

/// The reply to a call.
pub(crate) enum Reply {
    /// The message is accepted, and has no response.
    Accepted,
    /// The session has ended.
    NoContent,
    /// One JSON body.
    Json(JsonReply),
    /// An event stream.
    Stream(FrameStream),
    /// A refusal.
    Error { era: Era, id: Option<RequestId>, fault: Fault },
}

/// One JSON body.
pub(crate) struct JsonReply {
    pub(crate) era: Era,
    pub(crate) json: Bytes,
    /// The JSON-RPC error code, if the body is one error.
    pub(crate) code: Option<i32>,
    /// The session that the reply opens.
    pub(crate) session: Option<String>,
}

impl Reply {
    pub(crate) fn error(era: Era, id: Option<RequestId>, fault: Fault) -> Self {
        Self::Error { era, id, fault }
    }

    /// A response as the whole reply. A refusal keeps its HTTP status.
    pub(crate) fn response(era: Era, id: Option<RequestId>, response: JsonRpcResponse) -> Self {
        match response.fault {
            Some(fault) => Self::Error { era, id, fault: *fault },
            None => Self::Json(JsonReply { era, json: response.json, code: response.code, session: None }),
        }
    }
}
