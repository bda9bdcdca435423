//! HTTP/1.1 by hand over a real socket: what a test must see on the wire, and nothing that would hide it.

use bytes::{Buf, BytesMut};
use mcp_lambda_server::Server;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
};

use crate::{
    request::McpRequest,
    sse::{SseEvent, SseParser},
};

/// A server that listens on a port of its own, until it is asked to stop.
pub struct RunningServer {
    pub server: Server,
    pub address: String,
    running: JoinSet<()>,
}

impl RunningServer {
    pub async fn start(server: &Server) -> Self {
        let listening = server.clone().bind(([127, 0, 0, 1], 0).into()).await.expect("a free port");
        let address = listening.url().replace("http://", "").replace("/mcp", "");
        let mut running = JoinSet::new();
        running.spawn(listening.serve());
        Self { server: server.clone(), address, running }
    }

    pub async fn connect(&self) -> Socket {
        let stream = TcpStream::connect(&self.address).await.expect("connected");
        Socket { stream, buffer: BytesMut::new(), events: SseParser::default() }
    }

    /// A connection of a client that takes few bytes before it reads.
    pub async fn connect_with_buffer(&self, bytes: u32) -> Socket {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(bytes).expect("a smaller buffer");
        let stream = socket.connect(self.address.parse().expect("an address")).await.expect("connected");
        Socket { stream, buffer: BytesMut::new(), events: SseParser::default() }
    }

    /// Waits for the server to have returned.
    pub async fn ended(mut self) {
        self.running.join_next().await.expect("it ran").expect("it did not panic");
    }
}

/// One connection.
pub struct Socket {
    stream: TcpStream,
    buffer: BytesMut,
    events: SseParser,
}

/// The head of a response.
#[derive(Debug)]
pub struct Head {
    pub status: u16,
    headers: Vec<(String, String)>,
}

impl Head {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Socket {
    pub async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("written");
    }

    /// Writes as much as the other side takes.
    pub async fn write_some(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    pub async fn send(&mut self, request: &McpRequest) -> Head {
        self.write_request(request).await;
        self.head().await
    }

    /// Sends a request and reads nothing.
    pub async fn write_request(&mut self, request: &McpRequest) {
        let mut head = format!("{} {} HTTP/1.1\r\n", request.method, request.path);
        for (name, value) in &request.headers {
            head.push_str(&format!("{name}: {}\r\n", value.to_str().expect("ASCII")));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", request.body.len()));
        self.write(&[head.as_bytes(), &request.body].concat()).await;
    }

    /// Reads a head.
    pub async fn head(&mut self) -> Head {
        let mut lines = Vec::new();
        loop {
            match self.line().await {
                line if line.is_empty() => break,
                line => lines.push(line),
            }
        }
        let status = lines[0].split(' ').nth(1).and_then(|status| status.parse().ok());
        let headers = lines[1..].iter().filter_map(|line| line.split_once(": "));
        Head {
            status: status.unwrap_or_else(|| panic!("no status in {lines:?}")),
            headers: headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect(),
        }
    }

    /// Reads the body that a head announces with its length.
    pub async fn body(&mut self, head: &Head) -> serde_json::Value {
        let length = head.header("content-length").expect("a length").parse().expect("a number");
        while self.buffer.len() < length {
            assert!(self.fill().await, "the body broke off");
        }
        let body = self.buffer.split_to(length);
        serde_json::from_slice(&body).unwrap_or_else(|error| panic!("{error}: {body:?}"))
    }

    /// Reads the body that a head announces with its length.
    pub async fn skip_body(&mut self, head: &Head) {
        let length: usize = head.header("content-length").expect("a length").parse().expect("a number");
        while self.buffer.len() < length {
            assert!(self.fill().await, "the body broke off");
        }
        self.buffer.advance(length);
    }

    /// Waits until there is something to read, and leaves it there.
    pub async fn is_readable(&self) -> bool {
        self.stream.readable().await.is_ok()
    }

    /// The next event of a chunked event stream that is not a comment; `None` at its end.
    pub async fn event(&mut self) -> Option<SseEvent> {
        loop {
            match self.events.next() {
                Some(event) if event.is_comment() => {}
                Some(event) => return Some(event),
                None => {
                    let chunk = self.chunk().await?;
                    self.events.push(&chunk);
                }
            }
        }
    }

    /// The next JSON-RPC message of an event stream.
    pub async fn message(&mut self) -> serde_json::Value {
        loop {
            let event = self.event().await.expect("the stream goes on");
            if event.is_message() {
                return event.json();
            }
        }
    }

    /// Whether the other side has closed without another byte.
    pub async fn is_closed(&mut self) -> bool {
        self.buffer.is_empty() && !self.fill().await
    }

    /// Everything until the other side closes.
    pub async fn rest(mut self) -> String {
        while self.fill().await {}
        String::from_utf8_lossy(&self.buffer).into_owned()
    }

    async fn chunk(&mut self) -> Option<BytesMut> {
        let size = self.line().await;
        let size = usize::from_str_radix(&size, 16).unwrap_or_else(|_| panic!("no chunk size: {size:?}"));
        while self.buffer.len() < size + 2 {
            assert!(self.fill().await, "the stream broke off inside a chunk");
        }
        let chunk = self.buffer.split_to(size);
        self.buffer.advance(2);
        (size > 0).then_some(chunk)
    }

    async fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
                let line = self.buffer.split_to(end);
                self.buffer.advance(2);
                return String::from_utf8(line.to_vec()).expect("ASCII");
            }
            assert!(self.fill().await, "closed inside a line: {:?}", self.buffer);
        }
    }

    /// Reads more; `false` at the end, however it came.
    async fn fill(&mut self) -> bool {
        self.stream.read_buf(&mut self.buffer).await.is_ok_and(|read| read > 0)
    }
}
