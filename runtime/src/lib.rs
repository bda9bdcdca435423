//! Write an MCP server once, as any rmcp [`ServerHandler`](rmcp::ServerHandler), and run it on a laptop and on AWS
//! Lambda with the same behaviour.
//!
//! What makes that true: nothing a client may rely on lives only in a process. Sessions, state, events, replies and
//! pending answers live in stores; a process is only a place where a request happens to run.
//!
//! A request reads top to bottom:
//!
//! ```text
//! front -> http::handle -> guard -> principal -> protocol::read -> dispatch -> handler (rmcp) -> reply -> JSON | SSE
//! ```
//!
//! * [`McpLambdaServer`]: the builder; `serve()` is the whole of `main`.
//! * [`Config`]: what the environment sets.
//! * [`Session`], [`State`], [`Handles`], [`Events`], [`Principal`], [`ReplyStream`], [`Deadline`]: what a tool finds
//!   in `RequestContext::extensions`.
//! * [`protocol`], [`session`], [`stream`], [`events`], [`store`]: the nouns and the stores behind them.

// SEP-2577 deprecates logging, sampling and roots; clients of the session era use them until they are gone.
#![allow(deprecated)]

pub mod auth;
pub mod clock;
pub mod config;
mod dispatch;
pub mod error;
pub mod events;
#[cfg(test)]
mod fuzz;
mod handler;
pub mod http;
mod ingress;
#[cfg(feature = "lambda")]
mod lambda;
mod local;
mod peer;
pub mod protocol;
mod random;
mod server;
pub mod session;
pub mod store;
pub mod stream;
pub mod telemetry;
mod tools;

pub use rmcp;

#[doc(inline)]
pub use crate::{
    auth::{AuthenticatedBy, Principal},
    clock::Clock,
    config::Config,
    error::{Error, StoreError},
    events::{Event, EventFilter, Events, GlobalEvent},
    http::Body,
    ingress::{Delivery, HostCheck, Ingress},
    server::{BoundServer, McpLambdaServer, Server},
    session::{Handles, Session, State},
    store::{MemoryStore, Stores},
    stream::{Deadline, ReplyStream},
    tools::Tools,
};

/// Compiles the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
