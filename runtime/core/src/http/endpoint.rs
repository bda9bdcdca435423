//! The MCP endpoint: from an HTTP request to the dispatcher and back.
//!
//! [`Endpoint::handle`] is where every host joins: the local socket and Lambda's events both become a `Request<Body>`
//! with an [`Ingress`] in its extensions.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, header, request::Parts};

use super::{
    body::{self, Body},
    guard,
    refusal::Refusal,
    reply,
};
use crate::{
    auth::{Authenticator, ProtectedResource},
    config::{Config, SessionMode},
    dispatch::{Accepts, Caller, Dispatcher, Reply},
    ingress::Ingress,
    limits::{BodyLimiter, BodyPermit, CallerKey, RequestLimiter},
    protocol::{Call, Era, read},
    telemetry::ServedRequest,
    time::Deadline,
};

#[cfg(feature = "otel")]
use crate::telemetry::Tracing;

/// What the endpoint is made of.
pub(crate) struct Endpoint {
    pub(crate) config: Arc<Config>,
    pub(crate) authenticator: Authenticator,
    pub(crate) resource: Arc<ProtectedResource>,
    pub(crate) requests: RequestLimiter,
    pub(crate) bodies: BodyLimiter,
    pub(crate) dispatcher: Dispatcher,
    /// The tracing system that gets a span of each call.
    #[cfg(feature = "otel")]
    pub(crate) tracing: Option<Tracing>,
}

impl Endpoint {
    /// Answers one request.
    pub(crate) async fn handle(self: Arc<Self>, request: Request<Body>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let ingress = parts.extensions.get::<Ingress>().copied();
        let ingress = ingress.unwrap_or_else(|| Ingress::local(Deadline::after(self.config.request_timeout)));
        let served = ServedRequest::of(&parts.extensions);
        if let Err(refusal) = guard::check(&self.config, &parts, ingress.host) {
            return reply::refusal(&refusal, &served);
        }
        if parts.method == Method::OPTIONS {
            return reply::allowed(self.allowed());
        }
        let principal = match self.authenticator.authenticate(&parts, ingress.deadline).await {
            Ok(principal) => principal,
            Err(error) => return reply::unauthenticated(&self.resource, &parts.headers, &error, &served),
        };
        let key = CallerKey::new(&principal, ingress.client, &parts.headers);
        let accepts = accepts(&parts.headers);
        let mut held = self.bodies.permit(&key);
        // The body first: a caller that sends slowly takes no request's place.
        let body = match self.body(&parts, accepts, ingress.deadline, body, &mut held).await {
            Ok(body) => body,
            Err(refusal) => return reply::refusal(&refusal, &served),
        };
        let permit = match self.requests.enter(&key, &self.config.requests) {
            Ok(permit) => permit,
            Err(full) => return reply::refusal(&full.into(), &served),
        };
        let permit = Arc::new(permit.with_body(held));
        let caller = Caller { principal, key, accepts, parts, ingress, served, permit: Arc::clone(&permit) };
        let reply = match self.read(&caller, &body) {
            Ok(Ok(call)) => {
                caller.served.observed().called(&call, &caller.parts.headers);
                #[cfg(feature = "otel")]
                if let Some(tracing) = &self.tracing {
                    caller.served.begin_span(tracing, &call, version(&caller.parts.headers));
                }
                self.dispatcher.serve(&caller, call).await
            }
            Ok(Err(reply)) => reply,
            Err(refusal) => return reply::refusal(&refusal, &caller.served),
        };
        drop(body);
        let response = reply::render(reply, self.config.max_response, &self.resource, &caller).await;
        response.map(|body| body::holding(body, permit))
    }

    /// Reads the call. The inner error is a POST that is no valid call.
    fn read(&self, caller: &Caller, body: &Bytes) -> Result<Result<Call, Reply>, Refusal> {
        let headers = &caller.parts.headers;
        match caller.parts.method {
            Method::POST => Ok(read::post(headers, body, self.config.limits)
                .map_err(|rejection| Reply::error(Era::Stateless, rejection.id, rejection.fault))),
            Method::GET => {
                // 405 where there is no stream: clients take that, and no other status, for a server without one.
                let none = Refusal::Method { allow: ONLY_POST };
                let call = read::get(headers).map_err(Refusal::Fault)?.ok_or(none)?;
                if !self.config.streams.enabled || self.has_no_sessions() {
                    return Err(Refusal::Method { allow: self.allowed() });
                }
                if !caller.accepts.events {
                    return Err(Refusal::Accept("text/event-stream"));
                }
                Ok(Ok(call))
            }
            Method::DELETE if self.has_no_sessions() => Err(Refusal::Method { allow: ONLY_POST }),
            Method::DELETE => {
                let none = Refusal::Method { allow: ONLY_POST };
                Ok(Ok(read::delete(headers).map_err(Refusal::Fault)?.ok_or(none)?))
            }
            _ => Err(Refusal::Method { allow: self.allowed() }),
        }
    }

