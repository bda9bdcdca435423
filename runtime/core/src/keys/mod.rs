//! Keys that sign and verify: given once, or read from a secret while the server runs.
//!
//! A key has a name, which is part of all that it signs. The first key of a list signs, and all of them verify. A [`SigningKey`]
//! signs outside of the process.

mod named;
mod secret;
mod signing;
mod source;

pub use named::NamedKey;
pub(crate) use named::parse_list;
pub use secret::{Secret, SecretStage, SecretValue};
pub use signing::{P256Point, P256Signature, SigningKey};
pub use source::{KeySource, KeysError};
