//! The port on which a test stands, and where the fixture's tools wait.

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use super::SOON;

pub(crate) struct Gate(TcpListener);

/// A tool that waits.
pub(crate) struct Held {
    pub(crate) pid: u32,
    stream: BufReader<TcpStream>,
}

impl Gate {
    pub(crate) async fn open() -> Self {
        Gate(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    /// What the function finds in `GATE`.
    pub(crate) fn port(&self) -> String {
        self.0.local_addr().unwrap().port().to_string()
    }

    /// The next tool that comes to the gate.
    pub(crate) async fn held(&self) -> Held {
        let (stream, _) = timeout(SOON, self.0.accept()).await.expect("no tool came").unwrap();
        let mut held = Held { pid: 0, stream: BufReader::new(stream) };
        held.pid = held.heard().await.unwrap().parse().unwrap();
        held
    }
}

impl Held {
    /// Lets the tool take a step.
    pub(crate) async fn say(&mut self, word: &str) {
        self.stream.get_mut().write_all(format!("{word}\n").as_bytes()).await.unwrap();
    }

    /// Lets the tool end; what it says then can still be heard.
    pub(crate) async fn let_go(&mut self) {
        self.stream.get_mut().shutdown().await.unwrap();
    }

    /// What the tool reports; `None` when it is gone.
    pub(crate) async fn heard(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = timeout(SOON, self.stream.read_line(&mut line)).await.expect("the tool says nothing");
        matches!(read, Ok(1..)).then(|| line.trim().to_owned())
    }
}
