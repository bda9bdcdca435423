//! One connection, from its first request to its last.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
};

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    time::{Instant, Sleep, sleep_until},
};

use super::{service::ConnectionService, socket::Socket, state::ConnectionState};
use crate::{config::RequestLimits, telemetry::Repeated};

/// How many headers hyper reads without memory of its own for each request, which takes as long as a tenth of a call.
const HEADERS: usize = 100;
/// The smallest buffer that hyper accepts, in bytes.
const SMALLEST_BUFFER: usize = 8192;

/// How a connection ended.
enum End {
    /// By HTTP's rules, or with an error.
    Done(Result<(), hyper::Error>),
    /// Its place was needed.
    Evicted,
    /// It did not go on in time.
    Overdue(&'static str),
}

/// Serves the requests of a connection. Its deadlines are watched here, outside of the bodies: a body whose client does
/// not read is not polled.
pub(super) async fn run(
    limits: RequestLimits,
    socket: TcpStream,
    service: ConnectionService,
    state: Arc<ConnectionState>,
    refused_heads: &Repeated,
) {
    let socket = TokioIo::new(Socket::new(socket, Arc::clone(&state), limits));
    let mut builder = http1::Builder::new();
    if limits.headers > HEADERS {
        builder.max_headers(limits.headers);
    }
    let mut connection = builder
        // Above the limit of the server: its refusal says which one is exceeded.
        .max_buf_size(limits.header_bytes.saturating_mul(2).max(SMALLEST_BUFFER))
        .header_read_timeout(None)
        .serve_connection(socket, service);
    let end = {
        let mut stop = pin!(state.stop.cancelled());
        let mut sleep = pin!(sleep_until(state.deadline().0));
        let mut is_stopping = false;
        poll_fn(|cx| {
            if !is_stopping && stop.as_mut().poll(cx).is_ready() {
                is_stopping = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
            if is_stopping && state.is_evicted() {
                return Poll::Ready(End::Evicted);
            }
            if let Poll::Ready(done) = Pin::new(&mut connection).poll(cx) {
                return Poll::Ready(End::Done(done));
            }
            overdue(cx, sleep.as_mut(), &state).map(End::Overdue)
        })
        .await
    };
    let socket = connection.into_parts().io.into_inner();
    state.flushed();
    match end {
        End::Done(done) => {
            if let Err(error) = done {
                if error.is_parse_too_large() {
                    refused_heads.log("", |count| {
                        tracing::warn!(
                            count,
                            "a request was refused: it has too many headers, or too large ones"
                        );
                    });
                }
                tracing::debug!(%error, "a connection ended with an error");
            }
            // The client may still be sending a body that the server does not read. Were the socket closed now, the kernel
            // would answer with a reset, and the client might never see the response.
            if state.has_unread_body() {
                socket.close().await;
            }
        }
        End::Evicted => tracing::debug!("a connection without a request was closed for another one"),
        End::Overdue(reason) => tracing::debug!(reason, "a connection was closed"),
    }
}

/// Is ready when the connection has not gone on in time. The timer is set again only for an earlier time than it has: most
/// deadlines are never reached.
fn overdue(cx: &mut Context<'_>, mut sleep: Pin<&mut Sleep>, state: &ConnectionState) -> Poll<&'static str> {
    let (deadline, reason) = state.deadline();
    if deadline < sleep.deadline() {
        sleep.as_mut().reset(deadline);
    }
    while sleep.as_mut().poll(cx).is_ready() {
        if Instant::now() >= deadline {
            return Poll::Ready(reason);
        }
        sleep.as_mut().reset(deadline);
    }
    Poll::Pending
}
