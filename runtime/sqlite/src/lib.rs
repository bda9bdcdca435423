//! The stores of `mcp-lambda-server` in one file of SQLite.
//!
//! What a server keeps outlives its process, also one that is killed: a client that comes back with its session id and its
//! last event id misses nothing. Several processes of one machine share a file. [`SqliteStore::open`] opens one.

mod columns;
mod database;
mod error;
mod inbox;
mod log;
mod room;
mod schema;
mod sessions;
mod state;
mod store;
mod stream_leases;
mod streams;
mod tasks;

pub use error::OpenError;
pub use store::{SqliteLimits, SqliteStore};
