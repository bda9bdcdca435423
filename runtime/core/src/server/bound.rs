//! What a server does on its own: it serves on a local address, or takes tasks from a queue, until it is asked to stop.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use futures::FutureExt;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::built::Server;
#[cfg(feature = "metrics")]
use crate::{config::Config, http::McpService, metrics::Metrics};
use crate::{config::ProcessRole, error::Error, local, signal};

impl Server {
    /// Binds a local address.
    ///
    /// # Errors
    ///
    /// When the address cannot be bound.
    pub async fn bind(self, address: SocketAddr) -> Result<BoundServer, Error> {
        let listener = local::bind(address)?;
        let address = listener.local_addr().map_err(|source| Error::Bind { address, source })?;
        #[cfg(feature = "metrics")]
        let page = self.config().metrics_address.map(local::bind).transpose()?;
        Ok(BoundServer {
            server: self,
            listener,
            address,
            #[cfg(feature = "metrics")]
            page,
        })
    }

    /// Takes tasks from the queue and runs them until the process is asked to stop by SIGTERM, SIGINT or [`Server::stop`]. Then the
    /// tasks that are running are given back, for which there is the time of [`ConnectionConfig::stop_time`]. A server without
    /// a queue returns at once.
    ///
    /// [`ConnectionConfig::stop_time`]: crate::config::ConnectionConfig::stop_time
    pub async fn work(self) {
        tokio::select! {
            () = self.take_tasks() => {}
            () = send_spans(&self) => {}
        }
        self.flush_spans(LAST_SPANS).await;
    }

    async fn take_tasks(&self) {
        let Some(worker) = &self.queue_worker else { return };
        tracing::info!("taking tasks from the queue");
        let shutdown = &self.lifecycle.shutdown;
        let working = worker.poll();
        tokio::pin!(working);
        tokio::select! {
            () = &mut working => return,
            () = signal::stop_requested() => shutdown.cancel(),
            () = shutdown.cancelled() => {}
        }
        tracing::info!("asked to stop; giving back the tasks that are running");
        let stop_time = self.config().connections.stop_time;
        if tokio::time::timeout(stop_time, working).await.is_err() {
            tracing::warn!(
                "tasks were not given back in time: others take them over when their leases are over"
            );
        }
    }
}

/// A server bound to a local address.
#[derive(Debug)]
pub struct BoundServer {
    server: Server,
    listener: TcpListener,
    address: SocketAddr,
    /// Where the page for Prometheus is served.
    #[cfg(feature = "metrics")]
    page: Option<TcpListener>,
}

impl BoundServer {
    /// The address of the page for Prometheus, if `MCP_METRICS_ADDR` names one.
    #[cfg(feature = "metrics")]
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.page.as_ref()?.local_addr().ok()
    }

    /// The address.
    #[doc(hidden)]
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of the MCP endpoint, or of the authorization server.
    #[must_use]
    pub fn url(&self) -> String {
        let config = &self.server.endpoint.config;
        let path = if config.role == ProcessRole::Login { "" } else { &config.path };
        format!("http://{}{path}", self.address)
    }

    /// Serves until the process is asked to stop by SIGTERM, SIGINT or [`Server::stop`].
    pub async fn serve(self) {
        tracing::info!(url = self.url(), "listening");
        let stop: CancellationToken = self.server.lifecycle.shutdown.clone();
        let config = &self.server.endpoint.config;
        let lifecycle = &self.server.lifecycle;
        #[cfg(feature = "metrics")]
        let page = async {
            if let Some(listener) = self.page {
                let service = metrics_page(self.server.metrics.clone(), Arc::clone(config));
                local::serve(Arc::clone(config), lifecycle.clone(), service, listener).await;
            }
        };
        #[cfg(not(feature = "metrics"))]
        let page = std::future::ready(());
        let serving =
            local::serve(Arc::clone(config), lifecycle.clone(), self.server.service.clone(), self.listener);
        let serving = async { futures::join!(serving, page) }.map(drop);
        let sending = send_spans(&self.server);
        tokio::pin!(serving, sending);
        tokio::select! {
            () = &mut serving => {}
            () = &mut sending => {}
            () = signal::stop_requested() => {
                tracing::info!("asked to stop; finishing open requests");
                stop.cancel();
                serving.await;
            }
        }
        self.server.flush_spans(LAST_SPANS).await;
    }
}

/// How often spans and metrics of calls that have ended are sent, where the process is not frozen.
const SENDING: Duration = Duration::from_secs(5);
/// How long each time may take.
const SENDING_TIME: Duration = Duration::from_secs(10);
/// How long the last time may take, before the process ends.
const LAST_SPANS: Duration = Duration::from_secs(1);

/// Sends spans and metrics from time to time, if there is a tracing system. It does not end.
async fn send_spans(server: &Server) {
    if !server.has_spans() {
        return std::future::pending().await;
    }
    loop {
        tokio::time::sleep(SENDING).await;
        server.flush_spans(SENDING_TIME).await;
    }
}

#[cfg(feature = "metrics")]
fn metrics_page(metrics: Metrics, config: Arc<Config>) -> McpService {
    crate::http::page(config, move || crate::metrics::page(&metrics))
}
