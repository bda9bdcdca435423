//! What one client does: each action goes to a limit, or holds what it may hold.

use std::{io, net::SocketAddr, time::Duration};

use proptest::{prop_oneof, strategy::Strategy};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

/// The largest body that the server takes without configuration, in bytes.
const BODY: usize = 6 * 1024 * 1024;

#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// A call whose arguments, or whose `_meta`, are JSON of the worst shape.
    Shaped { shape: Shape, bytes: usize, in_meta: bool },
    /// A body that is sent to its half, and then no further.
    HalfBody { bytes: usize },
    /// A large response that the client does not read.
    Unread { bytes: usize },
    /// A session whose `initialize` is large.
    Session { bytes: usize },
    /// A listen stream that is never read.
    Listen { uris: usize },
    /// A batch of the session era.
    Batch { messages: usize },
}

/// JSON that takes more memory than text.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// Objects of one member in each other, again and again.
    Nested,
    /// Numbers of one digit.
    Digits,
    /// Empty objects.
    Empty,
    /// Members with short names.
    Members,
    /// Strings of one character.
    Letters,
}

pub(crate) fn any() -> impl Strategy<Value = Action> {
    let shape = prop_oneof![
        proptest::strategy::Just(Shape::Nested),
        proptest::strategy::Just(Shape::Digits),
        proptest::strategy::Just(Shape::Empty),
        proptest::strategy::Just(Shape::Members),
        proptest::strategy::Just(Shape::Letters),
    ];
    let bytes = prop_oneof![1_000..100_000_usize, (BODY - 4096)..(BODY - 2048)];
    prop_oneof![
        4 => (shape, bytes, proptest::bool::ANY)
            .prop_map(|(shape, bytes, in_meta)| Action::Shaped { shape, bytes, in_meta }),
        2 => (1_000..BODY).prop_map(|bytes| Action::HalfBody { bytes }),
        2 => (1_000_000..20_000_000_usize).prop_map(|bytes| Action::Unread { bytes }),
        2 => (1_000..BODY - 4096).prop_map(|bytes| Action::Session { bytes }),
        1 => (1..=200_usize).prop_map(|uris| Action::Listen { uris }),
        1 => (1..80_usize).prop_map(|messages| Action::Batch { messages }),
    ]
}

impl Action {
    /// Sends the request from a loopback address, and holds the connection for some time without reading more than the first
    /// kilobytes.
    pub(crate) async fn run(self, from: u8, server: SocketAddr, held: Duration) {
        let Ok(mut socket) = connect(from, server).await else { return };
        let request = self.request();
        let length = match self {
            Self::HalfBody { .. } => request.len() / 2,
            _ => request.len(),
        };
        // The server may refuse before it has read everything.
        let sent = tokio::time::timeout(held * 4, socket.write_all(&request[..length])).await;
        drop(request);
        let mut first = [0; 4096];
        let read = tokio::time::timeout(held * 4, socket.read(&mut first));
        if let Ok(Ok(())) = sent
            && !matches!(self, Self::HalfBody { .. } | Self::Unread { .. })
        {
            let _ = read.await;
        }
        tokio::time::sleep(held).await;
    }

    fn request(&self) -> Vec<u8> {
        match *self {
            Self::Shaped { shape, bytes, in_meta } => {
                let json = shape.json(bytes);
                match in_meta {
                    true => call("echo", "{}", &format!("\"held\":{json}")),
                    false => call("echo", &format!("{{\"held\":{json}}}"), ""),
                }
            }
            Self::HalfBody { bytes } => call("echo", &format!("{{\"held\":\"{}\"}}", "x".repeat(bytes)), ""),
            Self::Unread { bytes } => call("big", &json!({ "bytes": bytes }).to_string(), ""),
            Self::Session { bytes } => {
                let experimental = Shape::Members.json(bytes);
                let body = format!(
                    "{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{{\"protocolVersion\":\
                     \"2025-11-25\",\"capabilities\":{{\"experimental\":{{\"held\":{experimental}}}}},\"clientInfo\":\
                     {{\"name\":\"memory\",\"version\":\"1\"}}}}}}"
                );
                post("", &body)
            }
            Self::Listen { uris } => {
                let uris: Vec<_> = (0..uris).map(|at| format!("test://{at}/{}", "u".repeat(1000))).collect();
                let notifications = json!({ "toolsListChanged": true, "resourceSubscriptions": uris });
                stateless("subscriptions/listen", "", &format!("\"notifications\":{notifications}"), "")
            }
            Self::Batch { messages } => {
                let message =
                    r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
                post(
                    "mcp-protocol-version: 2025-03-26\r\n",
                    &format!("[{}]", vec![message; messages].join(",")),
                )
            }
        }
    }
}

impl Shape {
    /// A JSON value of about so many bytes.
    fn json(self, bytes: usize) -> String {
        let nested = || format!("{}1{}", "{\"\":".repeat(40), "}".repeat(40));
        let mut count = 0;
        let mut member = || {
            count += 1;
            format!("\"{count:x}\":0")
        };
        let (open, close) = if matches!(self, Self::Members) { ('{', '}') } else { ('[', ']') };
        let mut json = String::with_capacity(bytes + 512);
        json.push(open);
        loop {
            match self {
                Self::Nested => json.push_str(&nested()),
                Self::Digits => json.push('1'),
                Self::Empty => json.push_str("{}"),
                Self::Members => json.push_str(&member()),
                Self::Letters => json.push_str("\"a\""),
            }
            if json.len() >= bytes {
                json.push(close);
                return json;
            }
            json.push(',');
        }
    }
}

async fn connect(from: u8, server: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(([127, 0, 0, from], 0).into())?;
    socket.connect(server).await
}

/// A 2026-07-28 call of a tool, as bytes.
pub(crate) fn call(tool: &str, arguments: &str, meta: &str) -> Vec<u8> {
    let params = format!("\"name\":\"{tool}\",\"arguments\":{arguments}");
    stateless("tools/call", &format!("mcp-name: {tool}\r\n"), &params, meta.trim_matches(['{', '}']))
}

fn stateless(method: &str, headers: &str, params: &str, meta: &str) -> Vec<u8> {
    let comma = if meta.is_empty() { "" } else { "," };
    let body = format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"{method}\",\"params\":{{{params},\"_meta\":{{\
         \"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\",\
         \"io.modelcontextprotocol/clientCapabilities\":{{}}{comma}{meta}}}}}}}"
    );
    post(&format!("mcp-protocol-version: 2026-07-28\r\nmcp-method: {method}\r\n{headers}"), &body)
}

fn post(headers: &str, body: &str) -> Vec<u8> {
    format!(
        "POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\naccept: application/json, \
         text/event-stream\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
