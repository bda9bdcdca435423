//! What a child writes: one JSON-RPC message a line.

use std::borrow::Cow;

use rmcp::{ErrorData, model::ErrorCode};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

/// A message of a child.
#[derive(Debug)]
pub(crate) enum FromChild {
    /// The answer to a request of ours.
    Response {
        /// The id of the request.
        id: u64,
        /// The result, as JSON.
        outcome: Result<Value, ErrorData>,
    },
    /// A request of the child.
    Request {
        /// The id that the response repeats.
        id: Value,
        /// The method.
        method: String,
        /// The parameters. `None`: there are none.
        params: Option<Value>,
    },
    /// A notification.
    Notification {
        /// The method.
        method: String,
        /// The parameters. `None`: there are none.
        params: Option<Value>,
    },
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    jsonrpc: Cow<'a, str>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    method: Option<Cow<'a, str>>,
    #[serde(default)]
    params: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    result: Option<Value>,
    #[serde(default)]
    error: Option<WireError>,
}

/// Keeps a result that is `null`.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
struct WireError {
    #[serde(default)]
    code: i64,
    #[serde(default)]
    message: String,
    #[serde(default)]
    data: Option<Value>,
}

/// Reads the messages of a line: one, or those of a batch, which children of 2025-03-26 may write. `None`: the line is no JSON-RPC.
pub(crate) fn read(line: &[u8]) -> Option<Vec<FromChild>> {
    let text = std::str::from_utf8(line).ok()?.trim_ascii();
    if text.starts_with('[') {
        let members: Vec<Wire<'_>> = serde_json::from_str(text).ok()?;
        return members.into_iter().map(message).collect();
    }
    // Noise is the rule for what does not begin so: it is not read any further.
    if !text.starts_with('{') {
        return None;
    }
    message(serde_json::from_str(text).ok()?).map(|message| vec![message])
}

fn message(wire: Wire<'_>) -> Option<FromChild> {
    if wire.jsonrpc != "2.0" {
        return None;
    }
    if let Some(method) = wire.method {
        let (method, params) = (method.into_owned(), wire.params);
        return Some(match wire.id {
            Some(id) => FromChild::Request { id: serde_json::from_str(id.get()).ok()?, method, params },
            None => FromChild::Notification { method, params },
        });
    }
    let id = id_of(wire.id?.get())?;
    let outcome = match (wire.result, wire.error) {
        (_, Some(error)) => {
            // A code beyond 32 bits is none that MCP has.
            let code = i32::try_from(error.code).map_or(ErrorCode::INTERNAL_ERROR, ErrorCode);
            Err(ErrorData::new(code, error.message, error.data))
        }
        (Some(result), None) => Ok(result),
        (None, None) => return None,
    };
    Some(FromChild::Response { id, outcome })
}

/// The id of a response. Ours are whole numbers, which some servers give back as text.
fn id_of(text: &str) -> Option<u64> {
    text.trim_matches('"').parse().ok()
}

/// The id of a response of which only the start or the end is left.
pub(crate) fn id_in_part(part: &[u8]) -> Option<u64> {
    let text = String::from_utf8_lossy(part);
    let after = text.match_indices("\"id\"").filter_map(|(at, key)| {
        let rest = text[at + key.len()..].trim_start().strip_prefix(':')?.trim_start();
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        // A number that is cut off at the end of the part is another one.
        let ends = rest[digits.len()..].trim_start().starts_with([',', '}']);
        ends.then(|| digits.parse().ok())?
    });
    let found: Vec<u64> = after.collect();
    match found[..] {
        [id] => Some(id),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_that_is_no_message_is_noise() {
        for noise in [
            "",
            "Server started on stdio",
            "{\"jsonrpc\":\"1.0\",\"id\":1,\"result\":{}}",
            "{}",
            "{\"a\"",
            "[]x",
        ] {
            assert!(read(noise.as_bytes()).is_none(), "{noise}");
        }
        assert!(read(b"\xff\xfe").is_none());
    }

    #[test]
    fn a_message_is_read_as_it_is() {
        let line = br#"{"result":{"x":[1,2.5],"unknown":null},"jsonrpc":"2.0","id":7}"#;
        let read_one = |line: &[u8]| read(line).and_then(|mut read| read.pop());
        match read_one(line) {
            Some(FromChild::Response { id: 7, outcome: Ok(result) }) => {
                assert_eq!(result, json!({ "x": [1, 2.5], "unknown": null }));
            }
            other => panic!("{other:?}"),
        }
        match read_one(br#"{"jsonrpc":"2.0","id":"8","error":{"code":-32601,"message":"no","data":{"a":1}}}"#)
        {
            Some(FromChild::Response { id: 8, outcome: Err(error) }) => {
                assert_eq!((error.code, error.data), (ErrorCode::METHOD_NOT_FOUND, Some(json!({ "a": 1 }))));
            }
            other => panic!("{other:?}"),
        }
        match read_one(br#"{"jsonrpc":"2.0","id":"a","method":"roots/list"}"#) {
            Some(FromChild::Request { id, method, params: None }) => {
                assert_eq!((id, method.as_str()), (json!("a"), "roots/list"));
            }
            other => panic!("{other:?}"),
        }
        let batch = br#"[{"jsonrpc":"2.0","method":"a"},{"jsonrpc":"2.0","id":1,"result":null}]"#;
        assert_eq!(read(batch).map(|read| read.len()), Some(2));
    }

    #[test]
    fn the_id_of_a_line_that_was_cut_is_found_at_either_end() {
        assert_eq!(id_in_part(br#"{"jsonrpc":"2.0","id":12,"result":{"#), Some(12));
        assert_eq!(id_in_part(br#"xxx"}]},"jsonrpc":"2.0","id": 9}"#), Some(9));
        assert_eq!(id_in_part(br#"{"jsonrpc":"2.0","id":12"#), None, "the number may go on");
        assert_eq!(id_in_part(br#"{"id":1,"result":{"id":2,"#), None, "it is not known which");
    }
}
