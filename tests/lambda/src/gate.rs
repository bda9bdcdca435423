//! Where a tool waits for the test: it connects to the port in `GATE`, says who it is, and takes a step for each line
//! it is sent. The end of the connection lets it go.

use std::io;

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    net::TcpStream,
};

/// A tool's end of the connection.
pub(crate) struct Gate(Lines<BufReader<TcpStream>>);

impl Gate {
    pub(crate) async fn reach() -> io::Result<Self> {
        let mut stream = TcpStream::connect(address()).await?;
        stream.write_all(format!("{}\n", std::process::id()).as_bytes()).await?;
        Ok(Self(BufReader::new(stream).lines()))
    }

    /// The next word of the test; `None` when it lets go.
    pub(crate) async fn step(&mut self) -> Option<String> {
        self.0.next_line().await.ok().flatten()
    }

    /// Tells the test something.
    pub(crate) async fn report(&mut self, what: &str) -> io::Result<()> {
        self.0.get_mut().get_mut().write_all(format!("{what}\n").as_bytes()).await
    }
}

/// Waits for the test with the whole thread, as a tool that computes does.
pub(crate) fn block() -> io::Result<()> {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(address())?;
    stream.write_all(format!("{}\n", std::process::id()).as_bytes())?;
    stream.read_to_end(&mut Vec::new()).map(drop)
}

#[expect(clippy::disallowed_methods, reason = "the one reader of the fixture's own variable")]
fn address() -> String {
    format!("127.0.0.1:{}", std::env::var("GATE").unwrap_or_default())
}
