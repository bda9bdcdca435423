//! The server as an OAuth 2.0 protected resource: its metadata and the `WWW-Authenticate` header.
//!
//! <https://www.rfc-editor.org/rfc/rfc9728>, <https://www.rfc-editor.org/rfc/rfc6750#section-3>,
//! <https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization> (read 2026-11-20).

use http::{HeaderMap, HeaderValue, header, uri::Authority};
use serde_json::{Value, json};

use super::AuthConfig;

/// The path of the metadata of a protected resource, to which the path of the endpoint is appended.
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// This server as a protected resource.
#[derive(Debug, Clone)]
pub(crate) struct ProtectedResource {
    path: String,
    public_url: Option<String>,
    issuer: Option<String>,
    /// The scopes that every caller needs.
    scopes: Vec<String>,
    /// The scopes that tools require.
    tool_scopes: Vec<String>,
}

/// The error codes of <https://www.rfc-editor.org/rfc/rfc6750#section-3.1>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenError {
    InvalidRequest,
    InvalidToken,
    InsufficientScope,
}

impl ProtectedResource {
    pub(crate) fn of(config: &AuthConfig, path: &str) -> Self {
        let jwt = config.jwt.as_ref();
        Self {
            path: path.to_owned(),
            public_url: config.public_url.clone(),
            issuer: jwt.map(|jwt| jwt.issuer.clone()),
            scopes: jwt.map(|jwt| jwt.scopes.clone()).unwrap_or_default(),
            tool_scopes: config.tools.all(),
        }
    }

    /// Adds scopes that tools require.
    #[cfg(feature = "tool-definitions")]
    pub(crate) fn extend_scopes(&mut self, scopes: impl Iterator<Item = String>) {
        for scope in scopes {
            if !self.tool_scopes.contains(&scope) {
                self.tool_scopes.push(scope);
            }
        }
    }

    /// The paths that serve [`ProtectedResource::metadata`]. There are none without an issuer.
    pub(crate) fn paths(&self) -> Vec<String> {
        if self.issuer.is_none() {
            return Vec::new();
        }
        let root = WELL_KNOWN.to_owned();
        if self.path == "/" { vec![root] } else { vec![format!("{WELL_KNOWN}{}", self.path), root] }
    }

    /// The metadata of RFC 9728.
    pub(crate) fn metadata(&self, request: &HeaderMap) -> Value {
        let mut scopes = self.scopes.clone();
        scopes.extend(self.tool_scopes.iter().filter(|scope| !self.scopes.contains(scope)).cloned());
        let mut document = json!({
            "resource": format!("{}{}", self.base(request), self.path),
            "authorization_servers": [self.issuer],
            "bearer_methods_supported": ["header"],
        });
        if !scopes.is_empty() {
            document["scopes_supported"] = scopes.into();
        }
        document
    }

    /// The `WWW-Authenticate` header: the error, if there is one, the required scopes, and the URL of the metadata.
    pub(crate) fn challenge(
        &self,
        request: &HeaderMap,
        error: Option<(TokenError, &str)>,
        needed: &[String],
    ) -> Option<HeaderValue> {
        let mut parts = Vec::new();
        if let Some((error, description)) = error {
            let error = match error {
                TokenError::InvalidRequest => "invalid_request",
                TokenError::InvalidToken => "invalid_token",
                TokenError::InsufficientScope => "insufficient_scope",
            };
            parts.push(format!("error=\"{error}\", error_description=\"{description}\""));
        }
        let mut scopes = self.scopes.clone();
        scopes.extend(needed.iter().filter(|scope| !self.scopes.contains(scope)).cloned());
        if !scopes.is_empty() {
            parts.push(format!("scope=\"{}\"", scopes.join(" ")));
        }
        if self.issuer.is_some() {
            let path = if self.path == "/" { "" } else { &self.path };
            parts.push(format!("resource_metadata=\"{}{WELL_KNOWN}{path}\"", self.base(request)));
        }
        let text =
            if parts.is_empty() { "Bearer".to_owned() } else { format!("Bearer {}", parts.join(", ")) };
        HeaderValue::from_str(&text).ok()
    }

    /// The URL of the server: the configured one, or that of the request. A forged `Host` header affects only the response
    /// to its own request.
    fn base(&self, request: &HeaderMap) -> String {
        if let Some(url) = &self.public_url {
            return url.clone();
        }
        let text = |name| request.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let scheme = if text("x-forwarded-proto") == Some("https") { "https" } else { "http" };
        let host = text(header::HOST.as_str()).and_then(|host| host.parse::<Authority>().ok());
        let host = host.as_ref().map_or("localhost", Authority::as_str);
        format!("{scheme}://{host}")
    }
}
