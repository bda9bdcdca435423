//! Paths and layers around the endpoint.

use std::{
    collections::HashMap,
    convert::Infallible,
    future::{Future, ready},
    sync::Arc,
};

use futures::{FutureExt, future::BoxFuture};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use tower::{Layer, Service, ServiceExt, util::BoxCloneSyncService};

use super::body::{self, Body, BoxError};
use crate::{dispatch::App, error::Causes};

/// The whole server as a tower service: what a front calls and a layer wraps.
pub(crate) type McpService = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

type Wrap = Box<dyn FnOnce(McpService) -> McpService + Send>;

/// What a user adds around the endpoint.
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
        let service = tower::service_fn(move |request| {
            let answer = handler(request);
            async move { Ok::<_, Infallible>(answer.await.map(|body| body.map_err(Into::into).boxed_unsync())) }
        });
        self.paths.insert(path.to_owned(), BoxCloneSyncService::new(service));
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
            BoxCloneSyncService::new(tower::service_fn(move |request: Request<Body>| {
                wrapped.clone().oneshot(request).map(|outcome| Ok::<_, Infallible>(settle(outcome)))
            }))
        }));
    }

    /// Wraps what is inside in a service of ours.
    pub(crate) fn around(&mut self, wrap: impl FnOnce(McpService) -> McpService + Send + 'static) {
        self.layers.push(Box::new(wrap));
    }

    /// Adds another's paths, and its layers inside of these.
    pub(crate) fn extend(&mut self, other: Self) {
        self.paths.extend(other.paths);
        self.layers.extend(other.layers);
    }

    /// Puts it together. The layer added first sees a request first and its response last.
    pub(crate) fn build(self, app: Arc<App>) -> McpService {
        let endpoint = app.config.path.clone();
        let paths = Arc::new(self.paths);
        let inner = tower::service_fn(move |request: Request<Body>| {
            let app = Arc::clone(&app);
            let path = request.uri().path();
            let answer: BoxFuture<'static, Result<Response<Body>, Infallible>> = match paths.get(path) {
                Some(route) => Box::pin(route.clone().oneshot(request)),
                None if path == endpoint => Box::pin(super::handle(app, request).map(Ok)),
                None => Box::pin(ready(Ok(not_found()))),
            };
            answer
        });
        self.layers.into_iter().rev().fold(BoxCloneSyncService::new(inner), |inner, wrap| wrap(inner))
    }
}

/// A layer that fails is answered for: its error is for the log, not for the client.
fn settle<B, E>(outcome: Result<Response<B>, E>) -> Response<Body>
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
