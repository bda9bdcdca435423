//! An HTTP event as a request.
//!
//! Converted here and not with `lambda_http`: it panics on a body whose base64 is cut short and on a path that is no
//! URI, and both can be sent by anybody who reaches the front.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};

use serde_json::value::RawValue;

use super::{
    classify::{HttpEvent, IngressKind},
    identity::{self, Shape},
};
use mcp_lambda_core::{
    auth::GatewayIdentity,
    http::{Body, full},
};

/// What an HTTP event holds that no HTTP request could.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadRequest {
    #[error("the method {0:?} is not an HTTP method")]
    Method(String),
    #[error("the path or query is not a URI: {0}")]
    Uri(#[from] http::uri::InvalidUri),
    #[error("the body is marked as base64 and cannot be decoded: {0}")]
    Base64(#[from] base64::DecodeError),
}

/// Makes the request every front makes.
pub(super) fn request(event: &HttpEvent<'_>, ingress: IngressKind) -> Result<Request<Body>, BadRequest> {
    let mut request = Request::new(full(body(event)?));
    *request.method_mut() = method(event)?;
    *request.uri_mut() = uri(event, ingress)?;
    *request.headers_mut() = headers(event);
    if ingress == IngressKind::RestApi {
        // REST APIs hand a body in base64 on as that text, unless they list its type as binary; they compress themselves.
        request.headers_mut().remove(header::ACCEPT_ENCODING);
    }
    if let Some(identity) = gateway_identity(event, ingress) {
        request.extensions_mut().insert(identity);
    }
    Ok(request)
}

/// Whom the front has let in. No client can write what this is read from.
fn gateway_identity(event: &HttpEvent<'_>, ingress: IngressKind) -> Option<GatewayIdentity> {
    let shape = match ingress {
        IngressKind::RestApi => Shape::V1,
        IngressKind::FunctionUrl | IngressKind::HttpApi => Shape::V2,
        // Its own login puts what it knows into headers, which whoever reaches the function another way can write too.
        IngressKind::Alb { .. } => return None,
    };
    let context = event.request_context.as_ref()?;
    identity::read(shape, context.authorizer.map(RawValue::get), context.identity.map(RawValue::get))
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

/// HTTP APIs put the stage before the path, except for `$default`. Routes are written without it.
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

/// REST APIs decode the query, load balancers pass it on as it was sent.
fn query(event: &HttpEvent<'_>, ingress: IngressKind) -> String {
    let encode = |text: &str| match ingress {
        IngressKind::Alb { .. } => text.to_owned(),
        _ => percent_encode(text),
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

/// Everything but RFC 3986's unreserved characters.
fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte.into()),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Header names and values that no HTTP front could have received are left out.
fn headers(event: &HttpEvent<'_>) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(16);
    let mut add = |name: &str, value: &str| {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            headers.append(name, value);
        }
    };
    // REST APIs send both; the lists hold all values, the single ones only the last.
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
