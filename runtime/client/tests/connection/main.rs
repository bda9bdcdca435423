//! Connections to a scripted server: what passes through unchanged, and what a connection repairs.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod ends;
mod limits;
mod messages;
mod retries;
mod scripted;
mod sessions;
mod stateless;

use std::time::Duration;

use mcp_lambda::{Auth, Connection, Limits, Remote};
use serde_json::Value;

/// No wait of a test is longer.
const SOON: Duration = Duration::from_secs(20);

/// Connects to a scripted server.
fn connect(url: &str) -> Connection {
    connect_with(url, |_| {})
}

fn connect_with(url: &str, change: impl FnOnce(&mut Limits)) -> Connection {
    let mut limits = Limits::default();
    limits.retry_for = Duration::from_secs(10);
    change(&mut limits);
    Remote::new(url).unwrap().auth(Auth::Anonymous).limits(limits).connect().unwrap()
}

/// The next message of the server.
async fn next(connection: &mut Connection) -> Value {
    serde_json::from_slice(&next_raw(connection).await).unwrap()
}

async fn next_raw(connection: &mut Connection) -> Vec<u8> {
    let message = tokio::time::timeout(SOON, connection.receive()).await;
    message.expect("in time").expect("a message").to_vec()
}
