//! The functions that these tests run. Everything else that they share is in the package `test-support`.

use std::path::PathBuf;

use lambda_emulator::{Builder, Emulator, EnvironmentId};
pub(crate) use test_support::{
    Reply,
    gate::Gate,
    process::{frozen, gone, process_state},
    transport::{get, post, send},
    waiting::{SOON, eventually},
};

/// The example next to the test's own executable.
pub(crate) fn bare_function() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(|deps| deps.parent()).unwrap().join("examples/bare-function");
    assert!(path.exists(), "build it: cargo build -p lambda-emulator --example bare-function");
    path
}

/// An emulator of one of the bare functions.
pub(crate) fn emulator(function: &str) -> Builder {
    Emulator::builder().binary(bare_function()).env("FUNCTION", function)
}

/// Which environment a reply came from, as the emulator says.
pub(crate) trait FromEnvironment {
    fn environment(&self) -> EnvironmentId;
}

impl FromEnvironment for Reply {
    fn environment(&self) -> EnvironmentId {
        EnvironmentId(self.header("x-emulator-environment").unwrap().parse().unwrap())
    }
}
