//! Valid and invalid tokens.

use serde_json::{Value, json};

use crate::key::{Key, text};

/// A token that is being made.
#[derive(Clone)]
#[must_use]
pub struct Token {
    key: Key,
    header: Value,
    claims: Value,
}

impl Token {
    pub(crate) fn new(key: Key, claims: Value) -> Self {
        let header = json!({ "alg": key.algorithm(), "typ": "at+jwt", "kid": key.kid() });
        Self { key, header, claims }
    }

    /// Sets a claim; `null` takes it away.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        set(&mut self.claims, name, value.into());
        self
    }

    /// Sets a field of the header; `null` takes it away.
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        set(&mut self.header, name, value.into());
        self
    }

    /// Signs it with another key, and takes the key's name as `kid`.
    pub fn key(mut self, key: &Key) -> Self {
        self.key = key.clone();
        self.header("alg", key.algorithm()).header("kid", key.kid())
    }

    /// The text that is signed.
    #[must_use]
    pub fn message(&self) -> String {
        format!("{}.{}", text(self.header.to_string().as_bytes()), text(self.claims.to_string().as_bytes()))
    }

    /// The token, signed by the algorithm its header names.
    #[must_use]
    pub fn sign(&self) -> String {
        let message = self.message();
        let algorithm = self.header["alg"].as_str().unwrap_or_default();
        self.with(&self.key.sign(algorithm, message.as_bytes()))
    }

    /// The token with this signature.
    #[must_use]
    pub fn with(&self, signature: &[u8]) -> String {
        format!("{}.{}", self.message(), text(signature))
    }

    /// The tokens that an attacker can make who uses the published key as a shared secret, in each of its encodings.
    #[must_use]
    pub fn confused(self) -> Vec<String> {
        let token = self.header("alg", "HS256");
        let signatures = token.key.confuse(token.message().as_bytes());
        signatures.iter().map(|signature| token.with(signature)).collect()
    }
}

fn set(object: &mut Value, name: &str, value: Value) {
    if let Value::Object(object) = object {
        if value.is_null() {
            object.remove(name)
        } else {
            object.insert(name.to_owned(), value)
        };
    }
}
