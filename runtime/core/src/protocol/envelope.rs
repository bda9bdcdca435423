//! JSON-RPC 2.0: bytes to one message, before anything is known about MCP.
//!
//! Values stay raw text here. That keeps the id readable when something else in the message is wrong, and leaves the
//! parameters to the one type that wants them.

use bytes::Bytes;
use rmcp::model::RequestId;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::fault::{Fault, Rejection};

/// One JSON-RPC message.
#[derive(Debug, Clone)]
pub enum Message {
    /// Wants an answer.
    Request(Request),
    /// Wants none.
    Notification(Notification),
    /// Is one: the client's result or error for a request of ours.
    Response(Response),
}

/// A request: `raw` is the whole message, so that a typed parse can follow once the method is known.
#[derive(Debug, Clone)]
pub struct Request {
    /// The id to echo.
    pub id: RequestId,
    /// The method, whatever it says.
    pub method: String,
    /// The whole message.
    pub raw: Bytes,
}

/// A notification.
#[derive(Debug, Clone)]
pub struct Notification {
    /// The method, whatever it says.
    pub method: String,
    /// The whole message.
    pub raw: Bytes,
}

/// A client's answer to a request of ours.
#[derive(Debug, Clone)]
pub struct Response {
    /// The id we gave our request.
    pub id: RequestId,
    /// The whole message.
    pub raw: Bytes,
}

/// How much a body may ask of the parser.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Arrays and objects inside one another.
    pub depth: usize,
    /// Messages in one batch.
    pub batch: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 64, batch: 50 }
    }
}

/// A body: one message, or a batch of them.
#[derive(Debug, Clone)]
pub enum Body {
    /// The ordinary case.
    One(Message),
    /// Each member stands alone: a bad one does not spoil its neighbours.
    Batch(Vec<Result<Message, Rejection>>),
}

/// Reads a POST body.
pub fn parse(body: &Bytes, limits: Limits) -> Result<Body, Rejection> {
    let text = std::str::from_utf8(body).map_err(|error| Fault::Parse(format!("invalid UTF-8: {error}")))?;
    check_depth(text, limits.depth)?;
    if !text.trim_start_matches([' ', '\t', '\r', '\n']).starts_with('[') {
        return parse_message(body, text).map(Body::One);
    }
    let members: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| json_fault(&error))?;
    match members.len() {
        0 => Err(Fault::InvalidRequest("the batch is empty".into()).into()),
        count if count > limits.batch => {
            let text = format!("the batch has {count} messages, at most {} are taken", limits.batch);
            Err(Fault::InvalidRequest(text).into())
        }
        _ => Ok(Body::Batch(
            members
                .iter()
                .map(|raw| parse_message(&body.slice_ref(raw.get().as_bytes()), raw.get()))
                .collect(),
        )),
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    jsonrpc: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    method: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    error: Option<&'a RawValue>,
}

/// Keeps an explicit `null` apart from an absent key: `"id": null` is refused, no id is a notification.
pub(super) fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

fn parse_message(raw: &Bytes, text: &str) -> Result<Message, Rejection> {
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|error| json_fault(&error))?;
    // serde would read the fields of a struct from an array by position.
    if !text.trim_start().starts_with('{') {
        return Err(Fault::InvalidRequest("a message is a JSON object".into()).into());
    }
    let id = envelope.id.map(read_id).transpose()?;
    let refuse = |text: &str| Rejection { fault: Fault::InvalidRequest(text.into()), id: id.clone() };

    if envelope.jsonrpc.is_none_or(|version| version.get() != "\"2.0\"") {
        return Err(refuse("jsonrpc must be \"2.0\""));
    }
    let Some(method) = envelope.method else {
        return match (id.clone(), envelope.result, envelope.error) {
            (Some(id), Some(_), None) | (Some(id), None, Some(_)) => {
                Ok(Message::Response(Response { id, raw: raw.clone() }))
            }
            _ => Err(refuse("a message has a method, or an id with exactly one of result and error")),
        };
    };
    let Ok(method) = serde_json::from_str::<String>(method.get()) else {
        return Err(refuse("method must be a string"));
    };
    Ok(match id {
        Some(id) => Message::Request(Request { id, method, raw: raw.clone() }),
        None => Message::Notification(Notification { method, raw: raw.clone() }),
    })
}

/// Ids are strings or integers, never null:
/// <https://modelcontextprotocol.io/specification/2026-07-28/basic#requests> (read 2026-11-20).
fn read_id(raw: &RawValue) -> Result<RequestId, Rejection> {
    serde_json::from_str(raw.get())
        .map_err(|_| Fault::InvalidRequest("id must be a string or an integer, never null".into()).into())
}

fn json_fault(error: &serde_json::Error) -> Fault {
    use serde_json::error::Category;
    match error.classify() {
        Category::Data => Fault::InvalidRequest(format!("not a JSON-RPC message: {error}")),
        Category::Io | Category::Syntax | Category::Eof => Fault::Parse(error.to_string()),
    }
}

/// Refuses deep nesting before any recursive parser sees it.
fn check_depth(text: &str, limit: usize) -> Result<(), Fault> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                if depth > limit {
                    return Err(Fault::InvalidRequest(format!("the body nests deeper than {limit} levels")));
                }
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}
