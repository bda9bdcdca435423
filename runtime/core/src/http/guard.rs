//! Checks of a request's host, origin and content type, before its body is read.
//!
//! A page in a browser can send requests to a server on the same machine, and DNS rebinding lets it read the responses.
//! So both the host name of a request and the origin of its page are checked.
//! <https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#security-warning>
//! (read 2026-11-20).

use http::{HeaderMap, Request, Uri, Version, header, request::Parts, uri::Authority};

use super::refusal::Refusal;
use crate::{
    config::{AllowList, Config, CorsConfig},
    ingress::HostCheck,
};

pub(super) fn check(config: &Config, parts: &Parts, check: HostCheck) -> Result<(), Refusal> {
    check_sender(config, &parts.headers, &parts.uri, check)
}

/// The same, of a request that is not taken apart.
#[cfg(feature = "start-page")]
pub(super) fn check_request<B>(
    config: &Config,
    request: &Request<B>,
    check: HostCheck,
) -> Result<(), Refusal> {
    check_sender(config, request.headers(), request.uri(), check)
}

fn check_sender(config: &Config, headers: &HeaderMap, uri: &Uri, check: HostCheck) -> Result<(), Refusal> {
    check_host(config, headers, uri, check)?;
    check_origin(&config.cors, headers)
}

/// Checks the name of the host alone.
pub(super) fn check_host(
    config: &Config,
    headers: &HeaderMap,
    uri: &Uri,
    check: HostCheck,
) -> Result<(), Refusal> {
    if check == HostCheck::Check || config.hosts != AllowList::Loopback {
        let named = named_host(headers, uri)?;
        let is_usual = config.hosts == AllowList::Loopback && named.is_some_and(is_loopback_with_port);
        let is_allowed = is_usual
            || match named.map(Host::parse) {
                Some(Some(host)) => host.is_in(&config.hosts),
                // A request whose target has no host says so with an empty field.
                Some(None) => config.hosts == AllowList::Any,
                None => true,
            };
        if !is_allowed {
            return Err(Refusal::Host(named.unwrap_or_default().to_owned()));
        }
    }
    Ok(())
}

/// Whether a request names a host of the loopback, and names it once.
#[cfg(feature = "start-page")]
pub(super) fn names_loopback<B>(request: &Request<B>) -> bool {
    let named = named_host(request.headers(), request.uri());
    named.is_ok_and(|host| host.and_then(Host::parse).is_some_and(|host| host.is_loopback()))
}

/// A request names its host once, and with nothing but a host and a port:
/// <https://www.rfc-editor.org/rfc/rfc9112#section-3.2> (read 2026-11-26). Before HTTP/1.1 it may be left out.
pub(super) fn check_host_field<B>(request: &Request<B>) -> Result<(), Refusal> {
    match named_host(request.headers(), request.uri())? {
        None if request.version() == Version::HTTP_11 => Err(Refusal::BadHost),
        Some(host) if !host.is_empty() && !is_loopback_with_port(host) && Host::parse(host).is_none() => {
            Err(Refusal::BadHost)
        }
        _ => Ok(()),
    }
}

fn named_host<'r>(headers: &'r HeaderMap, uri: &'r Uri) -> Result<Option<&'r str>, Refusal> {
    let mut fields = headers.get_all(header::HOST).iter();
    match (fields.next(), fields.next()) {
        (Some(_), Some(_)) => Err(Refusal::BadHost),
        (Some(host), None) => host.to_str().map(Some).map_err(|_| Refusal::BadHost),
        (None, _) => Ok(uri.authority().map(Authority::as_str)),
    }
}

pub(super) fn check_origin(cors: &CorsConfig, headers: &HeaderMap) -> Result<(), Refusal> {
    for origin in headers.get_all(header::ORIGIN) {
        let origin = origin.to_str().unwrap_or_default();
        if !allows_origin(&cors.origins, origin) {
            return Err(Refusal::Origin(origin.to_owned()));
        }
    }
    Ok(())
}

/// Whether a list contains an origin: a scheme, a host and a port, as
/// <https://www.rfc-editor.org/rfc/rfc6454#section-6.2> writes them (read 2026-11-26).
pub(super) fn allows_origin(origins: &AllowList, origin: &str) -> bool {
    match origins {
        AllowList::Any => true,
        AllowList::Loopback => origin.split_once("://").is_some_and(|(scheme, host)| {
            matches!(scheme, "http" | "https") && Host::parse(host).is_some_and(|host| host.is_loopback())
        }),
        AllowList::List(items) => items.iter().any(|item| item.eq_ignore_ascii_case(origin)),
    }
}

/// Whether a host is one that most requests to a local address name. The parser of URIs, which takes longer, finds the same.
fn is_loopback_with_port(text: &str) -> bool {
    let port = text.strip_prefix("127.0.0.1:").or_else(|| text.strip_prefix("localhost:"));
    port.is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok())
}

/// A host with its port, read by the parser of URIs.
struct Host(Authority);

impl Host {
    /// `None` for what is more than a host and a port, or less: user information, a path, a port that is no number.
    fn parse(text: &str) -> Option<Self> {
        let host: Authority = text.parse().ok()?;
        let port = host.as_str().strip_prefix(host.host())?;
        let is_port = |port: &str| port.is_empty() || port.parse::<u16>().is_ok();
        let is_whole = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        (is_whole && !host.host().is_empty()).then_some(Self(host))
    }

    fn is_loopback(&self) -> bool {
        let name = self.0.host();
        name.eq_ignore_ascii_case("localhost") || matches!(name, "127.0.0.1" | "[::1]")
    }

    /// A list names hosts with a port, or without one for any port.
    fn is_in(&self, hosts: &AllowList) -> bool {
        match hosts {
            AllowList::Any => true,
            AllowList::Loopback => self.is_loopback(),
            AllowList::List(items) => items.iter().any(|item| {
                item.eq_ignore_ascii_case(self.0.as_str()) || item.eq_ignore_ascii_case(self.0.host())
            }),
        }
    }
}

/// The body of a request is read as it is: no coding is undone.
/// <https://www.rfc-editor.org/rfc/rfc9110#section-8.4> (read 2026-11-26).
pub(super) fn check_content_encoding(headers: &HeaderMap) -> Result<(), Refusal> {
    for value in headers.get_all(header::CONTENT_ENCODING) {
        let codings = value.to_str().unwrap_or("?").split(',').map(str::trim);
        if codings.into_iter().any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity")) {
            return Err(Refusal::ContentEncoding);
        }
    }
    Ok(())
}

pub(super) fn check_content_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let essence = types
        .next()
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"));
    if essence && types.next().is_none() { Ok(()) } else { Err(Refusal::ContentType) }
}