    /// The methods of the endpoint. GET and DELETE concern a session.
    fn allowed(&self) -> &'static str {
        match (self.has_no_sessions(), self.config.streams.enabled) {
            (true, _) => ONLY_POST,
            (false, true) => "GET, POST, DELETE, OPTIONS",
            (false, false) => "POST, DELETE, OPTIONS",
        }
    }

    fn has_no_sessions(&self) -> bool {
        self.config.sessions.mode() == SessionMode::Off
    }

    /// The body of a POST. Other methods have none that counts.
    async fn body(
        &self,
        parts: &Parts,
        accepts: Accepts,
        deadline: Deadline,
        body: Body,
        held: &mut BodyPermit,
    ) -> Result<Bytes, Refusal> {
        if parts.method != Method::POST {
            return Ok(Bytes::new());
        }
        guard::check_content_type(&parts.headers)?;
        guard::check_content_encoding(&parts.headers)?;
        if !accepts.json && !accepts.events {
            return Err(Refusal::Accept("application/json and text/event-stream"));
        }
        let time: Duration = self.config.requests.body_time;
        let deadline = deadline.capped(time).instant();
        let body = tokio::time::timeout_at(deadline, body::collect(body, self.config.max_body, held)).await;
        Ok(without_mark(body.map_err(|_| Refusal::SlowBody)??))
    }
}

/// The revision that the header names.
#[cfg(feature = "otel")]
fn version(headers: &HeaderMap) -> Option<&str> {
    headers.get(crate::protocol::headers::PROTOCOL_VERSION)?.to_str().ok()
}

/// The methods of a request that is in no session.
const ONLY_POST: &str = "POST, OPTIONS";

/// A body without the byte order mark that some clients begin a text with. JSON has none, and a reader may ignore it:
/// <https://www.rfc-editor.org/rfc/rfc8259#section-8.1> (read 2026-11-26).
fn without_mark(body: Bytes) -> Bytes {
    const MARK: &[u8] = "\u{feff}".as_bytes();
    if body.starts_with(MARK) { body.slice(MARK.len()..) } else { body }
}

/// The content types that the client accepts. Without the header, or with an empty one, it accepts any:
/// <https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1> (read 2026-11-26).
fn accepts(headers: &HeaderMap) -> Accepts {
    let mut ranges = headers
        .get_all(header::ACCEPT)
        .iter()
        .flat_map(|value| value.to_str().unwrap_or("?").split(','))
        .map(str::trim)
        .filter(|range| !range.is_empty())
        .peekable();
    if ranges.peek().is_none() {
        return Accepts { json: true, events: true };
    }
    // Of the ranges that match a type, the most specific one counts, and of two alike the last.
    let (mut json, mut events) = ((0, false), (0, false));
    for range in ranges {
        let (name, parameters) = range.split_once(';').unwrap_or((range, ""));
        let found = |whole: &str, any: &str| match name.trim() {
            name if name.eq_ignore_ascii_case(whole) => 3,
            name if name.eq_ignore_ascii_case(any) => 2,
            "*/*" => 1,
            _ => 0,
        };
        let is_wanted = !parameters.split(';').any(is_refusal);
        for (best, specific) in [
            (&mut json, found("application/json", "application/*")),
            (&mut events, found("text/event-stream", "text/*")),
        ] {
            if specific > 0 && specific >= best.0 {
                *best = (specific, is_wanted);
            }
        }
    }
    Accepts { json: json.1, events: events.1 }
}

/// Whether a parameter of a media range is the weight zero.
fn is_refusal(parameter: &str) -> bool {
    let weight = parameter.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
    weight.is_some_and(|(_, value)| value.trim().parse() == Ok(0.0_f32))
}
