//! What the tests share: a client of MCP, the events of `tests/fixtures`, the gate that holds a tool, and a look at
//! the operating system.

mod client;
mod database;
mod event;
mod form;
mod gate;
mod mcp;
mod process;

use std::time::Duration;

use lambda_emulator::{Builder, Emulator};

pub(crate) use self::{
    client::Reply,
    database::Database,
    event::{Said, client_context, edited, fixture, said},
    form::{Answer, Form},
    gate::{Gate, Held},
    mcp::{Request, ask, call, get, initialize, initialize_as, listen, listen_to, session, tool},
    process::{alive, eventually, frozen, gone, process_state, threads},
};

/// No wait of a test may be longer.
pub(crate) const SOON: Duration = Duration::from_secs(10);

/// An emulator of the fixture function. What matters to a test is what it adds.
pub(crate) fn function() -> Builder {
    Emulator::builder().binary(env!("CARGO_BIN_EXE_fixture-function"))
}

/// The same in one response mode.
pub(crate) fn function_in(mode: &str) -> Builder {
    function().env("MCP_RESPONSE_MODE", mode)
}

/// The lines of every log that somebody should look at.
pub(crate) fn complaints(emulator: &Emulator) -> usize {
    // The emulator has no key that would be the same everywhere, so each fixture complains of that once.
    logged(emulator, r#""level":"ERROR""#) + logged(emulator, r#""level":"WARN""#)
        - logged(emulator, "MCP_STATE_KEYS is not set")
}

/// The lines of every environment's log that say `what`.
pub(crate) fn logged(emulator: &Emulator, what: &str) -> usize {
    let lines = emulator.environments().into_iter().flat_map(|one| emulator.logs(one.id));
    lines.filter(|line| line.contains(what)).count()
}
