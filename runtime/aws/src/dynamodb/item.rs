//! Items: attributes that are read with an error that says what is wrong with them.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use mcp_lambda_core::{error::StoreError, events::LoggedEvent, time::Timestamp};

/// Largest value that this store writes, in bytes. DynamoDB takes 400 KB for an item, with the names and keys of its
/// attributes: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html> (read 2026-11-20).
pub(super) const MAX_VALUE: usize = mcp_lambda_core::store::LARGEST_VALUE;

/// An item of either table.
#[derive(Debug, Clone)]
pub(super) struct Item(pub(super) HashMap<String, AttributeValue>);

impl Item {
    /// Creates an item with its key.
    pub(super) fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self(HashMap::new()).with("pk", text(pk)).with("sk", text(sk))
    }

    pub(super) fn with(mut self, name: &str, value: AttributeValue) -> Self {
        self.0.insert(name.to_owned(), value);
        self
    }

    /// Sets when the item expires: `expires` for reads of this store, `ttl` for the deletion by DynamoDB, later.
    pub(super) fn expiring(self, at: Timestamp) -> Self {
        self.with("expires", millis(at)).with("ttl", number(at.epoch_seconds() + 1))
    }

    /// Whether the item has not expired. An item without `expires` never does.
    pub(super) fn is_live(&self, now: Timestamp) -> Result<bool, StoreError> {
        Ok(self.number_or("expires", u64::MAX)? > now.as_millis())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
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
        if self.has(name) { self.number(name) } else { Ok(default) }
    }

    pub(super) fn time(&self, name: &str) -> Result<Timestamp, StoreError> {
        self.number(name).map(Timestamp::from_millis)
    }

    /// Returns the event of a log item. `None` for a tombstone, and for an event that has expired.
    pub(super) fn event(&self, now: Timestamp) -> Result<Option<LoggedEvent>, StoreError> {
        if !self.has("event") || !self.is_live(now)? {
            return Ok(None);
        }
        let event =
            serde_json::from_str(self.text("event")?).map_err(|_| self.corrupt("event", "an event"))?;
        Ok(Some(LoggedEvent { seq: self.number("seq")?, event, at: self.time("at")? }))
    }

    /// Returns the key of the item, for deleting it.
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

pub(super) fn millis(at: Timestamp) -> AttributeValue {
    number(at.as_millis())
}

/// Refuses a value that DynamoDB would refuse, before it is sent.
pub(super) fn check_size(value: &str) -> Result<(), StoreError> {
    if value.len() > MAX_VALUE {
        return Err(StoreError::TooLarge { size: value.len(), limit: MAX_VALUE });
    }
    Ok(())
}
