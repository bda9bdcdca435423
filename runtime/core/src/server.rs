//! The server: the endpoint with its routes and layers around it, as one tower service.

use std::{
    collections::BTreeSet,
    convert::Infallible,
    fmt,
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll},
};

use futures::{FutureExt, future::BoxFuture};
use http::{Request, Response};
use http_body_util::BodyExt;
use rmcp::ServerHandler;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::{Service, ServiceExt};

use crate::{
    auth::Authenticator,
    config::Config,
    dispatch::App,
    error::{ConfigError, Error},
    events::{Events, Publisher},
    http::{Body, BoxError, McpService, Routes, cors_layer, metadata, preflights, settled},
    local, signal,
    store::Stores,
    time::Clock,
};

/// What a server is made of, each part chosen.
#[expect(missing_debug_implementations, reason = "its parts are moved into a server at once")]
pub struct ServerParts {
    /// The configuration.
    pub config: Box<Config>,
    /// The stores.
    pub stores: Stores,
    /// The clock of everything that expires.
    pub clock: Clock,
    /// Where [`Events::publish_to_topic`] publishes to besides the event log.
    pub publisher: Option<Arc<dyn Publisher>>,
    /// The tools that are disabled until they are enabled, if tools can be switched at all.
    pub dynamic_tools: Option<BTreeSet<String>>,
    /// Routes and layers of the program.
    pub routes: Routes,
}

/// An MCP server that is built: a [`tower::Service`] over HTTP requests, which [`serve`](Self::serve) runs on a local
/// address and any other host can run too.
#[derive(Clone)]
pub struct Server {
    app: Arc<App>,
    service: McpService,
}

impl Server {
    /// Builds the server.
    ///
    /// # Errors
    ///
    /// When the configuration cannot be used.
    #[inline(never)]
    pub fn new<H: ServerHandler>(handler: H, parts: ServerParts) -> Result<Self, ConfigError> {
        let ServerParts { config, stores, clock, publisher, dynamic_tools, routes: own } = parts;
        let mut routes = Routes::default();
        routes.around(preflights(config.cors.clone()));
        routes.wrap(cors_layer(&config.cors));
        #[cfg(feature = "compression")]
        if config.compression {
            routes.wrap(crate::http::compression_layer());
        }
        routes.around(settled(config.requests));
        let app = App::new(handler, config, stores, clock, publisher, dynamic_tools)?;
        metadata_routes(&mut routes, &app);
        routes.extend(own);
        Ok(Self { service: routes.build(Arc::clone(&app)), app })
    }

    /// Answers one request.
    pub fn handle(&self, request: Request<Body>) -> BoxFuture<'static, Response<Body>> {
        let response = self.service.clone().oneshot(request);
        response
            .map(|response| match response {
                Ok(response) => response,
                Err(never) => match never {},
            })
            .boxed()
    }

    /// Publishes events, for code that runs outside requests.
    #[must_use]
    pub fn events(&self) -> &Events {
        &self.app.events
    }

    /// The configuration that the server was built with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.app.config
    }

    /// Asks the server to stop: open streams end gracefully, requests in progress finish.
    pub fn stop(&self) {
        self.app.shutdown.cancel();
    }

    /// Binds a local address.
    ///
    /// # Errors
    ///
    /// When the address cannot be bound.
    pub async fn bind(self, address: SocketAddr) -> Result<BoundServer, Error> {
        let listener = local::bind(address).await?;
        let address = listener.local_addr().map_err(|source| Error::Bind { address, source })?;
        Ok(BoundServer { server: self, listener, address })
    }

    /// The clock of everything that expires.
    #[doc(hidden)]
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.app.clock
    }

    /// Tells who sends a request.
    #[doc(hidden)]
    #[must_use]
    pub fn authenticator(&self) -> &Authenticator {
        &self.app.authenticator
    }

    /// Is cancelled when the server is asked to stop.
    #[doc(hidden)]
    #[must_use]
    pub fn shutdown(&self) -> &CancellationToken {
        &self.app.shutdown
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("path", &self.app.config.path).finish_non_exhaustive()
    }
}

impl<B> Service<Request<B>> for Server
where
    B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let request = request.map(|body| -> Body { body.map_err(Into::into).boxed_unsync() });
        self.service.clone().oneshot(request).boxed()
    }
}

/// Serves the RFC 9728 metadata. The document must be reachable without a token.
fn metadata_routes(routes: &mut Routes, app: &Arc<App>) {
    for path in app.resource.paths() {
        let app = Arc::clone(app);
        routes.add(&path, move |request| {
            let document = metadata(&app.resource, &request);
            async move { document }
        });
    }
}

/// A server bound to a local address.
#[derive(Debug)]
pub struct BoundServer {
    server: Server,
    listener: TcpListener,
    address: SocketAddr,
}

impl BoundServer {
    /// The URL of the MCP endpoint.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}{}", self.address, self.server.app.config.path)
    }

    /// Serves until the process is asked to stop by SIGTERM, SIGINT or [`Server::stop`].
    pub async fn serve(self) {
        tracing::info!(url = self.url(), "listening");
        let stop: CancellationToken = self.server.app.shutdown.clone();
        let serving = local::serve(Arc::clone(&self.server.app), self.server.service, self.listener);
        tokio::pin!(serving);
        tokio::select! {
            () = &mut serving => return,
            () = signal::stop_requested() => {
                tracing::info!("asked to stop; finishing open requests");
                stop.cancel();
            }
        }
        serving.await;
    }
}
