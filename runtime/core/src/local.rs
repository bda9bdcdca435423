//! The local host: HTTP on an address of this machine.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use futures::FutureExt;
use http::Request;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

use crate::{
    config::Config,
    error::Error,
    http::{Body, McpService},
    ingress::Ingress,
    lifecycle::Lifecycle,
    time::Deadline,
};

/// How long requests in progress may take after the server is asked to stop.
const DRAIN: Duration = Duration::from_secs(10);
/// How long a client may take over its request head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// The smallest buffer that hyper accepts, in bytes.
const SMALLEST_BUFFER: usize = 8192;

/// Binds the configured address.
pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|source| Error::Bind { address, source })
}

/// Serves until the server is asked to stop, then lets requests in progress finish.
pub(crate) async fn serve(
    config: Arc<Config>,
    lifecycle: Lifecycle,
    service: McpService,
    listener: TcpListener,
) {
    let graceful = GracefulShutdown::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) => connection(&config, &lifecycle, &service, &graceful, socket),
                // The client has left already, or the process has too many open files: neither ends the server.
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            },
            () = lifecycle.shutdown.cancelled() => break,
        }
    }
    drop(listener);
    if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!(seconds = DRAIN.as_secs(), "open requests did not finish in time");
    }
    lifecycle.tracker.close();
    let _ = tokio::time::timeout(DRAIN, lifecycle.tracker.wait()).await;
}

fn connection(
    config: &Config,
    lifecycle: &Lifecycle,
    service: &McpService,
    graceful: &GracefulShutdown,
    socket: TcpStream,
) {
    // Responses are small, and the client waits for each.
    let _ = socket.set_nodelay(true);
    let timeout = config.request_timeout;
    let service = service.clone().map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Ingress::local(Deadline::after(timeout)));
        request.map(|body| -> Body { body.map_err(Into::into).boxed_unsync() })
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        // Above the limits of the server: its refusal says which one is exceeded, and hyper's does not.
        .max_headers(config.requests.headers.saturating_mul(2))
        .max_buf_size(config.requests.header_bytes.saturating_mul(2).max(SMALLEST_BUFFER))
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(socket), TowerToHyperService::new(service));
    lifecycle.tracker.spawn(graceful.watch(connection).map(|ended| {
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended with an error");
        }
    }));
}
