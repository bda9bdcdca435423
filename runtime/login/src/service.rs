//! The authorization server: from an HTTP request to its response.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::FutureExt;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header, request::Parts};
use http_body_util::BodyExt;
use mcp_lambda_core::{
    Ingress,
    config::LoginConfig,
    error::ConfigError,
    http::{Application, Body, full},
    session::StateStore,
    time::{Clock, Deadline},
};

use crate::{
    authorize, callback,
    client::registration,
    consent,
    error::OAuthError,
    limits, metadata,
    reply::{self, Ending},
    revoke,
    server::{Login, Outside},
    sign_in, token,
    upstream::Upstream,
    upstream_tokens::{UpstreamKeys, refreshed},
};

/// Builds the authorization server.
///
/// # Errors
///
/// When the configuration cannot be used.
pub fn application(
    config: &LoginConfig,
    store: Arc<dyn StateStore>,
    clock: Clock,
) -> Result<Application, ConfigError> {
    let login = Arc::new(Login::new(config, store, clock, Outside::default())?);
    Ok(Arc::new(move |request, ingress| {
        let login = Arc::clone(&login);
        async move { login.answer(request, ingress).await }.boxed()
    }))
}

impl Login {
    pub(crate) async fn answer(&self, request: Request<Body>, ingress: Ingress) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path();
        let own =
            if metadata::is_at(path, &self.path) { Some(METADATA) } else { path.strip_prefix(&*self.path) };
        match (own, &self.upstream_keys) {
            (Some(METADATA | metadata::JWKS), _) => self.open(&parts, &Method::GET, own, body, ingress).await,
            (Some(metadata::REGISTER | metadata::TOKEN | metadata::REVOKE), _) => {
                self.open(&parts, &Method::POST, own, body, ingress).await
            }
            (Some(metadata::UPSTREAM), Some(keys)) => {
                let answer = self.refreshed(keys, &parts, body, ingress.deadline).boxed().await;
                answer.unwrap_or_else(|error| reply::error(&error))
            }
            (Some(endpoint), _) => self.page(endpoint, &parts, body, ingress.deadline).await,
            (None, _) => not_found(),
        }
    }

    /// Answers a request that any page may send, because it counts no cookie and answers to no user.
    async fn open(
        &self,
        parts: &Parts,
        expected: &Method,
        endpoint: Option<&str>,
        body: Body,
        ingress: Ingress,
    ) -> Response<Body> {
        let method = &parts.method;
        let is_expected = method == expected || (expected == Method::GET && method == Method::HEAD);
        let mut response = if method == Method::OPTIONS {
            preflight(expected)
        } else if is_expected {
            let answer = self.call(endpoint.unwrap_or_default(), &parts.headers, body, ingress).await;
            answer.unwrap_or_else(|error| reply::error(&error))
        } else {
            wrong_method(if expected == Method::GET { "GET, OPTIONS" } else { "POST, OPTIONS" })
        };
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        response
    }

    /// Answers a client.
    async fn call(
        &self,
        endpoint: &str,
        headers: &HeaderMap,
        body: Body,
        ingress: Ingress,
    ) -> Result<Response<Body>, OAuthError> {
        Ok(match endpoint {
            metadata::REGISTER => {
                let body = json_body(headers, body).await?;
                self.registrations.count(&*self.store, &self.clock, ingress.client).await?;
                let registered = registration::register(&self.keys, &body, self.clock.now())?;
                reply::json(StatusCode::CREATED, &registered)
            }
            metadata::TOKEN => {
                let body = form_body(headers, body, limits::BODY).await?;
                reply::json(StatusCode::OK, &token::token(self, &body, ingress.deadline).boxed().await?)
            }
            metadata::REVOKE => {
                let body = form_body(headers, body, limits::BODY).await?;
                revoke::revoke(self, &body).await?;
                reply::json(StatusCode::OK, &serde_json::json!({}))
            }
            metadata::JWKS => reply::public_json(&self.signer.public(ingress.deadline).boxed().await?),
            _ => reply::public_json(&metadata::document(&self.config, self.signer.algorithm())),
        })
    }

    /// Answers the MCP server, which is no browser and no client.
    async fn refreshed(
        &self,
        keys: &UpstreamKeys,
        parts: &Parts,
        body: Body,
        deadline: Deadline,
    ) -> Result<Response<Body>, OAuthError> {
        if parts.method != Method::POST {
            return Ok(wrong_method("POST"));
        }
        let body = form_body(&parts.headers, body, limits::BODY).await?;
        Ok(reply::json(StatusCode::OK, &refreshed::refreshed(self, keys, &body, deadline).await?))
    }

    /// Answers a request of a browser that shows a page.
    async fn page(&self, endpoint: &str, parts: &Parts, body: Body, deadline: Deadline) -> Response<Body> {
        let headers = &parts.headers;
        let query = parts.uri.query().unwrap_or_default().as_bytes();
        if query.len() > limits::QUERY {
            return Ending::from(OAuthError::invalid_request("the query is too long")).response();
        }
        let is_get = matches!(parts.method, Method::GET | Method::HEAD);
        let is_post = parts.method == Method::POST;
        let answered = match (endpoint, &self.upstream) {
            (metadata::AUTHORIZE, _) if is_get => {
                authorize::authorize(self, headers, query, deadline).boxed().await
            }
            (metadata::CALLBACK, _) if is_get => {
                callback::callback(self, headers, query, deadline).boxed().await
            }
            (metadata::AUTHORIZE | metadata::CALLBACK, _) => return wrong_method("GET"),
            (metadata::CONSENT, _) if is_post => match form_body(headers, body, limits::FORM).await {
                Ok(form) => consent::decided(self, headers, &form).boxed().await,
                Err(error) => Err(error.into()),
            },
            (metadata::CONSENT, _) => return wrong_method("POST"),
            (metadata::SIGN_IN, Upstream::Local(_)) if is_get => sign_in::shown(self, query),
            (metadata::SIGN_IN, Upstream::Local(local)) if is_post => {
                match form_body(headers, body, limits::FORM).await {
                    Ok(form) => sign_in::sent(self, local, headers, &form),
                    Err(error) => Err(error.into()),
                }
            }
            (metadata::SIGN_IN, Upstream::Local(_)) => return wrong_method("GET, POST"),
            _ => return not_found(),
        };
        answered.unwrap_or_else(|ending| ending.response())
    }
}

