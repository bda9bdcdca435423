//! Why an invocation fails.

use http::HeaderName;

/// The header, or trailer, with the type of an error.
pub(super) const ERROR_TYPE: HeaderName = HeaderName::from_static("lambda-runtime-function-error-type");
/// The trailer with an error as JSON in base64.
pub(super) const ERROR_BODY: HeaderName = HeaderName::from_static("lambda-runtime-function-error-body");

/// The error of an invocation. Lambda retries an asynchronous invocation and then moves it to the dead-letter queue.
///
/// A tower layer around the invocations may return one; the invoker reads its type and its message.
#[derive(Debug, Clone, thiserror::Error, serde::Serialize)]
#[error("{kind}: {message}")]
pub struct InvocationError {
    #[serde(rename = "errorType")]
    pub(super) kind: &'static str,
    #[serde(rename = "errorMessage")]
    pub(super) message: String,
}

impl InvocationError {
    /// Creates an error of a type, which must be visible ASCII.
    #[must_use]
    pub fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}
