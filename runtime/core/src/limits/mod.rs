//! Limits per caller and per process.
//!
//! * [`CallerKey`]: the caller that a limit counts.
//! * [`BodyLimiter`]: bytes of request bodies in this process.
//! * [`RequestLimiter`]: concurrent requests of one caller in this process.
//! * [`StreamLimiter`] and [`StreamPermit`]: open streams of this process, and of one caller in all environments.

mod bodies;
mod caller_key;
mod counts;
mod requests;
mod streams;

pub(crate) use bodies::{BodyLimiter, BodyPermit, TooManyBytes};
pub(crate) use caller_key::CallerKey;
pub(crate) use requests::{RequestLimiter, RequestPermit, TooManyRequests};
pub use streams::{StreamLease, StreamLeaseStore};
pub(crate) use streams::{StreamLimiter, StreamPermit};
