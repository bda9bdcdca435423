//! The parts of [`mcp-lambda-server`](https://docs.rs/mcp-lambda-server) that know neither AWS nor Lambda.
//!
//! Use that crate: it re-exports what servers need from here. This one is for authors of stores and of hosts, and what
//! is hidden from its pages may change with any release.

#![warn(missing_debug_implementations)]

#[doc(hidden)]
pub mod agentcore;
pub mod auth;
pub mod config;
mod context;
mod dispatch;
pub mod error;
pub mod events;
mod exchange;
#[cfg(feature = "jwt")]
#[doc(hidden)]
pub mod fetch;
#[cfg(test)]
mod fuzz;
#[doc(hidden)]
pub mod handler;
#[doc(hidden)]
pub mod hook;
pub mod http;
pub mod ids;
mod ingress;
mod invocation;
mod json_size;
pub mod keys;
mod lifecycle;
mod limits;
mod local;
#[doc(hidden)]
pub mod metrics;
pub mod protocol;
#[doc(hidden)]
pub mod random;
pub mod results;
mod server;
pub mod session;
mod signal;
pub mod store;
pub mod stream;
pub mod tasks;
pub mod telemetry;
pub mod time;
#[cfg(feature = "tool-definitions")]
mod tool_definitions;
mod tools;
pub mod upstream_token;
mod uri;
mod worker;

pub use rmcp;

#[doc(hidden)]
pub use crate::worker::{DeliveryError, QueueWorker};
pub use crate::{
    context::McpContext,
    ingress::{Delivery, HostCheck, Ingress},
    invocation::{GatewayDetails, Invocation, InvocationDetails},
    server::{BoundServer, Server, ServerParts},
    signal::stop_requested,
    tools::Tools,
};
