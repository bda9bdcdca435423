//! What is refused before anything is read.
//!
//! A browser on any page can send requests to a server on its own machine, and DNS rebinding lets that page read the
//! answers; so both the name we are called by and the page that calls are checked.
//! <https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#security-warning>
//! (read 2026-11-20).

use http::{HeaderMap, header, request::Parts, uri::Authority};

use super::{allows, reply::Refusal};
use crate::{
    config::{AllowList, Config, CorsConfig},
    ingress::HostCheck,
};

pub(super) fn check(config: &Config, parts: &Parts, host: HostCheck) -> Result<(), Refusal> {
    if host == HostCheck::Check || config.hosts != AllowList::Loopback {
        check_host(config, parts)?;
    }
    check_origin(&config.cors, &parts.headers)
}

fn check_host(config: &Config, parts: &Parts) -> Result<(), Refusal> {
    let header = parts.headers.get(header::HOST).map(|host| host.to_str().unwrap_or_default());
    let Some(host) = header.or_else(|| parts.uri.authority().map(Authority::as_str)) else { return Ok(()) };
    if parts.headers.get_all(header::HOST).iter().count() > 1 {
        return Err(Refusal::Host(host.to_owned()));
    }
    let name = host_name(host);
    let allowed =
        allows(&config.hosts, host, is_loopback_host) || allows(&config.hosts, name, is_loopback_host);
    if allowed { Ok(()) } else { Err(Refusal::Host(host.to_owned())) }
}

pub(super) fn check_origin(cors: &CorsConfig, headers: &HeaderMap) -> Result<(), Refusal> {
    for origin in headers.get_all(header::ORIGIN) {
        let origin = origin.to_str().unwrap_or_default();
        if !allows(&cors.origins, origin, is_loopback_origin) {
            return Err(Refusal::Origin(origin.to_owned()));
        }
    }
    Ok(())
}

pub(super) fn is_loopback_origin(origin: &str) -> bool {
    origin
        .split_once("://")
        .is_some_and(|(scheme, host)| matches!(scheme, "http" | "https") && is_loopback_host(host_name(host)))
}

fn is_loopback_host(host: &str) -> bool {
    let name = host_name(host);
    name.eq_ignore_ascii_case("localhost") || matches!(name, "127.0.0.1" | "[::1]" | "::1")
}

/// A host without its port.
fn host_name(host: &str) -> &str {
    if let Some(end) = host.find(']') {
        return &host[..=end];
    }
    host.rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()))
        .map_or(host, |(name, _)| name)
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
