//! A port of the test at which a function, in another process, waits for the test.
//!
//! A function that reaches the point of interest connects to the port, sends its process id, takes a step for each line
//! it receives, and goes on when the test closes the connection.

use std::time::Duration;

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use crate::waiting::SOON;

pub struct Gate(TcpListener);

/// A function that waits at the gate.
pub struct Held {
    pub pid: u32,
    stream: BufReader<TcpStream>,
}

impl Gate {
    pub async fn open() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.expect("a port"))
    }

    /// The value of the function's variable `GATE`.
    pub fn port(&self) -> String {
        self.0.local_addr().expect("an address").port().to_string()
    }

    /// The next function that arrives.
    pub async fn held(&self) -> Held {
        self.held_within(SOON).await
    }

    /// The next function that arrives, which may take longer than other things do.
    pub async fn held_within(&self, time: Duration) -> Held {
        let (stream, _) =
            timeout(time, self.0.accept()).await.expect("a function arrives in time").expect("a connection");
        let mut held = Held { pid: 0, stream: BufReader::new(stream) };
        held.pid = held.report().await.and_then(|pid| pid.parse().ok()).expect("a process id");
        held
    }

    /// Whether no function has arrived.
    pub async fn is_empty(&self) -> bool {
        timeout(Duration::from_millis(50), self.0.accept()).await.is_err()
    }
}

impl Held {
    /// Lets the function take a step, with this word.
    pub async fn say(&mut self, word: &str) {
        self.stream.get_mut().write_all(format!("{word}\n").as_bytes()).await.expect("the function listens");
    }

    /// Lets the function go on to its end; what it reports then can still be read.
    pub async fn let_go(&mut self) {
        self.stream.get_mut().shutdown().await.expect("the function listens");
    }

    /// The next line that the function reports; `None` when it is gone.
    pub async fn report(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = timeout(SOON, self.stream.read_line(&mut line)).await.expect("a report in time");
        matches!(read, Ok(1..)).then(|| line.trim().to_owned())
    }

    /// Waits until the function is no longer there. A connection that is reset counts as one that is closed.
    pub async fn gone(mut self) {
        assert_eq!(self.report().await, None, "the function is still there");
    }
}
