//! The caller that a gateway in front of the server has authenticated.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};

use super::Principal;

/// Headers that only this server writes: those that a client sends under these names are removed.
pub const HEADER_PREFIX: &str = "x-authorizer-";

/// Fields that concern the gateway alone, and credentials.
const NOT_FORWARDED: [&str; 4] = ["principalId", "integrationLatency", "usageIdentifierKey", "accessKey"];

/// A caller that a gateway has authenticated, and the context that the gateway gives of it. A host puts it into the
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

/// `scope` separates with spaces; a front that flattens lists writes them in brackets.
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

/// `userId` as `x-authorizer-user_id`, `APIKey` as `x-authorizer-api_key`.
fn header_name(name: &str) -> String {
    let mut out = HEADER_PREFIX.to_owned();
    let letters: Vec<char> = name.chars().collect();
    for (at, letter) in letters.iter().enumerate() {
        let after_small = at > 0
            && letters
                .get(at - 1)
                .is_some_and(|before| before.is_ascii_lowercase() || before.is_ascii_digit());
        let before_small = at > 0
            && letters.get(at - 1).is_some_and(char::is_ascii_uppercase)
            && letters.get(at + 1).is_some_and(char::is_ascii_lowercase);
        if letter.is_ascii_uppercase() && (after_small || before_small) {
            out.push('_');
        }
        out.push(match letter.to_ascii_lowercase() {
            plain @ ('a'..='z' | '0'..='9' | '_' | '-') => plain,
            _ => '-',
        });
    }
    out
}
