//! What the tests share. One client of MCP, over a call in this process or over HTTP; one parser of event streams; one
//! handler that does what a test asks of it.
//!
//! * [`request`] and [`reply`]: a request to be sent, and its reply read event by event; [`session`] for the messages of
//!   a session. [`transport`] says how they travel, [`sse`] how a stream is read.
//! * [`mod@environments`]: `environments(n)`, that is `n` servers with one store and one clock. They serve [`fixture`] with
//!   tools that wait for a test, never for a time.
//! * [`socket`]: HTTP/1.1 by hand, for what a client library would hide.
//! * [`dynamodb`]: an embedded database, one that counts, and one that fails on command.
//! * `actions`: an endpoint of AWS that answers as a test says.
//! * [`gate`], [`process`] and [`waiting`]: functions in other processes.
//! * `postgres`: servers of PostgreSQL.
//! * [`tokens`] and [`logs`]; `otlp`: what is sent to OpenTelemetry.
#![allow(missing_docs, reason = "the name of a helper says what it does, or its documentation does")]
#![allow(clippy::needless_pass_by_value, reason = "`json!(...)` reads best as an argument")]

#[cfg(feature = "server")]
pub mod actions;
#[cfg(feature = "server")]
pub mod dynamodb;
#[cfg(feature = "server")]
pub mod environments;
#[cfg(feature = "server")]
pub mod fixture;
pub mod gate;
#[cfg(feature = "server")]
pub mod logs;
#[cfg(feature = "otlp")]
pub mod otlp;
#[cfg(feature = "server")]
pub mod outbox;
#[cfg(feature = "postgres")]
pub mod postgres;
pub mod process;
pub mod reply;
pub mod request;
#[cfg(feature = "server")]
pub mod session;
#[cfg(feature = "server")]
pub mod socket;
pub mod sse;
#[cfg(feature = "server")]
pub mod tokens;
pub mod transport;
pub mod waiting;

#[cfg(feature = "server")]
pub use environments::{World, built, environment, environments, environments_with};
#[cfg(feature = "server")]
pub use fixture::{Fixture, Stage};
pub use reply::{Reply, refused, result, text};
pub use request::{McpRequest, call, initialize, stateless, stateless_with};
pub use sse::SseEvent;
pub use transport::Transport;
