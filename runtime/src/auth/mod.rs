//! Who is calling.
//!
//! * [`principal`]: the caller, one type for every way in.
//! * [`context`]: what a front of AWS says of the caller it has checked.

mod context;
mod principal;

#[cfg(feature = "lambda")]
pub(crate) use context::Shape;
pub(crate) use context::{HEADER_PREFIX, Vouched};
pub use principal::{Principal, Voucher};
