//! A request as it arrived, and the pieces all event formats are made of.

use std::{borrow::Cow, collections::BTreeMap, net::SocketAddr};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Version,
    header::{CONTENT_ENCODING, CONTENT_TYPE, HOST, USER_AGENT},
};
use hyper::body::Incoming;

use super::Refusal;
use crate::{
    body::{self, Unread},
    clock,
};

/// A request as it arrived, read to its end.
pub(crate) struct Arrived {
    pub(crate) method: Method,
    /// As written, without the query.
    pub(crate) path: String,
    /// As written, without the question mark.
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) protocol: &'static str,
    pub(crate) peer: SocketAddr,
    pub(crate) time_ms: u64,
}

impl Arrived {
    /// Reads the request and adds the ingress's own headers: the address of the client, and the trace id.
    ///
    /// `Host` stays what the client wrote, and `X-Forwarded-*` describe this machine, so that links a
    /// function makes of them lead back to the emulator.
    pub(crate) async fn read(
        request: Request<Incoming>,
        peer: SocketAddr,
        limit: usize,
        (port, trace_id): (u16, &str),
    ) -> Result<Self, Refusal> {
        let (parts, incoming) = request.into_parts();
        let body = body::read(incoming, limit).await.map_err(|unread| match unread {
            Unread::TooLarge => Refusal::TooLarge,
            // The client has left, so no response can be sent.
            Unread::CutOff => Refusal::BadFunction,
        })?;
        let mut headers = parts.headers;
        headers.remove("transfer-encoding");
        let mut set = |name: &'static str, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        set("x-forwarded-for", &peer.ip().to_string());
        set("x-forwarded-port", &port.to_string());
        set("x-forwarded-proto", "http");
        set("x-amzn-trace-id", trace_id);
        let protocol = if parts.version == Version::HTTP_10 { "HTTP/1.0" } else { "HTTP/1.1" };
        Ok(Arrived {
            method: parts.method,
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers,
            body,
            protocol,
            peer,
            time_ms: clock::epoch_ms(),
        })
    }

    /// A header's value, for the fields that repeat one.
    pub(crate) fn header(&self, name: impl http::header::AsHeaderName) -> Cow<'_, str> {
        self.headers.get(name).map(text).unwrap_or_default()
    }

    pub(crate) fn user_agent(&self) -> Cow<'_, str> {
        self.header(USER_AGENT)
    }

    pub(crate) fn host(&self) -> Cow<'_, str> {
        self.header(HOST)
    }

    /// The body as a string, and whether that is base64: of everything that is not known to be text, and of text
    /// that is not UTF-8.
    pub(crate) fn body(&self) -> (Option<Cow<'_, str>>, bool) {
        if self.body.is_empty() {
            return (None, false);
        }
        match std::str::from_utf8(&self.body) {
            Ok(body) if self.is_text() => (Some(body.into()), false),
            _ => (Some(BASE64_STANDARD.encode(&self.body).into()), true),
        }
    }

    /// The media types ALB documents as text; HTTP APIs and Function URLs do not say theirs and are seen to add JSON
    /// and XML dialects.
    fn is_text(&self) -> bool {
        let content_type = self.header(CONTENT_TYPE).to_ascii_lowercase();
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        let text = media_type.starts_with("text/")
            || matches!(media_type, "application/json" | "application/javascript" | "application/xml")
            || media_type.ends_with("+json")
            || media_type.ends_with("+xml");
        text && !self.headers.contains_key(CONTENT_ENCODING)
    }

    /// Lower-case names; the values of a repeated header joined by commas.
    pub(crate) fn joined_headers(&self) -> BTreeMap<&str, Cow<'_, str>> {
        let joined = |name| {
            let mut values = self.headers.get_all(name).iter().map(text);
            let first = values.next().unwrap_or_default();
            values.fold(first, |all, value| format!("{all},{value}").into())
        };
        self.headers.keys().map(|name| (name.as_str(), joined(name))).collect()
    }

    /// The last value of each header, as formats with single values keep it.
    pub(crate) fn last_headers(&self) -> BTreeMap<&str, Cow<'_, str>> {
        self.headers.iter().map(|(name, value)| (name.as_str(), text(value))).collect()
    }

    pub(crate) fn all_headers(&self) -> BTreeMap<&str, Vec<Cow<'_, str>>> {
        let mut all: BTreeMap<&str, Vec<Cow<'_, str>>> = BTreeMap::new();
        for (name, value) in &self.headers {
            all.entry(name.as_str()).or_default().push(text(value));
        }
        all
    }

    /// The cookies of all `Cookie` headers, one by one.
    pub(crate) fn cookies(&self) -> Vec<String> {
        let lines = self.headers.get_all(http::header::COOKIE).iter().map(text);
        lines
            .flat_map(|line| line.split(';').map(|cookie| cookie.trim().to_owned()).collect::<Vec<_>>())
            .filter(|cookie| !cookie.is_empty())
            .collect()
    }

    /// Decoded query parameters, every value.
    pub(crate) fn decoded_query(&self) -> BTreeMap<String, Vec<String>> {
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(self.query.as_bytes()) {
            all.entry(name.into_owned()).or_default().push(value.into_owned());
        }
        all
    }

    /// Query parameters as written, as ALB passes them on.
    pub(crate) fn written_query(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut all: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for pair in self.query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            all.entry(name).or_default().push(value);
        }
        all
    }
}

fn text(value: &HeaderValue) -> Cow<'_, str> {
    String::from_utf8_lossy(value.as_bytes())
}

/// `None` for what AWS writes as `null`, or leaves out, when it is empty.
pub(crate) fn some<K, V>(map: BTreeMap<K, V>) -> Option<BTreeMap<K, V>> {
    (!map.is_empty()).then_some(map)
}

/// The last of every value.
pub(crate) fn last<K: Ord + Clone, V: Clone>(all: &BTreeMap<K, Vec<V>>) -> BTreeMap<K, V> {
    all.iter().filter_map(|(name, values)| Some((name.clone(), values.last()?.clone()))).collect()
}
