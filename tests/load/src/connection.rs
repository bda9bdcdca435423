//! One kept-alive HTTP connection of a client: a request, and the whole of its response.

use std::{io, net::SocketAddr};

use memchr::memmem;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A client's connection.
pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

/// The response to one request.
pub(crate) struct Response {
    pub(crate) status: u16,
    /// The value of `Mcp-Session-Id`.
    pub(crate) session: Option<String>,
    pub(crate) body: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, received: Vec::with_capacity(8192) })
    }

    /// Sends a request, and reads its response to the end.
    pub(crate) async fn call(&mut self, request: &[u8]) -> io::Result<Response> {
        self.stream.write_all(request).await?;
        let end = loop {
            if let Some(at) = memmem::find(&self.received, b"\r\n\r\n") {
                break at + 4;
            }
            self.fill().await?;
        };
        let head = Head::parse(&self.received[..end])?;
        self.received.drain(..end);
        let body = match head.length {
            Some(length) => {
                while self.received.len() < length {
                    self.fill().await?;
                }
                self.received.drain(..length).collect()
            }
            None if head.is_chunked => self.chunks().await?,
            None => Vec::new(),
        };
        Ok(Response { status: head.status, session: head.session, body })
    }

    async fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = loop {
                if let Some(at) = memmem::find(&self.received, b"\r\n") {
                    break at;
                }
                self.fill().await?;
            };
            let size = std::str::from_utf8(&self.received[..line]).ok();
            let size = size.and_then(|text| usize::from_str_radix(text, 16).ok());
            let size = size.ok_or_else(|| invalid("a chunk has no size"))?;
            while self.received.len() < line + 2 + size + 2 {
                self.fill().await?;
            }
            body.extend_from_slice(&self.received[line + 2..line + 2 + size]);
            self.received.drain(..line + 2 + size + 2);
            if size == 0 {
                return Ok(body);
            }
        }
    }

    async fn fill(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.received).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

struct Head {
    status: u16,
    length: Option<usize>,
    is_chunked: bool,
    session: Option<String>,
}

impl Head {
    fn parse(head: &[u8]) -> io::Result<Self> {
        let text = std::str::from_utf8(head).map_err(|_| invalid("the head is not UTF-8"))?;
        let mut lines = text.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| invalid("the response has no status"))?;
        let mut parsed = Self { status, length: None, is_chunked: false, session: None };
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => parsed.length = value.parse().ok(),
                "transfer-encoding" => parsed.is_chunked = value.eq_ignore_ascii_case("chunked"),
                "mcp-session-id" => parsed.session = Some(value.to_owned()),
                _ => {}
            }
        }
        Ok(parsed)
    }
}

fn invalid(text: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}
