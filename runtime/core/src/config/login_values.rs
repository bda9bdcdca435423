//! Values of the variables of the login: secrets, keys and URLs.

use std::{collections::HashSet, fmt};

use subtle::ConstantTimeEq;

use super::{Env, LOGIN_SIGNING_KEYS, LOGIN_UPSTREAM_PARAMETERS, Variable, auth, invalid_value};
use crate::{auth::is_safe_url, error::ConfigError};

/// A text that no log shows, and that is compared in constant time.
#[derive(Clone, Eq)]
pub struct Secret(String);

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Secret {
    /// A secret of this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(...)")
    }
}

/// A key from which those that sign and seal are derived.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoginKey {
    /// The name, which is the `kid` of tokens.
    pub id: String,
    /// The secret, of 64 letters and digits or more.
    pub secret: Secret,
}

impl LoginKey {
    /// A key with this name and secret.
    pub fn new(id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self { id: id.into(), secret: Secret::new(secret) }
    }
}

/// The shortest secret of a key, in characters: 62 letters and digits make 381 bits of 64.
const SHORTEST_SECRET: usize = 64;
/// The keys of KMS that sign and verify: each is read when a process is first asked for them.
const MOST_SIGNING_KEYS: usize = 4;
/// The longest id of a key: it is part of each token.
const LONGEST_KEY_ID: usize = 16;
pub(super) const HTTPS: &str =
    "an https URL without a query (http only for loopback addresses), such as https://login.example.com";

/// The ARN of the secret that has a value in place of a variable.
pub(super) fn instead_of(
    env: &Env<'_>,
    secret: &Variable,
    value: &Variable,
) -> Result<Option<String>, ConfigError> {
    match env.secret_arn(secret)? {
        Some(arn) if env.get(value).is_some() => {
            Err(invalid_value(secret, &arn, &format!("to be unset, since {} is set", value.name)))
        }
        arn => Ok(arn),
    }
}

/// The keys. Errors do not quote the value, because it is a secret.
pub(super) fn keys(
    env: &Env<'_>,
    variable: &Variable,
    may_be_unset: bool,
) -> Result<Vec<LoginKey>, ConfigError> {
    let expected = "id:secret with 64 letters and digits or more after the colon, an id of at most 16 letters, digits, - or _, and a different id for each key";
    let Some(text) = env.get(variable) else {
        return if may_be_unset { Ok(Vec::new()) } else { Err(invalid_value(variable, "", expected)) };
    };
    let mut keys: Vec<LoginKey> = Vec::new();
    for (index, item) in text.split(',').enumerate() {
        let invalid = || invalid_value(variable, &format!("(entry {})", index + 1), expected);
        let (id, secret) = item.trim().split_once(':').ok_or_else(invalid)?;
        let is_id = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let is_valid = (1..=LONGEST_KEY_ID).contains(&id.len())
            && id.bytes().all(is_id)
            && secret.len() >= SHORTEST_SECRET
            && secret.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && keys.iter().all(|key| key.id != id);
        if !is_valid {
            return Err(invalid());
        }
        keys.push(LoginKey::new(id, secret));
    }
    Ok(keys)
}

/// The ARNs of keys of KMS.
pub(super) fn signing_keys(env: &Env<'_>) -> Result<Vec<String>, ConfigError> {
    let arns = auth::words(env, &LOGIN_SIGNING_KEYS);
    let invalid = |found: &str, expected: &str| Err(invalid_value(&LOGIN_SIGNING_KEYS, found, expected));
    if let Some(wrong) = arns.iter().find(|arn| !is_key_arn(arn)) {
        return invalid(
            wrong,
            "ARNs of keys of KMS, as arn:aws:kms:us-east-1:123456789012:key/a1b2c3d4, and not of aliases",
        );
    }
    if arns.len() > MOST_SIGNING_KEYS || arns.iter().collect::<HashSet<_>>().len() < arns.len() {
        return invalid(&arns.join(","), &format!("at most {MOST_SIGNING_KEYS} different keys"));
    }
    Ok(arns)
}

fn is_key_arn(text: &str) -> bool {
    let parts: Vec<_> = text.split(':').collect();
    let is_id =
        |id: &str| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    matches!(parts[..], ["arn", partition, "kms", region, account, key]
        if [partition, region, account].iter().all(|part| !part.is_empty()) && key.strip_prefix("key/").is_some_and(is_id))
}

/// What the login itself says in the request at which users sign in, and what would change how the answer comes back.
const OWN_PARAMETERS: [&str; 11] = [
    "client_id",
    "client_secret",
    "code_challenge",
    "code_challenge_method",
    "nonce",
    "redirect_uri",
    "request",
    "request_uri",
    "response_mode",
    "response_type",
    "state",
];
const MOST_PARAMETERS: usize = 16;

/// Parameters of the request at which users sign in.
pub(super) fn parameters(env: &Env<'_>) -> Result<Vec<(String, String)>, ConfigError> {
    let text = env.get(&LOGIN_UPSTREAM_PARAMETERS).unwrap_or_default();
    let invalid = |found: &str, expected: &str| invalid_value(&LOGIN_UPSTREAM_PARAMETERS, found, expected);
    let mut parameters: Vec<(String, String)> = Vec::new();
    for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        let is_visible = item.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        let Some((name, value)) = item.split_once('=').filter(|(name, _)| !name.is_empty() && is_visible)
        else {
            return Err(invalid(
                item,
                "name=value in ASCII, such as access_type=offline, and more of them after commas",
            ));
        };
        if name == "scope" {
            return Err(invalid(item, "other parameters: MCP_LOGIN_UPSTREAM_SCOPES has the scopes"));
        }
        if OWN_PARAMETERS.contains(&name) || parameters.iter().any(|(known, _)| known == name) {
            return Err(invalid(
                item,
                "parameters that are there once, and that the login does not set itself",
            ));
        }
        parameters.push((name.to_owned(), value.to_owned()));
    }
    if parameters.len() > MOST_PARAMETERS {
        return Err(invalid(&text, &format!("at most {MOST_PARAMETERS} parameters")));
    }
    Ok(parameters)
}

pub(super) fn required_url(env: &Env<'_>, variable: &Variable) -> Result<String, ConfigError> {
    let found = env.get(variable).unwrap_or_default();
    if is_url(&found) { Ok(found) } else { Err(invalid_value(variable, &found, HTTPS)) }
}

pub(super) fn is_url(text: &str) -> bool {
    is_safe_url(text) && !text.contains(['?', '#', '|', '"', '\\', ',', ' '])
}
