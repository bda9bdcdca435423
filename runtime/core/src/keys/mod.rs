//! Keys that sign and verify: given once, or read from a secret while the server runs.
//!
//! A key has a name, which is part of all that it signs. The first key of a list signs, and all of them verify.

mod named;
mod secret;
mod source;

pub use named::NamedKey;
pub(crate) use named::parse_list;
pub use secret::{Secret, SecretStage, SecretValue};
pub use source::{KeySource, KeysError};
