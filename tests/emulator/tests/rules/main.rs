//! The emulator's rules, tried on a bare `lambda_http` function. A test is named as the rule it shows.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod asynchronous;
mod concurrency;
mod environments;
mod events;
mod invoke;
mod limits;
mod program;
mod responses;
mod streaming;
mod support;
