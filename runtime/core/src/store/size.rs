//! The size of what a store keeps.

use crate::{error::StoreError, json_size::json_size};

/// The largest value, message or event that a store takes, as JSON and in bytes: what fits an item of DynamoDB with its key.
/// The same in memory, so that a program meets the limit on a laptop.
pub const LARGEST_VALUE: usize = 390 * 1024;

/// Returns the size of a value as JSON, or refuses it.
pub(crate) fn check_size<T: serde::Serialize>(value: &T) -> Result<usize, StoreError> {
    let size = json_size(value)?;
    if size > LARGEST_VALUE {
        return Err(StoreError::TooLarge { size, limit: LARGEST_VALUE });
    }
    Ok(size)
}
