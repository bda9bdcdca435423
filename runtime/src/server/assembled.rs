//! A server that is put together: it answers, and may listen.

use std::{net::SocketAddr, sync::Arc};

use futures::{FutureExt, future::BoxFuture};
use http::{Request, Response};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::{
    dispatch::App,
    error::Error,
    events::Events,
    http::{Body, McpService},
    local,
};

/// A server that is put together but listens nowhere yet.
#[derive(Clone)]
pub struct Server {
    pub(super) app: Arc<App>,
    pub(super) service: McpService,
}

impl Server {
    /// Answers one request.
    pub fn handle(&self, request: Request<Body>) -> BoxFuture<'static, Response<Body>> {
        self.service
            .clone()
            .oneshot(request)
            .map(|answer| match answer {
                Ok(response) => response,
                Err(never) => match never {},
            })
            .boxed()
    }

    /// What a front needs of it.
    #[cfg(test)]
    pub(crate) fn inside(&self) -> (Arc<App>, McpService) {
        (Arc::clone(&self.app), self.service.clone())
    }

    /// The handle to publish events with, for code that runs outside requests.
    #[must_use]
    pub fn events(&self) -> &Events {
        &self.app.events
    }

    /// Asks the server to stop: streams end gracefully, open requests finish.
    pub fn stop(&self) {
        self.app.shutdown.cancel();
    }

    /// Binds an address of the local front.
    ///
    /// # Errors
    ///
    /// When it cannot be bound.
    pub async fn listen(self, address: SocketAddr) -> Result<BoundServer, Error> {
        let listener = local::bind(address).await?;
        let address = listener.local_addr().map_err(|source| Error::Bind { address, source })?;
        Ok(BoundServer { server: self, listener, address })
    }
}

/// A server bound to an address.
pub struct BoundServer {
    server: Server,
    listener: TcpListener,
    address: SocketAddr,
}

impl BoundServer {
    /// Where clients reach it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}{}", self.address, self.server.app.config.path)
    }

    /// Serves until the process is asked to stop.
    pub async fn run(self) {
        tracing::info!(url = self.url(), "listening");
        let stop: CancellationToken = self.server.app.shutdown.clone();
        let serving = local::serve(Arc::clone(&self.server.app), self.server.service, self.listener);
        tokio::pin!(serving);
        tokio::select! {
            () = &mut serving => return,
            () = local::stop_signal() => {
                tracing::info!("asked to stop; finishing open requests");
                stop.cancel();
            }
        }
        serving.await;
    }
}
