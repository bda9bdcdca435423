//! An HTTP event as a request.
//!
//! `lambda_http` is not used for the conversion: it panics on a truncated base64 body and on a path that is not a URI, and
//! any client of the gateway can send both.

use std::{borrow::Cow, net::IpAddr};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    classify::{HttpEvent, IngressKind},
    identity::{self, PayloadFormat},
};
use mcp_lambda_core::{
    auth::GatewayIdentity,
    http::{Body, full},
};

/// The event contains a value that an HTTP request cannot have.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadRequest {
    #[error("the method {0:?} is not an HTTP method")]
    Method(String),
    #[error("the path or query is not a URI: {0}")]
    Uri(#[from] http::uri::InvalidUri),
    #[error("the body is marked as base64 and cannot be decoded: {0}")]
    Base64(#[from] base64::DecodeError),
}

/// Converts the event of a gateway into an HTTP request.
pub(super) fn request(event: &HttpEvent<'_>, ingress: IngressKind) -> Result<Request<Body>, BadRequest> {
    let mut request = Request::new(full(body(event)?));
    *request.method_mut() = method(event)?;
    *request.uri_mut() = uri(event, ingress)?;
    *request.headers_mut() = headers(event);
    if ingress == IngressKind::RestApi {
        // A REST API passes on a base64 body as text, unless its type is one of the API's binary media types. So the
        // response must not be compressed; the REST API can compress it.
        request.headers_mut().remove(header::ACCEPT_ENCODING);
    }
    if let Some(identity) = gateway_identity(event, ingress) {
        request.extensions_mut().insert(identity);
    }
    if let Some(client) = client(event, ingress, request.headers()) {
        request.extensions_mut().insert(ClientAddress(client));
    }
    Ok(request)
}

/// The address of the client, as the gateway has seen it.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClientAddress(pub(super) IpAddr);

/// Each gateway says in the request context who has connected to it. A load balancer appends the address to
/// `X-Forwarded-For`; what stands before it in that header, and in the header behind any other gateway, is the client's.
fn client(event: &HttpEvent<'_>, ingress: IngressKind, headers: &HeaderMap) -> Option<IpAddr> {
    #[derive(Deserialize)]
    struct Identity<'a> {
        #[serde(borrow, rename = "sourceIp")]
        source_ip: Option<Cow<'a, str>>,
    }
    let context = event.request_context.as_ref()?;
    match ingress {
        IngressKind::FunctionUrl | IngressKind::HttpApi => {
            context.http.as_ref()?.source_ip.as_ref()?.parse().ok()
        }
        IngressKind::RestApi => {
            let identity: Identity<'_> = serde_json::from_str(context.identity?.get()).ok()?;
            identity.source_ip?.parse().ok()
        }
        IngressKind::Alb { .. } => {
            let forwarded = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
            forwarded.rsplit(',').next()?.trim().parse().ok()
        }
    }
}

/// The identity of the caller that the gateway has authenticated. A client cannot set the request context.
fn gateway_identity(event: &HttpEvent<'_>, ingress: IngressKind) -> Option<GatewayIdentity> {
    let format = match ingress {
        IngressKind::RestApi => PayloadFormat::V1,
        IngressKind::FunctionUrl | IngressKind::HttpApi => PayloadFormat::V2,
        // A load balancer passes on the identity in headers, which a caller that reaches the function by another way can
        // set too.
        IngressKind::Alb { .. } => return None,
    };
    let context = event.request_context.as_ref()?;
    identity::read(format, context.authorizer.map(RawValue::get), context.identity.map(RawValue::get))
}

fn method(event: &HttpEvent<'_>) -> Result<Method, BadRequest> {
    let context = event.request_context.as_ref().and_then(|context| context.http.as_ref());
    let method = context.map(|http| &http.method).or(event.http_method.as_ref()).map_or("", |method| method);
    method.parse().map_err(|_| BadRequest::Method(method.to_owned()))
}

fn body(event: &HttpEvent<'_>) -> Result<Bytes, BadRequest> {
    Ok(match (&event.body, event.is_base64_encoded) {
        (None, _) => Bytes::new(),
        (Some(body), Some(true)) => STANDARD.decode(body.as_bytes())?.into(),
        (Some(body), _) => Bytes::copy_from_slice(body.as_bytes()),
    })
}

