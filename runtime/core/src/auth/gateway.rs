//! The caller that a gateway in front of the server has authenticated.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};

use super::Principal;

/// The prefix of headers that only this server sets. Headers of a client with this prefix are removed.
pub const HEADER_PREFIX: &str = "x-authorizer-";

/// Fields that are not forwarded: credentials, and fields for the gateway itself.
const NOT_FORWARDED: [&str; 4] = ["principalId", "integrationLatency", "usageIdentifierKey", "accessKey"];

/// A caller that a gateway has authenticated, with the context that the gateway provides. A host puts it into the
/// extensions of a request.
#[derive(Debug, Clone)]
pub struct GatewayIdentity {
    /// The caller.
    pub principal: Principal,
    /// The fields of the authorizer or of the identity, as the gateway names them.
    pub context: Map<String, Value>,
}

impl GatewayIdentity {
    /// Adds the context as `X-Authorizer-*` headers, for code that reads those.
    pub(crate) fn forward(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.context {
            let text = match value {
                Value::Null => continue,
                _ if NOT_FORWARDED.contains(&name.as_str()) => continue,
                Value::String(text) => text.clone(),
                value => value.to_string(),
            };
            if let (Ok(name), Ok(value)) =
                (header_name(name).parse::<HeaderName>(), HeaderValue::from_str(&text))
            {
                headers.insert(name, value);
            }
        }
    }
}

/// The scopes in the claims of a token: `scope`, a text with spaces, or `scp`, a list. API Gateway writes a list as a text
/// in brackets.
#[must_use]
pub fn scopes_of(claims: &Map<String, Value>) -> Vec<String> {
    let claim = claims.get("scope").or_else(|| claims.get("scp"));
    match claim {
        Some(Value::String(text)) => {
            let text = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
            text.split_whitespace().map(|scope| scope.trim_matches(',').to_owned()).collect()
        }
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// The header of a field: `x-authorizer-user_id` for `userId`, `x-authorizer-api_key` for `APIKey`.
fn header_name(name: &str) -> String {
    let mut out = HEADER_PREFIX.to_owned();
    let chars: Vec<char> = name.chars().collect();
    for (index, char) in chars.iter().enumerate() {
        let previous = index.checked_sub(1).and_then(|previous| chars.get(previous));
        let after_lowercase = previous.is_some_and(|char| char.is_ascii_lowercase() || char.is_ascii_digit());
        let before_lowercase = previous.is_some_and(char::is_ascii_uppercase)
            && chars.get(index + 1).is_some_and(char::is_ascii_lowercase);
        if char.is_ascii_uppercase() && (after_lowercase || before_lowercase) {
            out.push('_');
        }
        out.push(match char.to_ascii_lowercase() {
            valid @ ('a'..='z' | '0'..='9' | '_' | '-') => valid,
            _ => '-',
        });
    }
    out
}
