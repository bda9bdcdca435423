//! Bytes and headers to a call, with its era decided: once, here.
//!
//! The specification gives two rules: per-request `_meta` means a stateless request, `initialize` means a session. The
//! rest of the table is our reading of it, checked by the tests in `tests/protocol_read.rs`:
//!
//! | what was sent | era |
//! |---|---|
//! | `_meta` names a protocol version | stateless, whatever else is there |
//! | `initialize` without it | session |
//! | header names a stateless version | stateless (and malformed, if a request) |
//! | `server/discover` | stateless (and malformed): a client that probes learns that we are modern |
//! | anything else | session |

// SEP-2577 deprecates logging, sampling and roots; clients of the session era use them until they are gone.
#![allow(deprecated)]

use bytes::Bytes;
use http::HeaderMap;
use rmcp::model::{ClientCapabilities, LoggingLevel, RequestId};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    envelope::{self, Body, Limits, Message, Request},
    fault::{Fault, Rejection},
    headers, version,
    version::SessionVersion,
};

/// A POST, read.
#[derive(Debug, Clone)]
pub enum Call {
    /// A 2026-07-28 request: complete in itself, validated.
    Stateless(StatelessRequest),
    /// A 2026-07-28 notification: taken and forgotten, there is no state it could change.
    StatelessNotification,
    /// Something of a session, to be looked up.
    Session(SessionPost),
}

/// A 2026-07-28 request with its metadata.
#[derive(Debug, Clone)]
pub struct StatelessRequest {
    /// The request.
    pub request: Request,
    /// The least severe log message the client wants for this request; none if absent.
    pub log_level: Option<LoggingLevel>,
    /// Whether the client declared the tasks extension for this request.
    pub declares_tasks: bool,
}

/// A POST of a session revision.
#[derive(Debug, Clone)]
pub struct SessionPost {
    /// What the version header says, if there is one.
    pub version: Option<SessionVersion>,
    /// What the session header says, if there is one.
    pub session: Option<String>,
    /// The messages.
    pub body: Body,
}

/// Reads a POST.
pub fn read(headers: &HeaderMap, body: &Bytes, limits: Limits) -> Result<Call, Rejection> {
    match envelope::parse(body, limits)? {
        Body::One(Message::Request(request)) => read_request(headers, request),
        Body::One(message) if names_stateless(headers) => match message {
            // Without the id: it is one of ours, and the client could take it for its own request's.
            Message::Response(_) => Err(Fault::InvalidRequest(
                "2026-07-28 has no requests to clients, so there is nothing to answer".into(),
            )
            .into()),
            _ => Ok(Call::StatelessNotification),
        },
        Body::One(message) => session_post(headers, Body::One(message)),
        Body::Batch(_) if names_stateless(headers) => {
            Err(Fault::InvalidRequest("a body is one message, batches ended with 2025-03-26".into()).into())
        }
        batch @ Body::Batch(_) => session_post(headers, batch),
    }
}

fn names_stateless(headers: &HeaderMap) -> bool {
    // An unreadable version header is no signal; whoever needs it refuses it.
    headers::single(headers, headers::PROTOCOL_VERSION).ok().flatten().is_some_and(version::is_stateless)
}

fn read_request(headers: &HeaderMap, request: Request) -> Result<Call, Rejection> {
    let id = request.id.clone();
    let refuse = |fault: Fault| Rejection { fault, id: Some(id.clone()) };
    let parts = RequestParts::of(&request);
    let is_stateless = parts.as_ref().is_ok_and(RequestParts::names_version)
        || (request.method != "initialize" && names_stateless(headers))
        || request.method == "server/discover";
    if !is_stateless {
        return session_post(headers, Body::One(Message::Request(request)))
            .map_err(|rejection| Rejection { id: Some(id), ..rejection });
    }
    let parts = parts.map_err(refuse)?;
    let meta = parts.meta().map_err(refuse)?;
    check_headers(headers, &request, &parts, &meta).map_err(refuse)?;
    Ok(Call::Stateless(StatelessRequest { log_level: meta.log_level, declares_tasks: meta.tasks, request }))
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
    match headers::named_parameter(&request.method) {
        Some(field) => match parts.named(field) {
            Some(name) => headers::check_name(headers, field, &name),
            None => Err(Fault::InvalidParams {
                message: format!("params.{field} is required and must be a string"),
                data: None,
            }),
        },
        None => Ok(()),
    }
}

/// The version header of a session request. Unknown ones are refused with a session-era code.
pub fn session_version(headers: &HeaderMap) -> Result<Option<SessionVersion>, Fault> {
    let text = headers::single(headers, headers::PROTOCOL_VERSION).map_err(|_| {
        Fault::InvalidRequest("MCP-Protocol-Version must be given once, in visible ASCII".into())
    })?;
    text.map(|text| {
        SessionVersion::parse(text).ok_or_else(|| Fault::UnsupportedSessionVersion(text.to_owned()))
    })
    .transpose()
}

