//! Random mixes of requests at their limits, of eight addresses: the memory of the process stays below a ceiling, and other
//! clients are served.
//!
//! The server is a process of its own, with the limits that it has without configuration. SECURITY.md states the ceiling.

mod action;
mod server;

use std::time::Duration;

use proptest::{
    collection,
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};
use tokio::task::JoinSet;

use self::{action::Action, server::Server};

/// The resident memory that no mix of requests may exceed, in MB.
const CEILING_MB: f64 = 384.0;
const MIXES: usize = 4;
/// Actions of a mix, all at once.
const ACTIONS: usize = 40;
/// How long the clients of a mix hold their connections.
const HELD: Duration = Duration::from_secs(1);

#[tokio::test]
async fn no_mix_of_requests_at_their_limits_exceeds_the_ceiling() {
    let server = Server::start(&[]).await;
    let mixes = collection::vec(action::any(), ACTIONS);
    let mut runner = TestRunner::deterministic();
    let mut highest: f64 = server.resident_mb();
    for _ in 0..MIXES {
        let mix = mixes.new_tree(&mut runner).expect("a mix").current();
        let peak = run(&server, &mix).await;
        highest = highest.max(peak);
        assert!(peak <= CEILING_MB, "{peak:.0} MB resident while {mix:?}");
        server.assert_serves().await;
    }
    println!("{MIXES} mixes of {ACTIONS} actions: {highest:.0} MB at most");
}

/// With the variable that the construct sets, the allocator of glibc gives memory back. Without it, most of what a mix took stays
/// resident until the next one.
#[cfg(target_env = "gnu")]
#[tokio::test]
async fn the_memory_of_large_requests_is_given_back() {
    let server = Server::start(&[("MALLOC_TRIM_THRESHOLD_", "131072")]).await;
    server.assert_serves().await;
    let before = server.resident_mb();
    let mut runner = TestRunner::deterministic();
    let mixes = collection::vec(action::any(), ACTIONS);
    let mix = mixes.new_tree(&mut runner).expect("a mix").current();
    let peak = run(&server, &mix).await;
    server.assert_serves().await;
    let after = server.resident_mb();
    println!("{before:.0} MB before, {peak:.0} MB at most, {after:.0} MB after");
    assert!(peak > before + 30.0, "{peak:.0} MB: the mix takes more than what may stay");
    assert!(after < before + 20.0, "{after:.0} MB after, {before:.0} MB before");
}

/// Runs all actions of a mix at once, and returns the most memory that was resident meanwhile.
async fn run(server: &Server, mix: &[Action]) -> f64 {
    let mut clients = JoinSet::new();
    for (action, address) in mix.iter().zip((2..10).cycle()) {
        clients.spawn(action.clone().run(address, server.address, HELD));
    }
    let mut peak: f64 = 0.0;
    loop {
        peak = peak.max(server.resident_mb());
        tokio::select! {
            ended = clients.join_next() => match ended {
                Some(ended) => ended.expect("no client panics"),
                None => return peak,
            },
            () = tokio::time::sleep(Duration::from_millis(2)) => {}
        }
    }
}
