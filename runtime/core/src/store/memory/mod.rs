//! A store in the memory of one process.
//!
//! One mutex guards all data. No task awaits while it holds the lock, critical sections are a few map operations, and
//! laws that span items (ending a session ends its streams) need no transactions.

mod data;
mod inbox;
mod limits;
mod log;
mod sessions;
mod state;
mod store;
mod stream_leases;
mod streams;
mod tasks;

pub use limits::MemoryLimits;
pub use store::MemoryStore;
