//! Responses.

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use mcp_lambda_core::http::{Body, full};
use serde_json::Value;
use url::Url;

use crate::{
    consent::page::{self, ErrorPage, Page},
    error::OAuthError,
    request::AuthorizationRequest,
};

/// The end of a login without a redirect to its client: a page for its user.
#[derive(Debug)]
pub(crate) struct Ending {
    status: StatusCode,
    title: &'static str,
    text: String,
}

impl Ending {
    fn new(title: &'static str, text: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, title, text: text.into() }
    }

    /// The state is none of this server, or too old, or was used.
    pub(crate) fn stale() -> Self {
        Self::new(
            "This login has ended",
            "It took too long, or it was answered already. Start again in your MCP client.",
        )
    }

    /// The request comes from another browser than the one in which the login began, or from another site.
    pub(crate) fn other_browser() -> Self {
        let text = "This browser is not the one in which the login began, or it takes no cookies. Start again in your MCP client.";
        Self { status: StatusCode::FORBIDDEN, ..Self::new("This login began elsewhere", text) }
    }

    pub(crate) fn changed_client() -> Self {
        let text = "The description of the MCP client has changed since the login began. Start again in your MCP client.";
        Self::new("This client has changed", text)
    }

    pub(crate) fn failed() -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self { status, ..Self::new("The login has failed", "Try again in a moment.") }
    }

    pub(crate) fn response(&self) -> Response<Body> {
        let mut response = page(&page::error(&ErrorPage { title: self.title, text: &self.text }));
        *response.status_mut() = self.status;
        response
    }
}

/// An error of a request before its redirect URI is known to be the client's: the user sees it.
impl From<OAuthError> for Ending {
    fn from(error: OAuthError) -> Self {
        let text = format!(
            "The MCP client has sent a request that this server does not accept: {}.",
            error.description
        );
        Self { status: error.status, ..Self::new("This login cannot begin", text) }
    }
}

/// A page, with the headers that keep it alone.
pub(crate) fn page(page: &Page) -> Response<Body> {
    let mut response = Response::new(full(page.html.clone()));
    *response.headers_mut() = page.headers();
    response
}

/// A redirect of a browser, which asks for the target with GET. `None`: the target is no header value.
pub(crate) fn redirect(target: &str) -> Option<Response<Body>> {
    let mut response = Response::new(full(""));
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, HeaderValue::from_str(target).ok()?);
    private(headers);
    Some(response)
}

/// Where a client is answered: its redirect URI, and its `state`.
pub(crate) struct ToClient<'a> {
    issuer: &'a str,
    uri: &'a str,
    state: Option<&'a str>,
}

impl<'a> ToClient<'a> {
    pub(crate) fn new(issuer: &'a str, uri: &'a str, state: Option<&'a str>) -> Self {
        Self { issuer, uri, state }
    }

    pub(crate) fn of(issuer: &'a str, request: &'a AuthorizationRequest) -> Self {
        Self::new(issuer, &request.redirect_uri, request.state.as_deref())
    }

    /// Sends a code.
    pub(crate) fn code(&self, code: &str) -> Response<Body> {
        self.redirect(&[("code", code)])
    }

    /// Sends an error.
    pub(crate) fn error(&self, error: &OAuthError) -> Response<Body> {
        self.redirect(&[("error", error.code), ("error_description", &error.description)])
    }

    /// Every answer names the issuer, so that a client knows which server it is from:
    /// <https://www.rfc-editor.org/rfc/rfc9207> (read 2026-11-28).
    fn redirect(&self, pairs: &[(&str, &str)]) -> Response<Body> {
        let Ok(mut url) = Url::parse(self.uri) else { return Ending::failed().response() };
        url.query_pairs_mut()
            .extend_pairs(pairs)
            .extend_pairs(self.state.map(|state| ("state", state)))
            .append_pair("iss", self.issuer);
        redirect(url.as_str()).unwrap_or_else(|| Ending::failed().response())
    }
}

/// JSON that no cache keeps.
pub(crate) fn json(status: StatusCode, value: &Value) -> Response<Body> {
    let mut response = public_json(value);
    *response.status_mut() = status;
    private(response.headers_mut());
    response
}

/// JSON that any cache may keep for five minutes.
pub(crate) fn public_json(value: &Value) -> Response<Body> {
    let mut response = Response::new(full(value.to_string()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// An error of an endpoint that clients call.
pub(crate) fn error(error: &OAuthError) -> Response<Body> {
    let mut response = json(error.status, &error.json());
    if error.status == StatusCode::TOO_MANY_REQUESTS {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
    }
    response
}

/// No cache keeps it, and what it leads to learns no URL of this server.
fn private(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}
