//! Ten thousand requests that no honest client sends, over real sockets, and the server serves on.

use std::time::Duration;

use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};
use serde_json::json;
use test_support::{call, environment, socket::RunningServer};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

use crate::mutated::{corpus, mutated};

const REQUESTS: usize = 10_000;
const AT_ONCE: usize = 16;
/// The longest wait for an answer, or for the connection to be closed.
const SOON: Duration = Duration::from_secs(20);

/// Sends bytes, closes the sending side, and reads to the end.
async fn exchange(address: &str, bytes: &[u8]) -> Vec<u8> {
    let mut socket = TcpStream::connect(address).await.expect("connected");
    let mut answer = Vec::new();
    // A server that has read enough may close before everything was sent, or in the middle of its answer.
    let _ = socket.write_all(bytes).await;
    let _ = socket.shutdown().await;
    let _ = socket.read_to_end(&mut answer).await;
    answer
}

#[tokio::test]
async fn ten_thousand_hostile_requests_leave_the_server_serving() {
    let world = environment();
    let listening = RunningServer::start(world.at(0)).await;
    let strategy = mutated(corpus(&["../../runtime/fuzz/http"]));
    let mut runner = TestRunner::deterministic();
    let (mut running, mut answered) = (JoinSet::new(), 0);
    for sent in 0..REQUESTS {
        let bytes = strategy.new_tree(&mut runner).expect("an input").current();
        let address = listening.address.clone();
        running.spawn(async move {
            let answer = tokio::time::timeout(SOON, exchange(&address, &bytes)).await;
            let answer = answer.unwrap_or_else(|_| panic!("no end: {:?}", String::from_utf8_lossy(&bytes)));
            assert!(
                answer.is_empty() || answer.starts_with(b"HTTP/1."),
                "{:?}",
                String::from_utf8_lossy(&answer)
            );
            !answer.is_empty()
        });
        while running.len() >= AT_ONCE {
            answered += usize::from(running.join_next().await.expect("one runs").expect("no panic"));
        }
        if sent % 1000 == 999 {
            let mut socket = listening.connect().await;
            let head = socket.send(&call("echo", json!({ "message": "on" }))).await;
            assert_eq!(head.status, 200, "after {sent} requests");
            assert_eq!(socket.body(&head).await["result"]["content"][0]["text"], "on");
        }
    }
    while let Some(done) = running.join_next().await {
        answered += usize::from(done.expect("no panic"));
    }
    assert!(answered > REQUESTS / 2, "{answered} answered: the inputs have become noise");
}
