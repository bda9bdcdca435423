//! Paths and layers around the endpoint.

use std::{
    collections::HashMap,
    convert::Infallible,
    fmt,
    future::{Future, ready},
    sync::Arc,
    task::{Context, Poll},
};

use futures::{FutureExt, future::BoxFuture};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use tower::{Layer, Service, ServiceExt, util::BoxCloneSyncService};

use super::body::{self, Body, BoxError};
use super::endpoint::Endpoint;
use crate::error::Causes;

/// A response that is being made.
pub(crate) type ResponseFuture = BoxFuture<'static, Result<Response<Body>, Infallible>>;

/// The server as a tower service, which is always ready. Clones share it: each layer calls the one inside of it for every
/// request, and copies nothing for that.
#[derive(Clone)]
pub(crate) struct McpService(Arc<dyn Fn(Request<Body>) -> ResponseFuture + Send + Sync>);

impl McpService {
    pub(crate) fn new(answer: impl Fn(Request<Body>) -> ResponseFuture + Send + Sync + 'static) -> Self {
        Self(Arc::new(answer))
    }

    /// Answers one request.
    pub(crate) fn answer(&self, request: Request<Body>) -> ResponseFuture {
        (self.0)(request)
    }
}

impl Service<Request<Body>> for McpService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> ResponseFuture {
        self.answer(request)
    }
}

type Wrap = Box<dyn FnOnce(McpService) -> McpService + Send>;

/// Routes and layers around the endpoint.
#[derive(Default)]
pub struct Routes {
    paths: HashMap<String, McpService>,
    layers: Vec<Wrap>,
}

impl Routes {
    /// Adds a route for a path.
    pub fn add<F, Fut, B>(&mut self, path: &str, handler: F)
    where
        F: Fn(Request<Body>) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Response<B>> + Send + 'static,
        B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let service = McpService::new(move |request| {
            let response = handler(request);
            response.map(|response| Ok(response.map(|body| body.map_err(Into::into).boxed_unsync()))).boxed()
        });
        self.paths.insert(path.to_owned(), service);
    }

    /// Adds a layer around the endpoint and the routes.
    pub fn wrap<L, B>(&mut self, layer: L)
    where
        L: Layer<BoxCloneSyncService<Request<Body>, Response<Body>, BoxError>> + Send + 'static,
        L::Service: Service<Request<Body>, Response = Response<B>> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request<Body>>>::Future: Send + 'static,
        <L::Service as Service<Request<Body>>>::Error: Into<BoxError> + Send + 'static,
        B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        self.layers.push(Box::new(move |inner| {
            let inner = BoxCloneSyncService::new(inner.map_err(|never: Infallible| match never {}));
            let wrapped = layer.layer(inner);
            McpService::new(move |request| {
                wrapped.clone().oneshot(request).map(|outcome| Ok(response_of(outcome))).boxed()
            })
        }));
    }

    /// Adds a layer of the server itself.
    pub(crate) fn around(&mut self, wrap: impl FnOnce(McpService) -> McpService + Send + 'static) {
        self.layers.push(Box::new(wrap));
    }

    /// Adds the routes of another, and its layers inside of these.
    pub(crate) fn extend(&mut self, other: Self) {
        self.paths.extend(other.paths);
        self.layers.extend(other.layers);
    }

    /// Builds the service around an application that answers requests for every path instead of the MCP endpoint.
    pub(crate) fn build_around(self, application: McpService) -> McpService {
        self.layers.into_iter().rev().fold(application, |inner, wrap| wrap(inner))
    }

    /// Builds the service. The layer added first sees a request first and its response last.
    pub(crate) fn build(self, endpoint: Arc<Endpoint>) -> McpService {
        // `/mcp/` is `/mcp`: clients build URLs with and without the last slash, and do not follow redirects of a POST.
        let of_endpoint = without_last_slash(&endpoint.config.path).to_owned();
        let paths = Arc::new(self.paths);
        #[cfg(feature = "start-page")]
        let page = super::start_page::StartPage::of(&endpoint.config);
        let inner = McpService::new(move |request| {
            let path = request.uri().path();
            if let Some(route) = paths.get(path) {
                return route.answer(request);
            }
            // Only for browsers: a client finds the endpoint, even where that has the path `/`.
            #[cfg(feature = "start-page")]
            if let Some(page) = page.as_ref().and_then(|page| page.answer(&endpoint.config, &request)) {
                return ready(Ok(page)).boxed();
            }
            if without_last_slash(path) == of_endpoint {
                return Arc::clone(&endpoint).handle(request).map(Ok).boxed();
            }
            ready(Ok(not_found())).boxed()
        });
        self.layers.into_iter().rev().fold(inner, |inner, wrap| wrap(inner))
    }
}

fn without_last_slash(path: &str) -> &str {
    path.strip_suffix('/').unwrap_or(path)
}

/// Turns the error of a layer into a response. The error is for the log, not for the client.
fn response_of<B, E>(outcome: Result<Response<B>, E>) -> Response<Body>
where
    B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
    E: Into<BoxError>,
{
    match outcome {
        Ok(response) => response.map(|body| body.map_err(Into::into).boxed_unsync()),
        Err(error) => {
            let error: BoxError = error.into();
            tracing::error!(error = %Causes(&*error), "a layer failed");
            plain(StatusCode::INTERNAL_SERVER_ERROR, "internal error")
        }
    }
}

fn not_found() -> Response<Body> {
    plain(StatusCode::NOT_FOUND, "not found: the MCP endpoint has another path (MCP_PATH)")
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(body::full(text));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert("content-type", http::HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (paths, layers) = (self.paths.keys().collect::<Vec<_>>(), self.layers.len());
        f.debug_struct("Routes").field("paths", &paths).field("layers", &layers).finish()
    }
}
