//! An application instead of the MCP endpoint: the same hosts, limits and log, and other answers.

use std::sync::Arc;

use futures::{FutureExt, future::BoxFuture};
use http::{Request, Response};

use super::{Body, McpService, guard, reply};
use crate::{config::Config, ingress::Ingress, telemetry::ServedRequest, time::Deadline};

/// What answers the requests for every path, instead of the MCP endpoint. It decides itself which origins may read its responses.
pub type Application =
    Arc<dyn Fn(Request<Body>, Ingress) -> BoxFuture<'static, Response<Body>> + Send + Sync>;

/// The application as a service that refuses requests for other hosts.
pub(crate) fn application(config: Arc<Config>, application: Application) -> McpService {
    McpService::new(move |request| {
        let (parts, body) = request.into_parts();
        let ingress = parts.extensions.get::<Ingress>().copied();
        let ingress = ingress.unwrap_or_else(|| Ingress::local(Deadline::after(config.request_timeout)));
        if let Err(refusal) = guard::check_host(&config, &parts.headers, &parts.uri, ingress.host) {
            let refused = reply::refusal(&refusal, &ServedRequest::of(&parts.extensions));
            return std::future::ready(Ok(refused)).boxed();
        }
        application(Request::from_parts(parts, body), ingress).map(Ok).boxed()
    })
}
