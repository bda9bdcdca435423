//! The response to a request, as it is sent.

use bytes::Bytes;
use rmcp::model::{JsonRpcError, RequestId};
use serde::Serialize;
use serde_json::{Value, json};

use super::fault::Fault;

/// A JSON-RPC response, encoded.
#[derive(Debug, Clone)]
pub struct JsonRpcResponse {
    /// The response: one JSON object on one line.
    pub json: Bytes,
    /// The JSON-RPC error code, if the response is an error.
    pub code: Option<i32>,
    /// Whether the result of a tool has `isError`. `None` for the results of other methods.
    pub is_error: Option<bool>,
    /// The refusal of the server that the error tells, if the handler was not called.
    pub fault: Option<Box<Fault>>,
}

impl JsonRpcResponse {
    /// A request that the server refuses.
    pub fn refused(id: Option<RequestId>, fault: Fault) -> Self {
        let response = Self::fault(id, &fault);
        Self { fault: Some(Box::new(fault)), ..response }
    }

    /// An error of the server.
    pub fn fault(id: Option<RequestId>, fault: &Fault) -> Self {
        Self::error(&JsonRpcError::new(id, fault.to_error()))
    }

    /// An error of the handler.
    pub fn error(error: &JsonRpcError) -> Self {
        Self { code: Some(error.error.code.0), json: encode(error), is_error: None, fault: None }
    }

    /// A result that the server writes itself.
    pub fn result(id: &RequestId, result: &Value) -> Self {
        Self::encoded(encode(&json!({ "jsonrpc": "2.0", "id": id, "result": result })))
    }

    /// A result that is encoded.
    pub fn encoded(json: Bytes) -> Self {
        Self { json, code: None, is_error: None, fault: None }
    }
}

/// Writes a message as one JSON object on one line. The types of the server always encode; if one does not, the client
/// gets an error instead of nothing.
pub fn encode<T: Serialize>(message: &T) -> Bytes {
    match serde_json::to_vec(message) {
        Ok(json) => json.into(),
        Err(error) => {
            tracing::error!(%error, "an outgoing message cannot be encoded");
            Bytes::from_static(br#"{"jsonrpc":"2.0","error":{"code":-32603,"message":"internal error"}}"#)
        }
    }
}
