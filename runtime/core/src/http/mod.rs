//! HTTP, and nothing else: from a request to [`crate::dispatch`] and back.
//!
//! [`handle`] is the seam every front joins: the laptop's socket and Lambda's events both become a `Request<Body>`
//! with a [`Front`] in its extensions.

mod body;
#[cfg(feature = "compression")]
mod compression;
mod cors;
mod guard;
mod inbound;
mod metadata;
mod reply;
mod routes;
pub mod sse;

use std::sync::Arc;

#[doc(hidden)]
pub use body::full;
pub use body::{Body, BoxError};
#[cfg(feature = "compression")]
pub(crate) use compression::layer as compression_layer;
pub(crate) use cors::layer as cors_layer;
use http::{HeaderMap, Method, Request, Response, header};
pub(crate) use inbound::{preflights, settled};
pub(crate) use metadata::document as metadata;
#[doc(hidden)]
pub use reply::bad_request;
pub(crate) use routes::McpService;
pub use routes::Routes;

use crate::{
    config::AllowList,
    dispatch::{self, Accepts, App, Caller},
    ingress::Ingress,
    protocol::{self, Era, Fault, headers, read, version},
    time::Deadline,
};

/// Answers one request to the MCP endpoint.
pub(crate) async fn handle(app: Arc<App>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let ingress = parts.extensions.get::<Ingress>().copied();
    let ingress = ingress.unwrap_or_else(|| Ingress::local(Deadline::after(app.config.request_timeout)));
    if let Err(refusal) = guard::check(&app.config, &parts, ingress.host) {
        return reply::refusal(&refusal);
    }
    let principal = match app.authenticator.authenticate(&parts, ingress.deadline).await {
        Ok(principal) => principal,
        Err(denied) => return reply::denied(&app.resource, &parts.headers, &denied),
    };
    let limit = app.config.requests.per_principal;
    let Some(place) = app.request_limiter.enter(&principal, limit) else {
        return reply::refusal(&reply::Refusal::Busy { limit });
    };
    let caller = Caller { principal, accepts: accepts(&parts.headers), parts, ingress };
    let reply = match caller.parts.method {
        Method::POST => post(&app, &caller, body).await,
        Method::GET => get(&app, &caller).await,
        Method::DELETE => delete(&app, &caller).await,
        _ => Err(reply::Refusal::Method),
    };
    let response = match reply {
        Ok(reply) => reply::render(reply, &app, &caller).await,
        Err(refusal) => reply::refusal(&refusal),
    };
    response.map(|body| body::holding(body, place))
}

async fn post(app: &Arc<App>, caller: &Caller, body: Body) -> Result<dispatch::Reply, reply::Refusal> {
    let headers = &caller.parts.headers;
    guard::check_content_type(headers)?;
    if !caller.accepts.json && !caller.accepts.events {
        return Err(reply::Refusal::Accept("application/json and text/event-stream"));
    }
    let deadline = caller.ingress.deadline.capped(app.config.requests.body_time).instant();
    let body = tokio::time::timeout_at(deadline, body::collect(body, app.config.max_body))
        .await
        .map_err(|_| reply::Refusal::SlowBody)??;
    Ok(match protocol::read(headers, &body, app.config.limits) {
        Ok(call) => dispatch::post(app, caller, call).await,
        Err(rejection) => dispatch::Reply::refuse(Era::Stateless, rejection.id, rejection.fault),
    })
}

async fn get(app: &Arc<App>, caller: &Caller) -> Result<dispatch::Reply, reply::Refusal> {
    let (session, last_event) = session_headers(caller)?;
    // 405 and not 400: clients take only that for "this server has no such stream" and go on without.
    let Some(session) = session else { return Err(reply::Refusal::Method) };
    if !app.config.streams.enabled {
        return Err(reply::Refusal::Method);
    }
    if !caller.accepts.events {
        return Err(reply::Refusal::Accept("text/event-stream"));
    }
    Ok(dispatch::get(app, caller, &session, last_event.as_deref()).await)
}

async fn delete(app: &Arc<App>, caller: &Caller) -> Result<dispatch::Reply, reply::Refusal> {
    match session_headers(caller)? {
        (Some(session), _) => Ok(dispatch::delete(app, caller, &session).await),
        (None, _) => Ok(dispatch::Reply::refuse(Era::Session, None, Fault::SessionRequired)),
    }
}

/// The session and the place to resume from. 2026-07-28 has neither streams nor sessions to ask for.
fn session_headers(caller: &Caller) -> Result<(Option<String>, Option<String>), reply::Refusal> {
    let all = &caller.parts.headers;
    let version = headers::single(all, headers::PROTOCOL_VERSION).ok().flatten();
    if version.is_some_and(version::is_stateless) {
        return Err(reply::Refusal::Method);
    }
    let fault = reply::Refusal::Fault;
    read::session_version(all).map_err(fault)?;
    let session = read::session_id(all).map_err(fault)?;
    let last_event = headers::single(all, headers::LAST_EVENT_ID).map_err(|_| {
        fault(Fault::InvalidRequest("Last-Event-ID must be given once, in visible ASCII".into()))
    })?;
    Ok((session, last_event.map(str::to_owned)))
}

/// What the client says it can read. Saying nothing means anything:
/// <https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1>.
fn accepts(headers: &HeaderMap) -> Accepts {
    let mut accepts = Accepts { json: false, events: false };
    let mut said = false;
    for value in headers.get_all(header::ACCEPT) {
        said = true;
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
    if said { accepts } else { Accepts { json: true, events: true } }
}

/// Whether a list lets a value through. `loopback` says which values it lets through by default.
fn allows(list: &AllowList, value: &str, loopback: impl Fn(&str) -> bool) -> bool {
    match list {
        AllowList::Any => true,
        AllowList::Loopback => loopback(value),
        AllowList::List(items) => items.iter().any(|item| item.eq_ignore_ascii_case(value)),
    }
}
