//! An HTTP request as a call, with its era decided: once, here.
//!
//! The specification gives two rules: per-request `_meta` means a stateless request, `initialize` means a session. The
//! other rows of the table follow from them; `tests/it/protocol/read.rs` checks each:
//!
//! | request | era |
//! |---|---|
//! | POST whose `_meta` names a protocol version | stateless, even if its headers name another version |
//! | POST of `initialize` without it | session |
//! | POST with a version header of a stateless revision | stateless (and malformed, if it is a request) |
//! | POST of `server/discover` | stateless (and malformed): a client that probes learns that the server is stateless |
//! | any other POST | session |
//! | GET or DELETE with a version header of a stateless revision | stateless, which has neither |
//! | any other GET or DELETE | session |

// SEP-2577 deprecates log levels; clients of the session era use them until they are gone.
#![allow(deprecated)]

use bytes::Bytes;
use http::HeaderMap;
use rmcp::model::{ClientCapabilities, LoggingLevel, RequestId};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    client,
    envelope::{self, Body, Limits, Message, Request},
    explain,
    fault::{Fault, Rejection},
    headers,
    meta::{CLIENT_CAPABILITIES, LOG_LEVEL, PROTOCOL_VERSION, RawRequestMeta},
    method::Method,
    version::{self, SessionVersion},
};

/// A request to the MCP endpoint, read.
#[derive(Debug, Clone)]
pub enum Call {
    /// A POST.
    Post(Post),
    /// A GET of the session era: a stream of events.
    Get(SessionGet),
    /// A DELETE of the session era: the end of a session.
    Delete(SessionDelete),
}

/// A POST, read.
#[derive(Debug, Clone)]
pub enum Post {
    /// A 2026-07-28 request, complete in itself and validated.
    Stateless(StatelessRequest),
    /// A 2026-07-28 notification. It is accepted and dropped: there is no state that it could change.
    StatelessNotification,
    /// Messages of a session, which has to be looked up.
    Session(SessionPost),
}

/// A 2026-07-28 request with its metadata.
#[derive(Debug, Clone)]
pub struct StatelessRequest {
    /// The request.
    pub request: Request,
    /// The least severe log message that the client wants for this request. `None`: the client wants none.
    pub log_level: Option<LoggingLevel>,
    /// Whether the client declared the tasks extension for this request.
    pub declares_tasks: bool,
}

/// A POST of a session revision.
#[derive(Debug, Clone)]
pub struct SessionPost {
    /// The value of the version header.
    pub version: Option<SessionVersion>,
    /// The value of the session header.
    pub session: Option<String>,
    /// The messages.
    pub body: Body,
}

/// A GET of a session revision.
#[derive(Debug, Clone)]
pub struct SessionGet {
    /// The value of the session header.
    pub session: String,
    /// The value of the `Last-Event-ID` header.
    pub last_event_id: Option<String>,
}

/// A DELETE of a session revision.
#[derive(Debug, Clone)]
pub struct SessionDelete {
    /// The value of the session header.
    pub session: Option<String>,
}

/// Reads a GET. `None` where there is no stream to get: in a stateless revision, and without a session.
pub fn get(headers: &HeaderMap) -> Result<Option<Call>, Fault> {
    if names_stateless(headers) {
        return Ok(None);
    }
    session_version(headers)?;
    let session = session_id(headers)?;
    let last_event_id = headers::single(headers, headers::LAST_EVENT_ID)
        .map_err(|_| Fault::InvalidRequest("Last-Event-ID must be given once, in visible ASCII".into()))?;
    let last_event_id = last_event_id.map(str::to_owned);
    Ok(session.map(|session| Call::Get(SessionGet { session, last_event_id })))
}

/// Reads a DELETE. `None` in a stateless revision, which has no sessions.
pub fn delete(headers: &HeaderMap) -> Result<Option<Call>, Fault> {
    if names_stateless(headers) {
        return Ok(None);
    }
    session_version(headers)?;
    Ok(Some(Call::Delete(SessionDelete { session: session_id(headers)? })))
}

