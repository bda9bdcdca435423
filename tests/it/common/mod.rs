//! What the tests share: execution environments, a client that speaks both eras, a handler that does as it is told.
//!
//! * [`world`]: `environments(n)`, that is `n` servers with one store and one clock.
//! * [`client`]: a request to be sent, and its reply read frame by frame.
//! * [`fixture`]: the handler. Its tools wait for a test's word, never for a time.
//! * [`sse`]: a parser of event streams, written from the WHATWG text alone.
#![allow(dead_code, unused_imports, reason = "every test binary uses its own part of this")]
#![allow(clippy::needless_pass_by_value, reason = "`json!(...)` reads best as an argument")]

pub(crate) mod client;
pub(crate) mod dynamo;
pub(crate) mod fixture;
pub(crate) mod logs;
pub(crate) mod proxy;
pub(crate) mod rude;
pub(crate) mod secrets;
pub(crate) mod session;
pub(crate) mod socket;
pub(crate) mod sse;
pub(crate) mod tokens;
pub(crate) mod tools;
pub(crate) mod world;

pub(crate) use client::{Post, Reply, call, initialize, refused, result, stateless, stateless_with, text};
pub(crate) use fixture::{Fixture, Stage};
pub(crate) use sse::SseEvent;
pub(crate) use world::{World, environment, environments, environments_with};
