//! Limits per caller and per process.
//!
//! * [`RequestLimiter`]: concurrent requests of one caller in this process.
//! * [`StreamLimiter`] and [`StreamPermit`]: open streams of this process, and of one caller in all environments.

mod requests;
mod streams;

pub(crate) use requests::{RequestLimiter, RequestPermit};
pub use streams::{StreamLease, StreamLeaseStore};
pub(crate) use streams::{StreamLimiter, StreamPermit};
