//! Caps per caller and per process.
//!
//! * [`RequestLimiter`]: requests of one caller that are served at a time in this process.
//! * [`StreamLimiter`] and [`StreamPermit`]: open streams of this process, and of one caller on all environments.

mod requests;
mod streams;

pub(crate) use requests::RequestLimiter;
pub use streams::{StreamLease, StreamLeaseStore};
pub(crate) use streams::{StreamLimiter, StreamPermit};
