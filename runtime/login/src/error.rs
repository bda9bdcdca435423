//! Errors, as OAuth answers them: <https://www.rfc-editor.org/rfc/rfc6749#section-5.2> (read 2026-11-28).

use std::borrow::Cow;

use http::StatusCode;
use mcp_lambda_core::{
    error::{Causes, StoreError},
    keys::KeysError,
};
use serde_json::{Value, json};

/// An error of OAuth: its code, and what the developer of the client should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OAuthError {
    pub(crate) code: &'static str,
    pub(crate) description: Cow<'static, str>,
    pub(crate) status: StatusCode,
}

impl OAuthError {
    fn new(code: &'static str, description: impl Into<Cow<'static, str>>) -> Self {
        Self { code, description: description.into(), status: StatusCode::BAD_REQUEST }
    }

    pub(crate) fn invalid_request(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new("invalid_request", description)
    }

    /// The client is unknown: its registration is forged or of a key that is gone, or its document cannot be used.
    pub(crate) fn invalid_client(description: impl Into<Cow<'static, str>>) -> Self {
        Self { status: StatusCode::UNAUTHORIZED, ..Self::new("invalid_client", description) }
    }

    pub(crate) fn invalid_grant(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new("invalid_grant", description)
    }

    pub(crate) fn unsupported_grant_type() -> Self {
        Self::new("unsupported_grant_type", "grant_type must be authorization_code or refresh_token")
    }

    pub(crate) fn unsupported_response_type() -> Self {
        Self::new("unsupported_response_type", "response_type must be code")
    }

    pub(crate) fn invalid_scope(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new("invalid_scope", description)
    }

    /// <https://www.rfc-editor.org/rfc/rfc8707#section-2> (read 2026-11-28).
    pub(crate) fn invalid_target(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new("invalid_target", description)
    }

    pub(crate) fn access_denied(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new("access_denied", description)
    }

    /// <https://www.rfc-editor.org/rfc/rfc7591#section-3.2.2> (read 2026-11-28).
    pub(crate) fn invalid_redirect_uri(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new("invalid_redirect_uri", description)
    }

    pub(crate) fn invalid_client_metadata(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new("invalid_client_metadata", description)
    }

    pub(crate) fn unsupported_token_type(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new("unsupported_token_type", description)
    }

    pub(crate) fn too_many_requests(description: impl Into<Cow<'static, str>>) -> Self {
        Self { status: StatusCode::TOO_MANY_REQUESTS, ..Self::new("temporarily_unavailable", description) }
    }

    pub(crate) fn temporarily_unavailable(description: impl Into<Cow<'static, str>>) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, ..Self::new("temporarily_unavailable", description) }
    }

    pub(crate) fn server_error() -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self { status, ..Self::new("server_error", "internal error") }
    }

    pub(crate) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// The error as the JSON of a response.
    pub(crate) fn json(&self) -> Value {
        json!({ "error": self.code, "error_description": self.description })
    }
}

/// The client gets a text that tells nothing of the store, the log gets the cause.
impl From<StoreError> for OAuthError {
    fn from(error: StoreError) -> Self {
        tracing::error!(error = %Causes(&error), "the store of the authorization server failed");
        if error.is_retryable() {
            return Self::temporarily_unavailable("the server cannot answer at the moment: try again");
        }
        Self::server_error()
    }
}

/// The client gets a text that tells nothing of the secret, which its reader has logged.
impl From<KeysError> for OAuthError {
    fn from(_: KeysError) -> Self {
        Self::temporarily_unavailable("the server cannot answer at the moment: try again")
    }
}
