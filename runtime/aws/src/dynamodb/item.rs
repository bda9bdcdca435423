//! Items: attributes read with a reason when they are not what they should be.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use sha2::{Digest, Sha256};

use mcp_lambda_core::{error::StoreError, time::Timestamp};

/// The largest value we write. DynamoDB takes 400 KB for an item, names and keys included:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html> (read 2026-11-20).
pub(super) const VALUE_LIMIT: usize = 390 * 1024;

/// Text in a sort key beyond this is hashed: DynamoDB takes 1,024 bytes.
const KEY_TEXT_LIMIT: usize = 400;

/// An item as DynamoDB gave it.
#[derive(Debug, Clone)]
pub(super) struct Item(pub(super) HashMap<String, AttributeValue>);

impl Item {
    /// A new item with its key.
    pub(super) fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self(HashMap::new()).with("pk", text(pk)).with("sk", text(sk))
    }

    pub(super) fn with(mut self, name: &str, value: AttributeValue) -> Self {
        self.0.insert(name.to_owned(), value);
        self
    }

    /// When it is gone: for our reads, and, later, for DynamoDB's own sweeping.
    pub(super) fn expiring(self, at: Timestamp) -> Self {
        self.with("expires", number(at.0)).with("ttl", number(at.epoch_seconds() + 1))
    }

    /// Whether it still counts. An item without an end always does.
    pub(super) fn lives(&self, now: Timestamp) -> Result<bool, StoreError> {
        Ok(self.number_or("expires", u64::MAX)? > now.0)
    }

    pub(super) fn text(&self, name: &str) -> Result<&str, StoreError> {
        match self.0.get(name) {
            Some(AttributeValue::S(text)) => Ok(text),
            _ => Err(self.corrupt(name, "a string")),
        }
    }

    pub(super) fn number(&self, name: &str) -> Result<u64, StoreError> {
        match self.0.get(name) {
            Some(AttributeValue::N(number)) => {
                number.parse().map_err(|_| self.corrupt(name, "a whole number"))
            }
            _ => Err(self.corrupt(name, "a number")),
        }
    }

    pub(super) fn number_or(&self, name: &str, default: u64) -> Result<u64, StoreError> {
        if self.0.contains_key(name) { self.number(name) } else { Ok(default) }
    }

    /// The item's key, for deleting it.
    pub(super) fn key(&self) -> HashMap<String, AttributeValue> {
        self.0
            .iter()
            .filter(|(name, _)| matches!(name.as_str(), "pk" | "sk"))
            .map(|(n, v)| (n.clone(), v.clone()))
            .collect()
    }

    pub(super) fn corrupt(&self, name: &str, expected: &str) -> StoreError {
        let part = |name| self.0.get(name).and_then(|value| value.as_s().ok()).map_or("?", String::as_str);
        StoreError::Corrupt(format!("{name} of ({}, {}) is not {expected}", part("pk"), part("sk")))
    }
}

pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(super) fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// Refuses what DynamoDB would refuse, before it is sent and with a text that says why.
pub(super) fn fits(value: &str) -> Result<(), StoreError> {
    if value.len() > VALUE_LIMIT {
        return Err(StoreError::TooLarge { size: value.len(), limit: VALUE_LIMIT });
    }
    Ok(())
}

/// Text from outside as part of a sort key: as it is while it is short, by its hash when it is not.
pub(super) fn key_text(text: &str) -> String {
    if text.len() <= KEY_TEXT_LIMIT && !text.is_empty() {
        return format!("={text}");
    }
    digest(text)
}

/// Text from outside, whatever it is, in 64 characters of our choosing.
pub(super) fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