/// Reads a POST.
pub fn post(headers: &HeaderMap, body: &Bytes, limits: Limits) -> Result<Call, Rejection> {
    let post = match envelope::parse(body, limits)? {
        Body::One(Message::Request(request)) => read_request(headers, request)?,
        Body::One(message) if names_stateless(headers) => match message {
            // Without the id: it is one of the server's ids, and the client could take it for its own request's.
            Message::Response(_) => {
                return Err(Fault::InvalidRequest(
                    "2026-07-28 has no requests to clients, so there is nothing to respond to".into(),
                )
                .into());
            }
            _ => Post::StatelessNotification,
        },
        Body::One(message) => session_post(headers, Body::One(message))?,
        Body::Batch(_) if names_stateless(headers) => return Err(Fault::batches_ended().into()),
        batch @ Body::Batch(_) => session_post(headers, batch)?,
    };
    Ok(Call::Post(post))
}

fn names_stateless(headers: &HeaderMap) -> bool {
    // An unreadable version header decides nothing: the code that needs the header refuses it.
    headers::single(headers, headers::PROTOCOL_VERSION).ok().flatten().is_some_and(version::is_stateless)
}

fn read_request(headers: &HeaderMap, request: Request) -> Result<Post, Rejection> {
    let id = request.id.clone();
    let refuse = |fault: Fault| Rejection { fault, id: Some(id.clone()) };
    let parts = RequestParts::of(&request);
    let is_stateless = parts.as_ref().is_ok_and(RequestParts::names_version)
        || (request.method != Method::Initialize && names_stateless(headers))
        || request.method == Method::Discover;
    if !is_stateless {
        return session_post(headers, Body::One(Message::Request(request)))
            .map_err(|rejection| Rejection { id: Some(id), ..rejection });
    }
    let parts = parts.map_err(refuse)?;
    let meta = parts.meta().map_err(refuse)?;
    check_headers(headers, &request, &parts, &meta).map_err(refuse)?;
    Ok(Post::Stateless(StatelessRequest {
        log_level: meta.log_level,
        declares_tasks: meta.capabilities.supports_tasks(),
        request,
    }))
}

/// The order of these checks is observable: the official suite probes which error comes first.
fn check_headers(
    headers: &HeaderMap,
    request: &Request,
    parts: &RequestParts<'_>,
    meta: &Meta,
) -> Result<(), Fault> {
    match headers::single(headers, headers::PROTOCOL_VERSION)? {
        None => return Err(Fault::HeaderMismatch("MCP-Protocol-Version is missing".into())),
        Some(header) if header != meta.version => {
            return Err(Fault::HeaderMismatch(format!(
                "MCP-Protocol-Version is {header:?}, _meta says {:?}",
                meta.version
            )));
        }
        Some(_) if meta.version != version::STATELESS_VERSION => {
            return Err(Fault::UnsupportedVersion { requested: meta.version.clone() });
        }
        Some(_) => {}
    }
    headers::check_method(headers, &request.method)?;
    match request.method.mirrored_parameter() {
        Some(field) => match parts.named(field) {
            Some(name) => headers::check_name(headers, field, &name),
            None => Err(parts.unnamed(field)),
        },
        None => Ok(()),
    }
}

/// The version header of a session request. Unknown ones are refused with a session-era code.
fn session_version(headers: &HeaderMap) -> Result<Option<SessionVersion>, Fault> {
    let text = headers::single(headers, headers::PROTOCOL_VERSION).map_err(|_| {
        Fault::InvalidRequest("MCP-Protocol-Version must be given once, in visible ASCII".into())
    })?;
    text.map(|text| {
        SessionVersion::parse(text).ok_or_else(|| Fault::UnsupportedSessionVersion(text.to_owned()))
    })
    .transpose()
}

