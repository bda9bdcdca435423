//! The request headers of MCP: read once, strictly, and compared with the body.
//!
//! 2026-07-28 mirrors parts of the body in headers, so that gateways can route without parsing. A mirror that does not
//! match is refused, because somebody on the way may have trusted it.
//! <https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http> (read 2026-11-20).

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue};
use serde_json::{Map, Value};

use super::fault::Fault;

/// `MCP-Protocol-Version`.
pub const PROTOCOL_VERSION: &str = "mcp-protocol-version";
/// `Mcp-Session-Id`.
pub const SESSION_ID: &str = "mcp-session-id";
/// `Last-Event-ID`.
pub const LAST_EVENT_ID: &str = "last-event-id";
/// `Mcp-Method`.
pub const METHOD: &str = "mcp-method";
/// `Mcp-Name`.
pub const NAME: &str = "mcp-name";
const PARAM_PREFIX: &str = "mcp-param-";

/// The one value of a header, trimmed. Two values are refused: two readers could each believe another one.
pub fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Fault> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Fault::HeaderMismatch(format!("{name} is given more than once")));
    }
    visible(value)
        .map(Some)
        .ok_or_else(|| Fault::HeaderMismatch(format!("{name} holds characters that are not visible ASCII")))
}

fn visible(value: &HeaderValue) -> Option<&str> {
    let text = std::str::from_utf8(value.as_bytes()).ok()?.trim_matches([' ', '\t']);
    text.bytes().all(|byte| (0x20..0x7f).contains(&byte) || byte == b'\t').then_some(text)
}

/// Checks `Mcp-Method` against the body. The value is compared with its case.
pub fn check_method(headers: &HeaderMap, method: &str) -> Result<(), Fault> {
    match single(headers, METHOD)? {
        Some(found) if found == method => Ok(()),
        Some(found) => {
            Err(Fault::HeaderMismatch(format!("Mcp-Method is {found:?}, the body says {method:?}")))
        }
        None => Err(Fault::HeaderMismatch(format!("Mcp-Method is missing, expected {method:?}"))),
    }
}

/// Checks `Mcp-Name` against the parameter it mirrors.
pub fn check_name(headers: &HeaderMap, field: &str, expected: &str) -> Result<(), Fault> {
    let Some(found) = single(headers, NAME)? else {
        return Err(Fault::HeaderMismatch(format!("Mcp-Name is missing, expected params.{field}")));
    };
    if decode("Mcp-Name", found)? == expected {
        return Ok(());
    }
    Err(Fault::HeaderMismatch(format!("Mcp-Name is {found:?}, params.{field} is {expected:?}")))
}

/// The parameter that `Mcp-Name` mirrors, for the methods that have one.
#[must_use]
pub fn named_parameter(method: &str) -> Option<&'static str> {
    match method {
        "tools/call" | "prompts/get" => Some("name"),
        "resources/read" => Some("uri"),
        "tasks/get" | "tasks/update" | "tasks/cancel" => Some("taskId"),
        _ => None,
    }
}

/// Checks every `Mcp-Param-*` header that a tool's input schema asks for with `x-mcp-header`.
pub fn check_params(
    headers: &HeaderMap,
    schema: &Map<String, Value>,
    arguments: Option<&Map<String, Value>>,
) -> Result<(), Fault> {
    let Some(Value::Object(properties)) = schema.get("properties") else { return Ok(()) };
    for (property, schema) in properties {
        let Value::Object(schema) = schema else { continue };
        let value = arguments.and_then(|arguments| arguments.get(property)).filter(|value| !value.is_null());
        if let Some(Value::String(annotation)) = schema.get("x-mcp-header") {
            check_param(headers, annotation, property, value)?;
        }
        check_params(headers, schema, value.and_then(Value::as_object))?;
    }
    Ok(())
}

fn check_param(
    headers: &HeaderMap,
    annotation: &str,
    property: &str,
    value: Option<&Value>,
) -> Result<(), Fault> {
    let name = format!("{PARAM_PREFIX}{}", annotation.to_ascii_lowercase());
    let found = single(headers, &name)?.map(|found| decode(&name, found)).transpose()?;
    match (value, found) {
        // A header without a value has nothing to mirror: it is not expected, and not read.
        (None, _) => Ok(()),
        (Some(_), None) => Err(Fault::HeaderMismatch(format!(
            "Mcp-Param-{annotation} is missing, it mirrors arguments.{property}"
        ))),
        (Some(value), Some(found)) if mirrors(value, &found) => Ok(()),
        (Some(_), Some(found)) => Err(Fault::HeaderMismatch(format!(
            "Mcp-Param-{annotation} is {found:?}, arguments.{property} says otherwise"
        ))),
    }
}

/// The integers JSON can carry without rounding: <https://www.rfc-editor.org/rfc/rfc8259#section-6>.
const SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;

/// Numbers are compared as numbers (`42.0` mirrors `42`), everything else as text.
fn mirrors(value: &Value, found: &str) -> bool {
    match value {
        Value::String(text) => text == found,
        Value::Bool(truth) => found == if *truth { "true" } else { "false" },
        Value::Number(number) => number.to_string() == found || equal(number.as_f64(), found.parse().ok()),
        _ => false,
    }
}

/// Larger integers round: two of them could be one float, and a gateway could have read the other.
fn equal(left: Option<f64>, right: Option<f64>) -> bool {
    matches!((left, right), (Some(left), Some(right)) if left == right && left.abs() <= SAFE_INTEGER)
}

/// Undoes the Base64 sentinel `=?base64?...?=`. Anything that is not exactly a sentinel is a literal value.
fn decode(name: &str, value: &str) -> Result<String, Fault> {
    let Some(encoded) = value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) else {
        return Ok(value.to_owned());
    };
    STANDARD
        .decode(encoded)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| Fault::HeaderMismatch(format!("{name} holds a Base64 value that cannot be decoded")))
}
