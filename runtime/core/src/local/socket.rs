//! The socket of a connection.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::TcpStream,
    time::timeout,
};

use super::{
    refused_head::RefusedHead,
    state::{ConnectionState, Phase},
};
use crate::config::RequestLimits;

/// How long the client may go on sending after the server has closed its side.
const CLOSE_TIME: Duration = Duration::from_secs(5);

/// A socket that reports when bytes arrive, and when they cannot leave.
pub(super) struct Socket {
    stream: TcpStream,
    state: Arc<ConnectionState>,
    limits: RequestLimits,
    /// The response to a head that hyper does not read, when it is being written.
    refused: Option<RefusedHead>,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, state: Arc<ConnectionState>, limits: RequestLimits) -> Self {
        Self { stream, state, limits, refused: None }
    }

    /// Closes in order: no more is sent, what still arrives is read away for a while, then the socket is closed.
    pub(super) async fn close(self) {
        let closed = timeout(CLOSE_TIME, close(self.stream));
        tokio::select! {
            _ = closed => {}
            () = self.state.stop.cancelled() => {}
        }
    }

    /// Whether these bytes are a response that hyper makes by itself to a head that is too large. There is no request then.
    fn refuses(&mut self, bytes: &[u8]) -> bool {
        if self.refused.is_none()
            && RefusedHead::takes_the_place_of(bytes)
            && self.state.phase().0 <= Phase::Head
        {
            self.refused = Some(RefusedHead::new(&self.limits));
        }
        self.refused.is_some()
    }

    fn note<T>(&self, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.state.set_blocked(written.is_pending());
        written
    }
}

async fn close(mut stream: TcpStream) {
    // A client that has left needs no order.
    if stream.shutdown().await.is_err() {
        return;
    }
    let mut buffer = vec![0; 16 * 1024];
    while matches!(stream.read(&mut buffer).await, Ok(1..)) {}
}

/// Answers a connection that cannot be served.
pub(super) async fn refuse(mut stream: TcpStream, limit: usize) {
    let text = format!(
        r#"{{"jsonrpc":"2.0","error":{{"code":-32600,"message":"this server has {limit} connections open, which is the most (MCP_CONNECTIONS); retry later"}}}}"#
    );
    let response = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\ncontent-length: {}\r\nretry-after: 1\r\nconnection: close\r\n\r\n{text}",
        text.len()
    );
    let refused = async {
        if stream.write_all(response.as_bytes()).await.is_ok() {
            close(stream).await;
        }
    };
    let _ = timeout(CLOSE_TIME, refused).await;
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.state.received();
        }
        read
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let written = match this.refuses(bytes).then_some(this.refused.as_mut()).flatten() {
            Some(refused) => refused.poll_write(&mut this.stream, cx).map_ok(|()| bytes.len()),
            None => Pin::new(&mut this.stream).poll_write(cx, bytes),
        };
        this.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.refuses(bytes.first().map_or(&[][..], |first| first)) {
            // It is one piece.
            return self.poll_write(cx, bytes.first().map_or(&[][..], |first| first));
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if flushed.is_ready() {
            self.state.flushed();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
