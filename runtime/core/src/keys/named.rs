//! Keys with names, and the text that lists them.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};

use super::SecretValue;

/// The shortest key of a list, in bytes.
const SHORTEST_KEY: usize = 32;
/// The longest name of a key, in bytes.
const LONGEST_NAME: usize = 64;
/// The shortest secret that is one key, in characters: 43 letters and digits have 256 bits.
const SHORTEST_TEXT: usize = 43;

/// What a list of keys looks like.
pub(super) const EXPECTED_LIST: &str = "id:base64 with 32 bytes or more after the colon and a different id for each key (openssl rand -base64 32)";

/// A key with a name.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NamedKey {
    /// The name of the key, which is part of all that it signs.
    pub id: String,
    /// The secret, of 32 bytes or more.
    pub secret: Vec<u8>,
}

impl NamedKey {
    /// A key with this name and secret. Building a server fails if the secret has fewer than 32 bytes.
    pub fn new(id: impl Into<String>, secret: impl Into<Vec<u8>>) -> Self {
        Self { id: id.into(), secret: secret.into() }
    }
}

impl fmt::Debug for NamedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NamedKey({}, ...)", self.id)
    }
}

/// The number of the entry of a list that is no key, from 1, and what an entry looks like. It does not quote the entry, which may be
/// a secret.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MalformedEntry {
    pub(crate) number: usize,
    pub(crate) expected: &'static str,
}

/// Reads a list of keys: `id:base64`, separated by commas.
pub(crate) fn parse_list(text: &str) -> Result<Vec<NamedKey>, MalformedEntry> {
    let mut keys: Vec<NamedKey> = Vec::new();
    for (index, item) in text.split(',').enumerate() {
        let malformed = || MalformedEntry { number: index + 1, expected: EXPECTED_LIST };
        let (id, secret) = item.trim().split_once(':').ok_or_else(malformed)?;
        let secret = STANDARD.decode(secret).map_err(|_| malformed())?;
        let is_valid = !id.is_empty()
            && id.len() <= LONGEST_NAME
            && secret.len() >= SHORTEST_KEY
            && keys.iter().all(|key| key.id != id);
        if !is_valid {
            return Err(malformed());
        }
        keys.push(NamedKey::new(id, secret));
    }
    Ok(keys)
}

/// The keys of a version of a secret: those that it lists, or itself as one key, which has the name of the version. Secrets Manager
/// generates secrets of the second kind.
pub(super) fn parse_secret(value: &SecretValue) -> Result<Vec<NamedKey>, String> {
    let text = value.text.trim();
    if text.contains(':') {
        return parse_list(text)
            .map_err(|entry| format!("entry {} is malformed: expected {}", entry.number, entry.expected));
    }
    let is_one_key = text.len() >= SHORTEST_TEXT && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_one_key {
        return Err(format!(
            "it is no key: expected {SHORTEST_TEXT} or more letters, digits and punctuation marks without a blank, or a list of {EXPECTED_LIST}"
        ));
    }
    Ok(vec![NamedKey::new(value.version.as_str(), text.as_bytes())])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> SecretValue {
        SecretValue { version: "v7".into(), text: text.into() }
    }

    #[test]
    fn a_secret_without_a_colon_is_one_key_with_the_name_of_its_version() {
        let text = "a".repeat(64);
        let keys = parse_secret(&value(&format!(" {text}\n"))).expect("a key");
        assert_eq!(keys, [NamedKey::new("v7", text)]);
    }

    #[test]
    fn a_secret_with_a_colon_is_a_list() {
        let base64 = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        let keys = parse_secret(&value(&format!("k2:{base64}, k1:{base64}"))).expect("keys");
        assert_eq!(keys.iter().map(|key| key.id.as_str()).collect::<Vec<_>>(), ["k2", "k1"]);
    }

    /// What is wrong is said, and what was found is not: it may be a secret.
    #[test]
    fn a_malformed_secret_is_not_quoted() {
        for text in
            ["planted", "planted:planted", "", "{\"planted\":\"planted-planted-planted-planted-planted\"}"]
        {
            let error = parse_secret(&value(text)).expect_err(text);
            assert!(error.contains("expected") && !error.contains("planted"), "{error}");
        }
        let spaced = format!("planted {}", "a".repeat(64));
        assert!(parse_secret(&value(&spaced)).is_err());
    }
}
