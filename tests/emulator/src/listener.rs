//! HTTP/1.1 on 127.0.0.1: sockets without delays, connections that end with their owner.

use std::{
    convert::Infallible,
    future::Future,
    io,
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};

use crate::{body::Body, tasks::Tasks};

/// Between two attempts to accept a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// When a received segment is acknowledged.
///
/// Clients of the Runtime API set no `TCP_NODELAY`: their second small write waits for the acknowledgement of the
/// first, which the kernel may hold back for 40 ms. A fair benchmark acknowledges at once; a pass with
/// [`Acknowledge::Kernel`] shows how often a function would stall on a host that does not.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Acknowledge {
    /// Every segment, as soon as it was read.
    #[default]
    AtOnce,
    /// As the kernel sees fit.
    Kernel,
}

/// Binds a port of the loopback interface; 0 lets the kernel choose.
///
/// # Errors
///
/// When the port is taken.
pub(crate) fn bind(port: u16) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok((TcpListener::from_std(listener)?, address))
}

/// Answers every request that arrives at `listener` with `handler`, until `tasks` stop.
pub(crate) fn serve<H, F>(listener: TcpListener, acknowledge: Acknowledge, tasks: &Tasks, handler: H)
where
    H: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let owner = tasks.clone();
    tasks.spawn(async move {
        loop {
            let Ok((stream, peer)) = listener.accept().await else {
                // The connection was reset before it was accepted, or the machine is out of descriptors: give others
                // the time to close theirs.
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let Ok(socket) = Socket::new(stream, acknowledge) else { continue };
            let handler = handler.clone();
            owner.spawn(async move {
                let service = service_fn(move |request| {
                    let answer = handler(request, peer);
                    async move { Ok::<_, Infallible>(answer.await) }
                });
                // A connection that breaks concerns its peer, which sees it, and the handler, which is dropped.
                let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
            });
        }
    });
}

/// A connection with `TCP_NODELAY` and the configured acknowledgements.
struct Socket {
    stream: TcpStream,
    acknowledge: Acknowledge,
}

impl Socket {
    fn new(stream: TcpStream, acknowledge: Acknowledge) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Socket { stream, acknowledge })
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let read = Pin::new(&mut this.stream).poll_read(cx, buf);
        if read.is_ready() && this.acknowledge == Acknowledge::AtOnce {
            // TCP_QUICKACK is not sticky: it sends what is due now and lasts for a few segments.
            let _ = this.stream.set_quickack(true);
        }
        read
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
