//! The ids of requests to the client.
//!
//! rmcp's peers count 0, 1, 2 each for itself. On the wire an id is `<call>/<number>`, so that it is unique in its
//! session and names the call that waits for the response.

use rmcp::model::{ClientJsonRpcMessage, NumberOrString, RequestId};
use serde_json::Value;

/// The id of a peer's request, as the client sees it.
pub(crate) fn wire_id(call: &str, id: &RequestId) -> RequestId {
    NumberOrString::String(format!("{call}/{id}").into())
}

/// Splits a wire id into the call and the peer's own number. `None` for an id that this server cannot have made.
pub(crate) fn split_wire_id(id: &RequestId) -> Option<(&str, i64)> {
    let NumberOrString::String(text) = id else { return None };
    let (call, number) = text.split_once('/')?;
    let fits = call.len() == 32 && call.bytes().all(|byte| byte.is_ascii_hexdigit());
    Some((call, number.parse().ok()?)).filter(|_| fits)
}

/// Reads a client's message for a call, with the peer's own numbers in place of the wire ids.
pub(super) fn for_peer(raw: &[u8]) -> Option<ClientJsonRpcMessage> {
    let mut message: Value = serde_json::from_slice(raw).ok()?;
    for at in ["/id", "/params/progressToken"] {
        if let Some(value) = message.pointer_mut(at) {
            let id: RequestId = serde_json::from_value(value.clone()).ok()?;
            *value = split_wire_id(&id)?.1.into();
        }
    }
    serde_json::from_value(message).ok()
}
