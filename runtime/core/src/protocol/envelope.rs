//! JSON-RPC 2.0: bytes to one message, before anything is known about MCP.
//!
//! Values stay raw text here. That keeps the id readable when something else in the message is wrong, and leaves the
//! parameters to the one type that wants them.

use bytes::Bytes;
use rmcp::model::RequestId;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::{Number, value::RawValue};

use super::{
    explain,
    fault::{Fault, Rejection},
    method::Method,
};

/// The largest integer that every JSON client holds exactly: <https://www.rfc-editor.org/rfc/rfc8259#section-6>.
const LARGEST_ID: i64 = 1 << 53;

/// One JSON-RPC message.
#[derive(Debug, Clone)]
pub enum Message {
    /// A request: the client expects a response.
    Request(Request),
    /// A notification: the client expects none.
    Notification(Notification),
    /// A response: the client's result or error for a request of the server.
    Response(Response),
}

/// A request. Its parameters are text, so that a typed parse can follow once the method is known.
#[derive(Debug, Clone)]
pub struct Request {
    /// The id that the response repeats.
    pub id: RequestId,
    /// The method.
    pub method: Method,
    /// The parameters.
    pub params: Params,
}

impl Request {
    /// Reads the parameters into the type of the method.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        self.params.read().map_err(|error| Fault::invalid_params(format!("{}: {error}", self.method)))
    }
}

/// The parameters of a message, as JSON text. MCP has parameters by name only, so `null`, `[]` and no parameters are an
/// empty object, in requests and notifications alike.
#[derive(Debug, Clone, Default)]
pub struct Params(Option<Bytes>);

impl Params {
    fn of(raw: &Bytes, params: Option<&RawValue>) -> Self {
        let is_none = |text: &str| {
            let array = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
            text == "null" || array.is_some_and(|items| items.trim_ascii().is_empty())
        };
        let params = params.map(RawValue::get).filter(|text| !is_none(text));
        Self(params.map(|text| raw.slice_ref(text.as_bytes())))
    }

    /// The parameters of a stored request.
    #[must_use]
    pub(crate) fn from_text(text: &str) -> Self {
        Self(Some(Bytes::copy_from_slice(text.as_bytes())))
    }

    /// Whether there are parameters.
    #[must_use]
    pub fn is_sent(&self) -> bool {
        self.0.is_some()
    }

    /// The text of the parameters.
    #[must_use]
    pub fn text(&self) -> &str {
        // A slice of the body, which was checked to be UTF-8.
        self.0.as_ref().map_or("{}", |text| std::str::from_utf8(text).unwrap_or("{}"))
    }

    /// Reads the parameters into a type, or says what is wrong with them.
    pub fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, String> {
        explain::read_object(self.text(), "params")
    }
}

/// A notification.
#[derive(Debug, Clone)]
pub struct Notification {
    /// The method.
    pub method: String,
    /// The parameters.
    pub params: Params,
    /// The whole message.
    pub raw: Bytes,
}

/// A client's response to a request of the server.
#[derive(Debug, Clone)]
pub struct Response {
    /// The id of the request.
    pub id: RequestId,
    /// The whole message.
    pub raw: Bytes,
}

/// Limits of a request body.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How deep arrays and objects may be nested.
    pub depth: usize,
    /// How many values the body may hold, those within others included.
    pub values: usize,
    /// How many messages a batch may have.
    pub batch: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 64, values: 25_000, batch: 50 }
    }
}

/// A body: one message, or a batch of them.
#[derive(Debug, Clone)]
pub enum Body {
    /// One message.
    One(Message),
    /// A batch. A member that cannot be read does not affect the others.
    Batch(Vec<Result<Message, Rejection>>),
}

