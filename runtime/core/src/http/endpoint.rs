//! The MCP endpoint: from an HTTP request to the dispatcher and back.
//!
//! [`Endpoint::handle`] is where every host joins: the local socket and Lambda's events both become a `Request<Body>`
//! with an [`Ingress`] in its extensions.

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, Method, Request, Response, header};

use super::{
    body::{self, Body},
    guard,
    refusal::Refusal,
    reply,
};
use crate::{
    auth::{Authenticator, ProtectedResource},
    config::Config,
    dispatch::{Accepts, Caller, Dispatcher, Reply},
    ingress::Ingress,
    limits::RequestLimiter,
    protocol::{Call, Era, read},
    time::Deadline,
};

/// What the endpoint is made of.
pub(crate) struct Endpoint {
    pub(crate) config: Arc<Config>,
    pub(crate) authenticator: Authenticator,
    pub(crate) resource: Arc<ProtectedResource>,
    pub(crate) requests: RequestLimiter,
    pub(crate) dispatcher: Dispatcher,
}

impl Endpoint {
    /// Answers one request.
    pub(crate) async fn handle(self: Arc<Self>, request: Request<Body>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let ingress = parts.extensions.get::<Ingress>().copied();
        let ingress = ingress.unwrap_or_else(|| Ingress::local(Deadline::after(self.config.request_timeout)));
        if let Err(refusal) = guard::check(&self.config, &parts, ingress.host) {
            return reply::refusal(&refusal);
        }
        let principal = match self.authenticator.authenticate(&parts, ingress.deadline).await {
            Ok(principal) => principal,
            Err(error) => return reply::unauthenticated(&self.resource, &parts.headers, &error),
        };
        let limit = self.config.requests.per_principal;
        let Some(permit) = self.requests.enter(&principal, limit) else {
            return reply::refusal(&Refusal::Busy { limit });
        };
        let caller = Caller { principal, accepts: accepts(&parts.headers), parts, ingress };
        let reply = match self.read(&caller, body).await {
            Ok(Ok(call)) => self.dispatcher.serve(&caller, call).await,
            Ok(Err(reply)) => reply,
            Err(refusal) => return reply::refusal(&refusal).map(|body| body::holding(body, permit)),
        };
        let response = reply::render(reply, self.config.max_response, &self.resource, &caller).await;
        response.map(|body| body::holding(body, permit))
    }

    /// Reads the call. The inner error is a POST that is no valid call.
    async fn read(&self, caller: &Caller, body: Body) -> Result<Result<Call, Reply>, Refusal> {
        let headers = &caller.parts.headers;
        match caller.parts.method {
            Method::POST => {
                let body = self.post_body(caller, body).await?;
                Ok(read::post(headers, &body, self.config.limits)
                    .map_err(|rejection| Reply::error(Era::Stateless, rejection.id, rejection.fault)))
            }
            Method::GET => {
                // 405 where there is no stream: clients take that, and no other status, for a server without one.
                let call = read::get(headers).map_err(Refusal::Fault)?.ok_or(Refusal::Method)?;
                if !self.config.streams.enabled {
                    return Err(Refusal::Method);
                }
                if !caller.accepts.events {
                    return Err(Refusal::Accept("text/event-stream"));
                }
                Ok(Ok(call))
            }
            Method::DELETE => {
                Ok(Ok(read::delete(headers).map_err(Refusal::Fault)?.ok_or(Refusal::Method)?))
            }
            _ => Err(Refusal::Method),
        }
    }

    async fn post_body(&self, caller: &Caller, body: Body) -> Result<bytes::Bytes, Refusal> {
        guard::check_content_type(&caller.parts.headers)?;
        if !caller.accepts.json && !caller.accepts.events {
            return Err(Refusal::Accept("application/json and text/event-stream"));
        }
        let time: Duration = self.config.requests.body_time;
        let deadline = caller.ingress.deadline.capped(time).instant();
        let body = tokio::time::timeout_at(deadline, body::collect(body, self.config.max_body)).await;
        Ok(body.map_err(|_| Refusal::SlowBody)??)
    }
}

/// The content types that the client accepts. Without the header it accepts any:
/// <https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1>.
fn accepts(headers: &HeaderMap) -> Accepts {
    let mut accepts = Accepts { json: false, events: false };
    let mut is_given = false;
    for value in headers.get_all(header::ACCEPT) {
        is_given = true;
        for range in value.to_str().unwrap_or_default().split(',') {
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default().to_ascii_lowercase();
            if parts.any(|parameter| matches!(parameter, "q=0" | "q=0.0" | "q=0.00" | "q=0.000")) {
                continue;
            }
            accepts.json |= matches!(name.as_str(), "application/json" | "application/*" | "*/*");
            accepts.events |= matches!(name.as_str(), "text/event-stream" | "text/*" | "*/*");
        }
    }
    if is_given { accepts } else { Accepts { json: true, events: true } }
}
