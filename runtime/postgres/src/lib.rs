//! The stores of `mcp-lambda-server` in PostgreSQL.
//!
//! Any number of servers share a database: a client that comes back with its session id and its last event id misses nothing,
//! whichever server it reaches. [`PostgresStore::connect`] opens one, and [`migrate`] makes its tables.

mod address;
mod columns;
mod database;
mod error;
mod inbox;
mod listener;
mod log;
mod queue;
mod room;
mod schema;
mod sessions;
mod state;
mod store;
mod stream_leases;
mod streams;
mod tasks;

pub use error::OpenError;
pub use queue::PostgresQueue;
pub use schema::{Migrated, migrate};
pub use store::{PostgresLimits, PostgresStore};
