//! The client's transports against functions in the emulator: signatures, checked as AWS checks them, and the Invoke API.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod gateway;
mod invoke;
mod signature;
mod sigv4;

use std::time::{Duration, SystemTime};

use lambda_emulator::{Builder, Emulator};
use mcp_lambda::{Limits, Remote};

/// An emulator of the fixture function, with streamed responses.
fn function() -> Builder {
    Emulator::builder()
        .binary(env!("CARGO_BIN_EXE_fixture-function"))
        .env("MCP_RESPONSE_MODE", "stream")
        // One for the GET stream of a session, and one for its calls.
        .environments(4)
}

/// The time of the wall clock, of which signatures are made.
#[expect(clippy::disallowed_methods, reason = "SigV4 compares wall clocks")]
fn now() -> SystemTime {
    SystemTime::now()
}

/// A server that is given up at once when it cannot be reached.
fn remote(address: &str) -> Remote {
    let mut limits = Limits::default();
    limits.retry_for = Duration::ZERO;
    Remote::new(address).unwrap().limits(limits)
}