/// Stands for the paths of the metadata. No path has its first character.
const METADATA: &str = "\0metadata";

async fn json_body(headers: &HeaderMap, body: Body) -> Result<Bytes, OAuthError> {
    if !has_type(headers, "application/json") {
        return Err(OAuthError::invalid_client_metadata("the Content-Type must be application/json"));
    }
    collected(body, limits::BODY).await
}

async fn form_body(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, OAuthError> {
    if !has_type(headers, "application/x-www-form-urlencoded") {
        return Err(OAuthError::invalid_request(
            "the Content-Type must be application/x-www-form-urlencoded",
        ));
    }
    collected(body, limit).await
}

fn has_type(headers: &HeaderMap, expected: &str) -> bool {
    let found = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    found.split(';').next().is_some_and(|found| found.trim().eq_ignore_ascii_case(expected))
}

async fn collected(body: Body, limit: usize) -> Result<Bytes, OAuthError> {
    match tokio::time::timeout(limits::BODY_TIME, within(body, limit)).await {
        Ok(Some(body)) => Ok(body),
        Ok(None) => {
            let large = format!("the body is larger than {limit} bytes, or broke off");
            Err(OAuthError::invalid_request(large).with_status(StatusCode::PAYLOAD_TOO_LARGE))
        }
        Err(_) => {
            let slow = OAuthError::invalid_request("the body did not arrive in time");
            Err(slow.with_status(StatusCode::REQUEST_TIMEOUT))
        }
    }
}

/// The whole body. `None`: it is larger than the limit, or has broken off.
async fn within(mut body: Body, limit: usize) -> Option<Bytes> {
    let mut collected = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.ok()?.into_data() else { continue };
        if collected.len() + data.len() > limit {
            return None;
        }
        collected.extend_from_slice(&data);
    }
    Some(collected.freeze())
}

fn preflight(method: &Method) -> Response<Body> {
    let mut response = Response::new(full(""));
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    let methods = HeaderValue::from_static(if method == Method::GET { "GET" } else { "POST" });
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    let allowed = HeaderValue::from_static("Accept, Content-Type, MCP-Protocol-Version");
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("3600"));
    response
}

fn wrong_method(allowed: &'static str) -> Response<Body> {
    let error = OAuthError::invalid_request(format!("the method must be one of {allowed}"));
    let mut response = reply::error(&error.with_status(StatusCode::METHOD_NOT_ALLOWED));
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    response
}

fn not_found() -> Response<Body> {
    reply::error(
        &OAuthError::invalid_request("there is nothing at this path").with_status(StatusCode::NOT_FOUND),
    )
}
