//! The checkpoint of a task.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::{TaskError, check_size};

/// How far a task has come, in the program's own terms: the next attempt goes on from here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Checkpoint {
    /// Version of the program that wrote it. A newer one can read it, migrate it or refuse it.
    pub program: String,
    /// The value.
    pub value: Value,
}

impl Checkpoint {
    /// The largest checkpoint, as JSON and in bytes.
    pub const LARGEST: usize = 128 * 1024;

    /// Creates a checkpoint of a version of the program.
    #[must_use]
    pub fn new(program: impl Into<String>, value: Value) -> Self {
        Self { program: program.into(), value }
    }

    pub(super) fn check(&self) -> Result<(), TaskError> {
        check_size("a checkpoint", self, Self::LARGEST)
    }
}
