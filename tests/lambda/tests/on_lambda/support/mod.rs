//! What these tests share beside the `test-support` package: requests through the emulator, the events of
//! `tests/fixtures`, and the forms in which a function answers.

mod database;
mod event;
mod form;
mod mcp;

use lambda_emulator::{Builder, Emulator};
pub(crate) use test_support::{
    McpRequest, Reply,
    gate::{Gate, Held},
    outbox::Outbox,
    process::{alive, frozen, gone, process_state, threads},
    waiting::{SOON, eventually},
};

pub(crate) use self::{
    database::Database,
    event::{InvocationAnswer, answer_of, client_context, edited, fixture},
    form::{Answer, Form},
    mcp::{
        FromEnvironment, ThroughLambda, ask, call, get, initialize, initialize_as, listen, listen_to,
        session, tool,
    },
};

/// An emulator of the fixture function. What matters to a test is what it adds.
pub(crate) fn function() -> Builder {
    Emulator::builder().binary(env!("CARGO_BIN_EXE_fixture-function"))
}

/// The same in one response mode.
pub(crate) fn function_in(mode: &str) -> Builder {
    function().env("MCP_RESPONSE_MODE", mode)
}

/// The warnings and errors of every log.
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
