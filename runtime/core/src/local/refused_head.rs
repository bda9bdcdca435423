//! The response to a request head that hyper does not read: it has more headers, or larger ones, than hyper has room for, which
//! is more than the server allows. hyper's own response has no body, so that its reader would not learn what to change.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::StatusCode;
use tokio::{io::AsyncWrite, net::TcpStream};

use crate::{
    config::RequestLimits,
    protocol::{Fault, JsonRpcResponse},
};

/// A response that is being written.
pub(super) struct RefusedHead {
    bytes: Vec<u8>,
    written: usize,
}

impl RefusedHead {
    /// Whether these bytes begin a response with its status.
    pub(super) fn takes_the_place_of(bytes: &[u8]) -> bool {
        bytes.starts_with(b"HTTP/1.1 431 ")
    }

    pub(super) fn new(limits: &RequestLimits) -> Self {
        let RequestLimits { headers, header_bytes, .. } = limits;
        let fault = Fault::InvalidRequest(format!(
            "the request has more than {headers} headers (MCP_MAX_HEADERS), or they are larger than {header_bytes} bytes \
             (MCP_MAX_HEADER_BYTES)"
        ));
        let body = JsonRpcResponse::fault(None, &fault).json;
        let mut bytes = format!(
            "HTTP/1.1 {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            body.len()
        )
        .into_bytes();
        bytes.extend_from_slice(&body);
        Self { bytes, written: 0 }
    }

    /// Is ready when all of it was written.
    pub(super) fn poll_write(
        &mut self,
        stream: &mut TcpStream,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while self.written < self.bytes.len() {
            let rest = &self.bytes[self.written..];
            match ready!(Pin::new(&mut *stream).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.written += written,
            }
        }
        Poll::Ready(Ok(()))
    }
}
