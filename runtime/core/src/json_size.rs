//! The size of a value as JSON.

use crate::error::StoreError;

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