/// The session header. An empty one is a missing one; a value that this server cannot have issued is an unknown session,
/// like any other.
fn session_id(headers: &HeaderMap) -> Result<Option<String>, Fault> {
    headers::single(headers, headers::SESSION_ID)
        .map(|id| id.filter(|id| !id.is_empty()).map(str::to_owned))
        .map_err(|_| Fault::InvalidRequest("Mcp-Session-Id must be given once, in visible ASCII".into()))
}

fn session_post(headers: &HeaderMap, body: Body) -> Result<Post, Rejection> {
    // `initialize` negotiates in its body: its response names a version that both sides speak.
    let is_initialize =
        matches!(&body, Body::One(Message::Request(request)) if request.method == Method::Initialize);
    let version = if is_initialize { None } else { session_version(headers)? };
    if matches!(body, Body::Batch(_)) && version.is_some_and(|version| !version.has_batches()) {
        return Err(Fault::batches_ended().into());
    }
    Ok(Post::Session(SessionPost { version, session: session_id(headers)?, body }))
}

#[derive(Deserialize, Default)]
struct RequestParts<'a> {
    #[serde(borrow, default, rename = "_meta")]
    meta: Option<&'a RawValue>,
    #[serde(borrow, default)]
    name: Option<&'a RawValue>,
    #[serde(borrow, default)]
    uri: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "taskId")]
    task_id: Option<&'a RawValue>,
}

struct Meta {
    version: String,
    log_level: Option<LoggingLevel>,
    capabilities: ClientCapabilities,
}

impl<'a> RequestParts<'a> {
    fn of(request: &'a Request) -> Result<Self, Fault> {
        request.params.read().map_err(Fault::InvalidMeta)
    }

    /// Whether the version key is there, with any value: only stateless requests have it.
    fn names_version(&self) -> bool {
        self.raw_meta().is_ok_and(|meta| meta.is_some_and(|meta| meta.version.is_some()))
    }

    fn raw_meta(&self) -> Result<Option<RawRequestMeta<'a>>, String> {
        self.meta.map(|meta| explain::read_object(meta.get(), "params._meta")).transpose()
    }

    fn meta(&self) -> Result<Meta, Fault> {
        let invalid = Fault::InvalidMeta;
        let required = |key| invalid(format!("params._meta[{key:?}] is required"));
        let meta = self
            .raw_meta()
            .map_err(invalid)?
            .ok_or_else(|| invalid("params._meta is required on every 2026-07-28 request".into()))?;
        let version = meta.version.ok_or_else(|| required(PROTOCOL_VERSION))?;
        let version = explain::read(version.get(), &format!("params._meta[{PROTOCOL_VERSION:?}]"));
        let version = version.map_err(invalid)?;
        let capabilities = meta.capabilities.ok_or_else(|| required(CLIENT_CAPABILITIES))?;
        let name = format!("params._meta[{CLIENT_CAPABILITIES:?}]");
        let capabilities = client::capabilities(capabilities, &name).map_err(invalid)?;
        let log_level = meta.log_level.map(|level| {
            explain::read(level.get(), &format!("params._meta[{LOG_LEVEL:?}]")).map_err(Fault::invalid_params)
        });
        let log_level = log_level.transpose()?;
        Ok(Meta { version, log_level, capabilities })
    }

    fn raw(&self, field: &str) -> Option<&'a RawValue> {
        match field {
            "name" => self.name,
            "uri" => self.uri,
            _ => self.task_id,
        }
    }

    fn named(&self, field: &str) -> Option<String> {
        self.raw(field).and_then(|raw| serde_json::from_str(raw.get()).ok())
    }

    /// Why there is no such text.
    fn unnamed(&self, field: &str) -> Fault {
        let raw = self.raw(field).map_or("null", RawValue::get);
        let text = match explain::read::<String>(raw, &format!("params.{field}")) {
            Err(text) if raw != "null" => text,
            _ => format!("params.{field} is required, a string"),
        };
        Fault::invalid_params(text)
    }
}

/// The id of a rejected request, as the log shows it.
#[must_use]
pub fn id_text(id: Option<&RequestId>) -> String {
    id.map_or_else(|| "-".to_owned(), ToString::to_string)
}
