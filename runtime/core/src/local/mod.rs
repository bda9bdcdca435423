//! The local host: HTTP on an address of this machine.
//!
//! * [`connections`]: the open connections, at most so many.
//! * [`connection`]: one of them, with the times at which it must have gone on. [`state`] is what it does.
//! * [`service`]: one request of a connection. [`request_body`]: what its handler has not read of the body.
//! * [`socket`]: bytes in and out, and the orderly close.

mod connection;
mod connections;
mod refused_head;
mod request_body;
mod service;
mod socket;
mod state;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    time::timeout,
};

use self::connections::Connections;
use crate::{config::Config, error::Error, http::McpService, lifecycle::Lifecycle, telemetry::Repeated};

/// Connections that the kernel completes before they are accepted. Linux caps it at `net.core.somaxconn`.
const BACKLOG: u32 = 1024;
/// How long the host waits after a connection could not be accepted.
const PAUSE: Duration = Duration::from_millis(10);

/// Binds the configured address.
pub(crate) fn bind(address: SocketAddr) -> Result<TcpListener, Error> {
    listen(address).map_err(|source| Error::Bind { address, source })
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // On Windows the option would let two processes share the address.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until the server is asked to stop, then lets requests in progress finish, all within one time.
pub(crate) async fn serve(
    config: Arc<Config>,
    lifecycle: Lifecycle,
    service: McpService,
    listener: TcpListener,
) {
    let connections = Connections::new(config, lifecycle.clone(), service);
    let not_accepted = Repeated::default();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((socket, peer)) => open(&connections, socket, peer),
                // The client has left already, or the process has too many open files: neither ends the server.
                Err(error) => {
                    not_accepted.log(&error.to_string(), |count| {
                        tracing::warn!(%error, count, "a connection was not accepted");
                    });
                    connections.make_room();
                    tokio::time::sleep(PAUSE).await;
                }
            },
            () = lifecycle.shutdown.cancelled() => break,
        }
    }
    drop(listener);
    drain(&connections.config, &lifecycle).await;
}

fn open(connections: &Arc<Connections>, socket: TcpStream, peer: SocketAddr) {
    // Responses are small, and the client waits for each.
    let _ = socket.set_nodelay(true);
    connections.open(socket, peer.ip().to_canonical());
}

/// Waits for everything that runs. Calls that do not end by themselves are interrupted before the time is over, so that
/// their clients are answered.
async fn drain(config: &Config, lifecycle: &Lifecycle) {
    let time = config.connections.stop_time;
    let margin = time / 4;
    lifecycle.tracker.close();
    if timeout(time.saturating_sub(margin), lifecycle.tracker.wait()).await.is_ok() {
        return;
    }
    tracing::warn!("open calls are interrupted: they did not finish in time (MCP_STOP_SECONDS)");
    lifecycle.interrupt.cancel();
    if timeout(margin, lifecycle.tracker.wait()).await.is_err() {
        tracing::warn!(seconds = time.as_secs(), "open requests did not finish in time");
    }
}
