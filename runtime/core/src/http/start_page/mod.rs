//! The page of a local server, for people: what runs here, with forms to call it, its events and its tasks.
//!
//! The document holds no data but the path of the endpoint. Its script is a client of the endpoint like any other, under the same
//! rules for hosts, origins, tokens and scopes, so the page can do no more than any other client.
//!
//! By default it is served to this machine only, at the names of the loopback, and never on Lambda:
//! [`Config::start_page`](crate::config::Config::start_page).

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, header};
use sha2::{Digest, Sha256};

use super::{Body, body, guard, reply};
use crate::{
    config::Config,
    ingress::{HostCheck, Ingress},
    telemetry::ServedRequest,
};

/// The path of the page.
const PATH: &str = "/";
const HTML: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
/// One script: its parts share one scope.
const SCRIPT: &str = concat!(
    "'use strict';\n",
    include_str!("client.js"),
    include_str!("form.js"),
    include_str!("view.js"),
    include_str!("main.js"),
);

/// The page, and the headers that bind it.
pub(super) struct StartPage {
    document: Bytes,
    policy: HeaderValue,
    /// Whether it is served under every name that the server has, and on Lambda.
    is_everywhere: bool,
}

impl StartPage {
    /// The page that the configuration asks for, if it asks for one.
    pub(super) fn of(config: &Config) -> Option<Self> {
        if !config.start_page.unwrap_or(config.runtime_api.is_none()) {
            return None;
        }
        let endpoint = escaped(&config.path);
        let document = HTML
            .replacen("{endpoint}", &endpoint, 1)
            .replacen("{style}", STYLE, 1)
            .replacen("{script}", SCRIPT, 1);
        let policy = HeaderValue::try_from(policy()).ok()?;
        Some(Self { document: document.into(), policy, is_everywhere: config.start_page == Some(true) })
    }

    /// The response to a request for the page. `None`: the request is for something else, or the page is not for its sender.
    pub(super) fn answer(&self, config: &Config, request: &Request<Body>) -> Option<Response<Body>> {
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        if !is_read || request.uri().path() != PATH || !accepts_html(request) {
            return None;
        }
        let ingress = request.extensions().get::<Ingress>().copied();
        if !self.is_everywhere && !is_local(request, ingress) {
            return None;
        }
        let check = ingress.map_or(HostCheck::Check, |ingress| ingress.host);
        if let Err(refusal) = guard::check_request(config, request, check) {
            return Some(reply::refusal(&refusal, &ServedRequest::of(request.extensions())));
        }
        let is_head = *request.method() == Method::HEAD;
        let mut response =
            Response::new(body::full(if is_head { Bytes::new() } else { self.document.clone() }));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, self.policy.clone());
        for (name, value) in HEADERS {
            headers.insert(name, HeaderValue::from_static(value));
        }
        Some(response)
    }
}

/// The headers beside the content security policy. `no-store`: the page belongs to the program that runs at the moment.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_TYPE, "text/html; charset=utf-8"),
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// What the page may do: run this one script, use this one style, and call its own server. Images and sounds of results are in
/// `data:` URLs.
fn policy() -> String {
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; connect-src 'self'; img-src data:; media-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
        hash(SCRIPT),
        hash(STYLE),
    )
}

fn hash(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text))
}

/// A text as the value of an attribute.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;")
}

/// Whether the sender names HTML, as browsers do: `*/*` alone is a program.
fn accepts_html(request: &Request<Body>) -> bool {
    let values = request.headers().get_all(header::ACCEPT).into_iter();
    let mut ranges = values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    ranges.any(|range| {
        range.split(';').next().is_some_and(|name| name.trim().eq_ignore_ascii_case("text/html"))
    })
}

/// Whether a request comes from this machine to a name of the loopback. A page of the web can make a name of its own resolve to the
/// loopback (DNS rebinding), but not send another `Host`.
fn is_local(request: &Request<Body>, ingress: Option<Ingress>) -> bool {
    let client = ingress.and_then(|ingress| ingress.client);
    guard::names_loopback(request) && client.is_none_or(|client| client.is_loopback())
}
