//! JSON-RPC errors that this client makes where no response of the server arrives.

use bytes::Bytes;
use serde_json::{Value, json};

use super::message::{Id, Malformed};
use crate::Error;

const PARSE_ERROR: i32 = -32700;
const INVALID_REQUEST: i32 = -32600;
const INTERNAL_ERROR: i32 = -32603;

/// The error response to a request that came to nothing.
pub(super) fn response(id: &Id, error: &Error) -> Bytes {
    of(id, &error.to_string(), error.reason())
}

/// The error response to a request that is one too many.
pub(super) fn too_many(id: &Id, limit: usize) -> Bytes {
    of(
        id,
        &format!("{limit} requests are running, the limit of this client: wait for one of them"),
        "too-many",
    )
}

fn of(id: &Id, message: &str, reason: &str) -> Bytes {
    let id: Value = serde_json::from_str(id.json()).unwrap_or_default();
    let error = json!({ "code": INTERNAL_ERROR, "message": message, "data": { "client": "mcp-lambda", "reason": reason } });
    json!({ "jsonrpc": "2.0", "id": id, "error": error }).to_string().into()
}

/// The error response to what is no message. It has no id.
pub(super) fn malformed(malformed: Malformed) -> Bytes {
    let (code, message) = match malformed {
        Malformed::NotJson => (PARSE_ERROR, "the line is not JSON: each line is one JSON-RPC message"),
        Malformed::NoMessage => (
            INVALID_REQUEST,
            "the line is no JSON-RPC message: expected an object with a method, or with an id and a result or an error",
        ),
    };
    json!({ "jsonrpc": "2.0", "error": { "code": code, "message": message } }).to_string().into()
}