fn uri(event: &HttpEvent<'_>, ingress: IngressKind) -> Result<Uri, BadRequest> {
    let path =
        event.raw_path.as_deref().or(event.path.as_deref()).filter(|path| !path.is_empty()).unwrap_or("/");
    let path = without_stage(event, path);
    let query = match &event.raw_query_string {
        Some(query) => Cow::Borrowed(&**query),
        None => Cow::Owned(query(event, ingress)),
    };
    Ok(if query.is_empty() { path.parse()? } else { format!("{path}?{query}").parse()? })
}

/// The path without the stage: HTTP APIs put the stage before the path, except for `$default`.
fn without_stage<'p>(event: &HttpEvent<'_>, path: &'p str) -> &'p str {
    let stage = event.request_context.as_ref().and_then(|context| context.stage.as_deref());
    let Some(stage) = stage.filter(|stage| *stage != "$default" && event.raw_path.is_some()) else {
        return path;
    };
    match path.strip_prefix('/').and_then(|path| path.strip_prefix(stage)) {
        Some("") => "/",
        Some(rest) if rest.starts_with('/') => rest,
        _ => path,
    }
}

/// The characters that are encoded in a query: all but RFC 3986's unreserved characters.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The query string. REST APIs decode its names and values; load balancers pass them on unchanged.
fn query(event: &HttpEvent<'_>, ingress: IngressKind) -> String {
    let encode = |text: &str| match ingress {
        IngressKind::Alb { .. } => text.to_owned(),
        _ => utf8_percent_encode(text, QUERY).to_string(),
    };
    let mut pairs = Vec::new();
    if let Some(all) = &event.multi_value_query_string_parameters {
        for (name, values) in all {
            pairs.extend(values.iter().flatten().map(|value| format!("{}={}", encode(name), encode(value))));
        }
    } else if let Some(single) = &event.query_string_parameters {
        for (name, value) in single {
            pairs.push(format!("{}={}", encode(name), encode(value.as_deref().unwrap_or_default())));
        }
    }
    pairs.join("&")
}

/// The headers of the request. Names and values that are not valid in HTTP are left out.
fn headers(event: &HttpEvent<'_>) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(16);
    let mut add = |name: &str, value: &str| {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            headers.append(name, value);
        }
    };
    // A REST API sends both fields: `multiValueHeaders` has all values, `headers` only the last one of each name.
    if let Some(all) = &event.multi_value_headers {
        for (name, values) in all {
            values.iter().for_each(|value| add(name, value));
        }
    } else {
        for (name, value) in event.headers.iter().flatten() {
            add(name, value);
        }
    }
    if let Some(cookies) = event.cookies.as_ref().filter(|cookies| !cookies.is_empty()) {
        add(header::COOKIE.as_str(), &cookies.join("; "));
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The address that a client cannot choose, of each gateway; what it writes into `X-Forwarded-For` is not believed.
    #[test]
    fn the_address_of_a_client_is_the_one_that_its_gateway_has_seen() {
        let forged = r#""headers":{"x-forwarded-for":"203.0.113.9, 192.0.2.7"}"#;
        let v2 =
            format!(r#"{{{forged},"requestContext":{{"http":{{"method":"POST","sourceIp":"192.0.2.1"}}}}}}"#);
        let v1 = format!(r#"{{{forged},"requestContext":{{"identity":{{"sourceIp":"192.0.2.1"}}}}}}"#);
        let alb = format!(r#"{{{forged},"requestContext":{{"elb":{{}}}}}}"#);
        for (event, ingress, expected) in [
            (&v2, IngressKind::FunctionUrl, Some("192.0.2.1")),
            (&v2, IngressKind::HttpApi, Some("192.0.2.1")),
            (&v1, IngressKind::RestApi, Some("192.0.2.1")),
            (&alb, IngressKind::Alb { multi_value: false }, Some("192.0.2.7")),
            (&v1, IngressKind::FunctionUrl, None),
        ] {
            let event: HttpEvent<'_> = serde_json::from_str(event).expect("an event");
            let found = client(&event, ingress, &headers(&event));
            assert_eq!(found, expected.map(|address| address.parse().expect("an address")), "{ingress:?}");
        }
    }
}
