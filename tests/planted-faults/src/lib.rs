//! An MCP server that has one fault at a time, for the tests of `mcp-lambda test`.
//!
//! The server behind is the one of this repository, with tools of its own. [`Fault`] damages what it is asked and what it
//! answers: one switch for each fault. Without a fault it is a correct server for callers with a token.
//!
//! ```no_run
//! # async fn example() {
//! use planted_faults::{Fault, PlantedServer};
//!
//! let server = PlantedServer::start(Some(Fault::ProgressAfterResponse)).await;
//! println!("{} with {}", server.url(), server.token("ada"));
//! # }
//! ```
#![allow(missing_docs, reason = "each fault is described where it is listed")]

mod asked;
mod events;
mod fault;
mod handler;
mod memory;
mod messages;
mod requests;
mod server;

pub use fault::Fault;
pub use server::PlantedServer;