/// Reads a POST body.
pub fn parse(body: &Bytes, limits: Limits) -> Result<Body, Rejection> {
    let text = std::str::from_utf8(body).map_err(|error| not_utf8(body, error.valid_up_to()))?;
    check_shape(text, limits)?;
    if !text.trim_start_matches([' ', '\t', '\r', '\n']).starts_with('[') {
        return parse_message(body, text).map(Body::One);
    }
    let members: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| json_fault(&error))?;
    match members.len() {
        0 => Err(Fault::InvalidRequest("the batch is empty".into()).into()),
        count if count > limits.batch => {
            let text = format!("the batch has {count} messages, at most {} are accepted", limits.batch);
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
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
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
    // serde would read the fields of a struct from an array by position.
    if !text.trim_ascii_start().starts_with('{') {
        serde_json::from_str::<IgnoredAny>(text).map_err(|error| json_fault(&error))?;
        return Err(Fault::InvalidRequest("a message is a JSON object".into()).into());
    }
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|error| json_fault(&error))?;
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
    let method = explain::read::<String>(method.get(), "method").map_err(|error| refuse(&error))?;
    let params = Params::of(raw, envelope.params);
    Ok(match id {
        Some(id) => Message::Request(Request { id, method: method.into(), params }),
        None => Message::Notification(Notification { method, params, raw: raw.clone() }),
    })
}

/// Ids are strings or integers, never null. An integer may be written as `1.0` or `1e3`:
/// <https://modelcontextprotocol.io/specification/2026-07-28/basic#requests> (read 2026-11-20).
fn read_id(raw: &RawValue) -> Result<RequestId, Rejection> {
    let text = raw.get();
    if text.starts_with('"') {
        let id = explain::read::<String>(text, "id").map_err(Fault::InvalidRequest)?;
        return Ok(RequestId::String(id.into()));
    }
    let refuse = |text: String| Rejection::from(Fault::InvalidRequest(text));
    let too_large = || {
        refuse(format!(
            "id is {}: an integer beyond 2^53 ({LARGEST_ID}) loses digits in many JSON parsers; send it as a string",
            explain::short(text)
        ))
    };
    if !text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
        return Err(refuse("id must be a string or an integer, never null".into()));
    }
    // A number that cannot be held is a syntax error to the parser, although its syntax is right.
    let number = serde_json::from_str::<Number>(text).map_err(|_| too_large())?;
    if let Some(id) = number.as_i64() {
        return if id.abs() <= LARGEST_ID { Ok(RequestId::Number(id)) } else { Err(too_large()) };
    }
    match number.as_f64() {
        // 2^53 itself could have been written as 2^53 + 1.
        Some(id) if id.fract() == 0.0 && id.abs() < LARGEST_ID as f64 => Ok(RequestId::Number(id as i64)),
        Some(id) if id.fract() == 0.0 => Err(too_large()),
        _ => {
            Err(refuse(format!("id must be a string or an integer, not the number {}", explain::short(text))))
        }
    }
}

fn json_fault(error: &serde_json::Error) -> Fault {
    use serde_json::error::Category;
    let text = error.to_string();
    match error.classify() {
        Category::Data => {
            let text = explain::reworded("the message", &text);
            Fault::InvalidRequest(text)
        }
        Category::Eof => Fault::Parse(text.replace("EOF while parsing", "it ends within")),
        Category::Io | Category::Syntax => {
            Fault::Parse(text.replace("expected ident", "expected null, true or false").replace("`", ""))
        }
    }
}

fn not_utf8(body: &[u8], at: usize) -> Fault {
    let is_surrogate = matches!(body[at..], [0xed, 0xa0..=0xbf, ..]);
    let what = if is_surrogate { "half a surrogate pair" } else { "bytes that are no character" };
    Fault::Parse(format!("it has {what} at byte {at}, where UTF-8 is expected"))
}

/// Refuses deep nesting before any recursive parser sees it, and more values than the limit before any parser makes a
/// tree of them: a tree takes far more memory than its text.
fn check_shape(text: &str, limits: Limits) -> Result<(), Fault> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    // Each value follows an opening bracket or a comma, but for the outermost one.
    let mut values = 1_usize;
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                values += 1;
                if depth > limits.depth {
                    return Err(Fault::InvalidRequest(format!(
                        "the body nests deeper than {} levels (MCP_MAX_JSON_DEPTH)",
                        limits.depth
                    )));
                }
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            b',' if !in_string => values += 1,
            _ => {}
        }
    }
    if values > limits.values {
        return Err(Fault::InvalidRequest(format!(
            "the body holds more than {} JSON values (MCP_MAX_JSON_VALUES); send long data as text",
            limits.values
        )));
    }
    Ok(())
}