/// The session header. One that could not be an id of ours is the same as an unknown one.
pub fn session_id(headers: &HeaderMap) -> Result<Option<String>, Fault> {
    headers::single(headers, headers::SESSION_ID)
        .map(|id| id.map(str::to_owned))
        .map_err(|_| Fault::InvalidRequest("Mcp-Session-Id must be given once, in visible ASCII".into()))
}

fn session_post(headers: &HeaderMap, body: Body) -> Result<Call, Rejection> {
    // `initialize` negotiates in its body: whatever a header says, the answer is a version both sides speak.
    let is_initialize =
        matches!(&body, Body::One(Message::Request(request)) if request.method == "initialize");
    let version = if is_initialize { None } else { session_version(headers)? };
    if matches!(body, Body::Batch(_)) && version.is_some_and(|version| !version.has_batches()) {
        return Err(
            Fault::InvalidRequest("a body is one message, batches ended with 2025-03-26".into()).into()
        );
    }
    Ok(Call::Session(SessionPost { version, session: session_id(headers)?, body }))
}

#[derive(Deserialize)]
struct Outer<'a> {
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
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
    tasks: bool,
}

#[derive(Deserialize)]
struct RawMeta<'a> {
    #[serde(borrow, default, rename = "io.modelcontextprotocol/protocolVersion")]
    version: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "io.modelcontextprotocol/clientCapabilities")]
    capabilities: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "io.modelcontextprotocol/logLevel")]
    log_level: Option<&'a RawValue>,
}

impl<'a> RequestParts<'a> {
    fn of(request: &'a Request) -> Result<Self, Fault> {
        let outer: Outer<'_> = from_bytes(&request.raw)
            .map_err(|error| Fault::InvalidRequest(format!("params cannot be read: {error}")))?;
        let Some(params) = outer.params else { return Ok(Self::default()) };
        object(params)
            .map_err(|error| Fault::InvalidMeta(format!("params must be an object that holds it: {error}")))
    }

    /// The signal of a stateless request: the key is there, whatever it holds.
    fn names_version(&self) -> bool {
        self.raw_meta().is_ok_and(|meta| meta.is_some_and(|meta| meta.version.is_some()))
    }

    fn raw_meta(&self) -> Result<Option<RawMeta<'a>>, serde_json::Error> {
        self.meta.map(object).transpose()
    }

    fn meta(&self) -> Result<Meta, Fault> {
        let invalid = |text: &str| Fault::InvalidMeta(text.into());
        let meta = self
            .raw_meta()
            .map_err(|error| Fault::InvalidMeta(format!("params._meta must be an object: {error}")))?
            .ok_or_else(|| invalid("params._meta is required on every 2026-07-28 request"))?;
        let version =
            meta.version.ok_or_else(|| invalid("io.modelcontextprotocol/protocolVersion is required"))?;
        let version = serde_json::from_str(version.get())
            .map_err(|_| invalid("io.modelcontextprotocol/protocolVersion must be a string"))?;
        let capabilities = meta
            .capabilities
            .ok_or_else(|| invalid("io.modelcontextprotocol/clientCapabilities is required"))?;
        let capabilities: ClientCapabilities = object(capabilities).map_err(|error| {
            Fault::InvalidMeta(format!("io.modelcontextprotocol/clientCapabilities cannot be read: {error}"))
        })?;
        let log_level = meta
            .log_level
            .map(|level| serde_json::from_str(level.get()))
            .transpose()
            .map_err(|_| Fault::invalid_params(format!(
                "io.modelcontextprotocol/logLevel is {}: expected debug, info, notice, warning, error, critical, alert or emergency",
                meta.log_level.map_or("", RawValue::get)
            )))?;
        Ok(Meta { version, log_level, tasks: capabilities.supports_tasks() })
    }

    fn named(&self, field: &str) -> Option<String> {
        let raw = match field {
            "name" => self.name,
            "uri" => self.uri,
            _ => self.task_id,
        };
        raw.and_then(|raw| serde_json::from_str(raw.get()).ok())
    }
}

fn from_bytes<'a, T: Deserialize<'a>>(raw: &'a Bytes) -> Result<T, serde_json::Error> {
    serde_json::from_slice(raw)
}

/// serde reads a struct from an array too, by position; JSON-RPC means objects.
fn object<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Result<T, serde_json::Error> {
    if raw.get().starts_with('{') {
        serde_json::from_str(raw.get())
    } else {
        Err(serde::de::Error::custom("not an object"))
    }
}

/// The id a rejected body carried, for logs.
#[must_use]
pub fn id_text(id: Option<&RequestId>) -> String {
    id.map_or_else(|| "-".to_owned(), ToString::to_string)
}
