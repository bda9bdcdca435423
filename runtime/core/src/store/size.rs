//! The size of what a store keeps.

use crate::error::StoreError;

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

/// Returns the size of a value as JSON, in bytes.
pub(crate) fn json_size<T: serde::Serialize>(value: &T) -> Result<usize, StoreError> {
    let mut size = Size(0);
    serde_json::to_writer(&mut size, value)
        .map_err(|error| StoreError::Corrupt(format!("the value cannot be written as JSON: {error}")))?;
    Ok(size.0)
}

/// Counts what is written.
struct Size(usize);

impl std::io::Write for Size {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
