//! The laptop's front: plain HTTP on loopback.

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
    dispatch::App,
    error::Error,
    http::{Body, McpService},
    ingress::Ingress,
    time::Deadline,
};

/// How long open requests may take once the server is asked to stop.
const DRAIN: Duration = Duration::from_secs(10);
/// How long a client may take over its request head.
const HEAD: Duration = Duration::from_secs(10);

/// hyper's own smallest.
const SMALLEST_BUFFER: usize = 8192;

/// Binds the configured address.
pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|source| Error::Bind { address, source })
}

/// Serves until the process is asked to stop, then lets open requests finish.
pub(crate) async fn serve(app: Arc<App>, service: McpService, listener: TcpListener) {
    let graceful = GracefulShutdown::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) => connection(&app, &service, &graceful, socket),
                // A client that left between its SYN and now, or too many open files: neither ends the server.
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            },
            () = app.shutdown.cancelled() => break,
        }
    }
    drop(listener);
    if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!(seconds = DRAIN.as_secs(), "open requests did not finish in time");
    }
    app.tracker.close();
    let _ = tokio::time::timeout(DRAIN, app.tracker.wait()).await;
}

fn connection(app: &Arc<App>, service: &McpService, graceful: &GracefulShutdown, socket: TcpStream) {
    // Answers are small and a client waits for each.
    let _ = socket.set_nodelay(true);
    let life = app.config.request_timeout;
    let service = service.clone().map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Ingress::local(Deadline::after(life)));
        request.map(|body| -> Body { body.map_err(Into::into).boxed_unsync() })
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        // Past our own limits, so that a client that is a little over them is told so in words; hyper has none.
        .max_headers(app.config.requests.headers.saturating_mul(2))
        .max_buf_size(app.config.requests.header_bytes.saturating_mul(2).max(SMALLEST_BUFFER))
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(socket), TowerToHyperService::new(service));
    app.tracker.spawn(graceful.watch(connection).map(|ended| {
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended with an error");
        }
    }));
}
